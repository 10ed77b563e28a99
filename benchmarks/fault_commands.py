"""The commands that benchmarks/faults.py kills: what is typed, and what they should come to."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from product_length.demo.generator import DemoGenerator
from product_length.evaluation.report import load_report

ROWS, TYPES, NEW_ROWS = 600, 8, 200
"""Products to train on, their types, and products to predict."""
_ENCODER = ["embeddings=words", "embeddings.encoders.words.dimensions=16"]
_ENCODER += ["embeddings.chunk_rows=64", "cache_dir=cache"]
_SMALL = [*_ENCODER, "features=full", "features.neighbours.k=5", "model.hidden=[16]", "trainer=cpu"]
_SMALL += ["trainer.progress=false", "trainer.batch_size=64", "tracking=none"]
_SMALL += ["evaluation.resamples=100", "evaluation.baselines=false"]
_EXPERTS = ["loss=histogram", "features.experts=true", "trainer.max_epochs=8"]
# A command that takes longer than this, in seconds, hangs; a sweep waits for the killed trial.
_LIMIT = 400.0

Result = Mapping[str, NDArray[np.float64] | str]
"""What a command comes to, by name: numbers, or a text."""


@dataclass(frozen=True)
class Command:
    """One of the commands.

    `words`: what is typed after `python -m` in a folder as it is now; `result`: what it left in
    the folder (KeyError, OSError or ValueError where it left none); `starts_with`: what a folder
    holds before a first run, paths below the folder with the undisturbed runs.
    """

    name: str
    words: Callable[[Path], list[str]]
    result: Callable[[Path], Result]
    starts_with: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code (negative: the signal), what it said, seconds."""

    code: int
    said: str
    seconds: float


def write_catalogues(root: Path) -> None:
    """A catalogue with lengths, and one whose lengths are asked for."""
    (table,) = DemoGenerator(ROWS + NEW_ROWS, TYPES, seed=3).batches()
    pyarrow.csv.write_csv(table.slice(0, ROWS), root / "train.csv")
    new = table.slice(ROWS).drop_columns(["PRODUCT_LENGTH"])
    pyarrow.csv.write_csv(new, root / "new.csv")


def commands(root: Path) -> dict[str, Command]:
    """The commands by name, on the catalogues in `root`."""
    data = ["data=amazon2023", f"data.path={root / 'train.csv'}"]

    def embed(_: Path) -> list[str]:
        return ["product_length.embed", *data, *_ENCODER]

    def train(folder: Path, run: str = "run") -> list[str]:
        words = ["product_length.train", *data, *_SMALL, *_EXPERTS, f"hydra.run.dir={run}"]
        last = Path(run) / "checkpoints" / "last.ckpt"
        return [*words, f"trainer.resume={last}"] if (folder / last).exists() else words

    def other(folder: Path) -> list[str]:
        return train(folder, "other")

    def predict(_: Path) -> list[str]:
        words = ["product_length.predict", "checkpoint=run/checkpoints/best.ckpt"]
        return [*words, f"data.path={root / 'new.csv'}", "output=new.csv", "cache_dir=cache"]

    def sweep(_: Path) -> list[str]:
        words = ["product_length.train", "-m", *data, *_SMALL, "trainer.max_epochs=2"]
        words += ["sweep=losses", "loss=mape,rmsle", "features.use_log_target=true", "seed=1,2"]
        return [*words, "study=mine"]

    def report(_: Path) -> list[str]:
        return ["product_length.report", "multirun/mine", "--output", "comparison"]

    every = [
        Command("embed", embed, _vectors),
        Command("train", train, lambda folder: _predictions(folder / "run")),
        Command("train beside it", other, lambda folder: _predictions(folder / "other")),
        Command("predict", predict, _submission, ("trained/run",)),
        Command("sweep", sweep, _trials, ("trained/cache",)),
        Command("report", report, _comparison, ("swept/multirun",)),
    ]
    return {each.name: each for each in every}


def _vectors(folder: Path) -> Result:
    files = sorted(folder.glob("cache/embeddings/*/array.npy"))
    return {file.parent.name: np.load(file).astype(np.float64) for file in files}


def _predictions(run: Path) -> Result:
    tables = {
        split: pyarrow.parquet.read_table(run / f"predictions_{split}.parquet")
        for split in ("val", "test")
    }
    found = {name: table["prediction"].to_numpy() for name, table in tables.items()}
    return {**found, "val MAPE": np.array([load_report(run).val.metrics.mape.value])}


def _submission(folder: Path) -> Result:
    with (folder / "new.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    ids, lengths = zip(*rows, strict=True)
    return {" ".join(header): " ".join(ids), "lengths": np.array(lengths, dtype=np.float64)}


def _trials(folder: Path) -> Result:
    """The val MAPE of each combination, and what the comparison says of all."""
    found: dict[str, list[float]] = {}
    for file in sorted(folder.glob("multirun/mine/*/report.json")):
        report = json.loads(file.read_text("utf-8"))
        varied = [text for text in report["overrides"] if text.startswith(("loss=", "seed="))]
        mape = report["splits"]["val"]["metrics"]["values"]["mape"]["value"]
        found.setdefault(" ".join(sorted(varied)), []).append(mape)
    # A combination may have been finished twice, the same way.
    values = {name: np.unique(np.round(each, 9)) for name, each in found.items()}
    with (folder / "multirun" / "mine" / "comparison.csv").open(encoding="utf-8") as file:
        compared = {
            f"{row['overrides']} seed={seed}"
            for row in csv.DictReader(file)
            for seed in row["seeds"].split(";")
        }
    return {**values, "compared": "; ".join(sorted(compared))}


def _comparison(folder: Path) -> Result:
    return {"comparison": (folder / "comparison" / "comparison.csv").read_text("utf-8")}


def same(one: Result, other: Result) -> bool:
    """Whether two results agree, numbers to 1e-6."""
    if one.keys() != other.keys():
        return False
    for name, value in one.items():
        against = other[name]
        if isinstance(value, str) or isinstance(against, str):
            if value != against:
                return False
        elif value.shape != against.shape or not np.allclose(value, against, rtol=1e-6, atol=0):
            return False
    return True


def run(
    command: Command, folder: Path, kill_after: float | None = None, *, once_it_speaks: bool = False
) -> Ended:
    """Run a command to its end, or kill it after so many seconds.

    These count from its start, or from its first word, which comes when imports are done.
    """
    started = time.monotonic()
    process, log = start(command, folder)
    if once_it_speaks:
        while not log.stat().st_size and process.poll() is None:
            time.sleep(0.02)
    try:
        process.wait(_LIMIT if kill_after is None else kill_after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # with the processes that it started
        process.wait()
    return Ended(process.returncode, log.read_text("utf-8", "replace"), time.monotonic() - started)


def start(command: Command, folder: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """A process of its own group that runs the command, and the file with all that it says."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("WANDB")}
    environment |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    environment |= {"PYTHONPATH": str(Path(__file__).parents[1])}
    log = folder / f"said-{time.monotonic_ns()}.txt"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *command.words(folder)],
            cwd=folder,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return process, log


def seconds_to_first_word(command: Command, folder: Path) -> float:
    """How long a command, which is killed then, takes until it says something."""
    started = time.monotonic()
    process, log = start(command, folder)
    while not log.stat().st_size and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return time.monotonic() - started


def fault(ended: Ended, folder: Path, command: Command, expected: Result) -> str | None:
    """What is wrong with a run that should have come to `expected`; None if nothing is."""
    if ended.code != 0:
        return f"exit code {ended.code}: {last_words(ended.said, folder)}"
    try:
        found = command.result(folder)
    except (OSError, KeyError, ValueError) as error:
        return f"exit code 0, and no result: {last_words(str(error), folder)}"
    if not same(found, expected):
        return f"another result, exit code 0: {last_words(ended.said, folder)}"
    partial = [path for path in folder.rglob("*") if "partial" in path.name]
    left = sorted(path.name for path in partial if not _is_of_killed_trial(path))
    return f"left behind: {_shown(', '.join(left), folder)}" if left else None


def _is_of_killed_trial(path: Path) -> bool:
    """Whether a file is in the folder of a trial that was killed: another folder replaces it."""
    runs = [each for each in path.parents if (each / "config.yaml").is_file()]
    return any(not (run / "report.json").is_file() for run in runs)


def is_refusal(ended: Ended) -> bool:
    """Whether a process ended with one clear line."""
    clear = [line for line in ended.said.splitlines() if line.startswith("error: ")]
    return ended.code in (1, 2) and len(clear) == 1 and "Traceback" not in ended.said


def last_words(said: str, folder: Path) -> str:
    """The last line that a process wrote, without places on this machine."""
    lines = [line for line in said.splitlines() if line.strip()]
    traced = "traceback, " if "Traceback" in said else ""
    return f"{traced}{_shown(lines[-1] if lines else 'nothing said', folder)}"


def _shown(text: str, folder: Path) -> str:
    text = text.replace(str(folder), "FOLDER").replace(str(folder.parent), "ROOT")
    return re.sub(r"[0-9a-f]{12,}", "…", text)[:300]


def fresh(root: Path, name: str, command: Command) -> Path:
    """An empty folder for a first run of a command, with what that starts from."""
    folder = root / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path in command.starts_with:
        shutil.copytree(root / path, folder / Path(path).name)
    return folder
