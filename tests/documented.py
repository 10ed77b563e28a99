"""What README.md and the pages under docs/ tell a reader to run, and a folder to run it in."""

import re
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet
from table_of_sets import write_both_tables

from product_length.demo.generator import DemoGenerator

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = [README, CONTRIBUTING, *sorted((ROOT / "docs").rglob("*.md"))]
SMALL = [
    "trainer.max_epochs=1",
    "trainer.progress=false",
    "tracking=none",
    "evaluation.resamples=100",
]
# Encoders that are downloaded; in tests a small model on this machine stands for each.
HUB_ENCODERS = {
    "embeddings=all_four": ["minilm", "mpnet", "distiluse", "e5small"],
    "embeddings=minilm": ["minilm"],
    "embeddings=[words,minilm]": ["minilm"],
}
# Runs that pages speak of, by the name they have there.
RUNS = {
    "RUN": "data.rows=200 data.types=5 loss=histogram",
    "SECOND_RUN": "data.rows=200 data.types=5 loss=histogram seed=2",
    "OTHER_RUN": "data.rows=200 data.types=5 features.use_log_target=true",
    "SETS_RUN": "data=file data.path=sets.csv data.unit=cm data.columns.title=name "
    "data.columns.length=width_cm experiment=best",
}


@dataclass(frozen=True)
class Command:
    """One line of a page that is to be typed."""

    page: str
    line: str

    def __str__(self) -> str:
        return f"{self.page}: {self.line}"


def documented_commands(pages=None):
    """Every command of these pages, each once, by the page that has it first."""
    found = {}
    for path in pages or PAGES:
        name = path.relative_to(ROOT).as_posix()
        for block in re.findall(r"```bash\n(.*?)```", path.read_text("utf-8"), flags=re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                command = re.sub(r"\s+#\s.*|^#.*", "", line).strip()
                if command:
                    found.setdefault(" ".join(command.split()), name)
    return [Command(page, line) for line, page in found.items()]


def module_of(command):
    """The module that a command of ours runs, such as `product_length.train`; None of others."""
    words = command.line.split()
    if words[:2] == ["python", "-m"] and words[2].startswith("product_length."):
        return words[2]
    if words[0] == "product-length" and words[1][0] != "-":
        return f"product_length.{words[1]}"
    return None


class Reader:
    """A folder with the files that the pages name; runs are trained when they are asked for."""

    def __init__(self, folder, minilm):
        self.folder = folder
        self.minilm = minilm
        table = pa.Table.from_batches(DemoGenerator(rows=150, types=5, seed=1).batches())
        csv.write_csv(table, folder / "train.csv")
        csv.write_csv(table.drop_columns(["PRODUCT_LENGTH"]), folder / "test.csv")
        write_both_tables(folder)
        (folder / "parts").mkdir()
        for number in range(2):
            part = table.drop_columns(["PRODUCT_LENGTH"]).slice(75 * number, 75)
            parquet.write_table(part, folder / "parts" / f"{number}.parquet")
        own_feature = re.search(r"```python\n(.*?)```", CONTRIBUTING.read_text("utf-8"), re.DOTALL)
        (folder / "my_features.py").write_text(own_feature[1], encoding="utf-8")

    def run_folder(self, name):
        """A run by its name on the pages."""
        if not (self.folder / name).exists():
            words = [*RUNS[name].split(), *SMALL, f"hydra.run.dir={name}"]
            self.call([sys.executable, "-m", "product_length.train", *words])
        return name

    def call(self, words):
        done = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def words_of(self, command):
        """The words of a command of ours, made small, with what its placeholders stand for."""
        module = module_of(command)
        line = command.line
        if "data.path=sets" in line:
            line = re.sub(r"\bRUN\b", "SETS_RUN", line)
        for name in set(re.findall(r"\b(?:SETS_|OTHER_|SECOND_)?RUN\b", line)):
            self.run_folder(name)
        if "checkpoint=my_model" in line and not (self.folder / "my_model").exists():
            export = [f"checkpoint={self.run_folder('RUN')}", "output=my_model"]
            self.call([sys.executable, "-m", "product_length.export", *export])
        if "output=my_model" in line:
            line = line.replace("output=my_model", "output=another_model")
        line = line.replace("multirun/STUDY", ".")
        line = line.replace("FOLDER", str(self.minilm))
        words = shlex.split(line)
        words = words[3:] if words[0] == "python" else words[2:]
        if module.endswith((".train", ".embed")):
            for name in next((HUB_ENCODERS[word] for word in words if word in HUB_ENCODERS), []):
                words += [f"embeddings.encoders.{name}.max_seq_length=16"]
                if not any(word.startswith(f"embeddings.encoders.{name}.model=") for word in words):
                    words += [f"embeddings.encoders.{name}.model={self.minilm}"]
        if module.endswith(".audit"):
            words += SMALL
        if module.endswith(".train") and "trainer.resume=" not in line:
            words += [word for word in SMALL if word.split("=")[0] not in line]
            if not any(word.startswith("data") for word in words):
                words += ["data.rows=200", "data.types=5"]
        return [sys.executable, "-m", module, *words]

    def run(self, command, *more):
        words = [*self.words_of(command), *more]
        return self.serve(words) if module_of(command).endswith(".serve") else self.call(words)

    def serve(self, words):
        """Run a server until it answers, and stop it as Ctrl-C does."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen([*words, "port=0"], cwd=self.folder, **pipes)
        try:
            assert any("serving at http://" in line for line in process.stdout)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
            assert process.returncode == 0, said
        finally:
            process.kill()
        return process
