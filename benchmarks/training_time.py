"""How long the best recipe trains on small catalogues, as a ratio to other recipes.

    python benchmarks/training_time.py --data FOLDER [--catalogues "promptcloud;toys_uk"]
        [--rounds 5] [--runs outputs/training_time]

In each round every recipe trains on fold 0 of each catalogue, one after the other in a process of
its own, on one thread. What is compared is the processor time of training alone (embeddings and
neighbours lie in the cache by then), which other work on the machine sways less than the clock. A
ratio is that of two trainings of one round; the table has the median of the rounds and the range.
Results go to benchmarks/results/training_time.json and .md.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from catalogue_tables import ALL_CATALOGUES, table_at
from catalogues import EVERY_RUN, names
from contestants import RECIPES
from measured import RESULTS, Figure, write_figures
from tqdm import tqdm

from product_length.errors import UserError
from product_length.evaluation.report import load_report
from product_length.writing import write_text

HERE = Path(__file__).resolve().parents[1]
BEST = "best"
OTHERS = {
    "reference": RECIPES["reference"],
    "best with 12 steps an epoch": [*RECIPES[BEST], "trainer.min_steps=12"],
}
# The stages of a run are timed by the stopwatch's clock: here the processor time of all threads.
TRAIN_BY_PROCESSOR_TIME = """
import runpy, time, types
from product_length import stopwatch
stopwatch.time = types.SimpleNamespace(perf_counter=time.process_time)
runpy.run_module("product_length.train", run_name="__main__", alter_sys=True)
"""


def main() -> int:
    options = parser().parse_args()
    try:
        figures = measure(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    command = f"python benchmarks/training_time.py --data FOLDER --rounds {options.rounds} "
    command += f'--catalogues "{";".join(options.catalogues)}"'
    write_figures(options.results / "training_time.json", figures, command)
    write_text(options.results / "training_time.md", as_markdown(figures))
    print(as_markdown(figures))
    return 0


def measure(options: argparse.Namespace) -> list[Figure]:
    """Seconds and ratios of each catalogue. Raises UserError for a training that failed."""
    recipes = {BEST: RECIPES[BEST], **OTHERS}
    figures = []
    for catalogue in options.catalogues:
        seconds: dict[str, list[float]] = {name: [] for name in recipes}
        rows = 0
        # The first round fills the cache and is not counted.
        turns = [(at, name) for at in range(-1, options.rounds) for name in recipes]
        for at, name in tqdm(turns, desc=catalogue):
            spent, rows = train(options, catalogue, recipes[name])
            if at >= 0:
                seconds[name].append(spent)
        figures += figures_of(catalogue, rows, seconds)
    return figures


def train(options: argparse.Namespace, catalogue: str, recipe: Sequence[str]) -> tuple[float, int]:
    """Processor seconds of one training, and the products that it had. Raises UserError."""
    file, chosen = ALL_CATALOGUES[catalogue]
    runs = options.runs.resolve()
    table = table_at(options.data.resolve(), file, runs)
    words = ["embeddings=words", *chosen, *recipe, *EVERY_RUN, f"data.path={table}"]
    words += [f"cache_dir={runs / 'cache'}", f"hydra.run.dir={runs / 'run'}"]
    words += ["data.split.folds=5", "data.split.fold=0"]
    shutil.rmtree(runs / "run", ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-c", TRAIN_BY_PROCESSOR_TIME, *words],
        cwd=HERE,
        env={**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise UserError(f"{catalogue}: a training failed ({last})")
    report = load_report(runs / "run")
    return report.timings["train"], report.data.rows["train"]


def figures_of(catalogue: str, rows: int, seconds: dict[str, list[float]]) -> list[Figure]:
    """Median seconds of each recipe, and the ratios of rounds: median, least, most."""
    unit = "s of processor time"
    found = [
        Figure(f"{catalogue}: {name}", statistics.median(each), unit, rows)
        for name, each in seconds.items()
    ]
    for name in OTHERS:
        ratios = [mine / other for mine, other in zip(seconds[BEST], seconds[name], strict=True)]
        for word, of in (("", statistics.median), (", least", min), (", most", max)):
            found.append(Figure(f"{catalogue}: {BEST} / {name}{word}", of(ratios), "", rows))
    return found


def as_markdown(figures: Sequence[Figure]) -> str:
    """A line for each catalogue: seconds of the best recipe, its ratios and their ranges."""
    values = {each.name: each for each in figures}
    ratios = " | ".join(f"/ {name}" for name in OTHERS)
    lines = [
        f"| catalogue | training products | {BEST}, s | {ratios} |",
        f"| --- | ---: | ---: |{' ---: |' * len(OTHERS)}",
    ]
    for catalogue in dict.fromkeys(each.name.split(":")[0] for each in figures):
        mine = values[f"{catalogue}: {BEST}"]
        cells = [catalogue, f"{mine.rows:,}", f"{mine.value:.1f}"]
        for name in OTHERS:
            ratio, least, most = (
                values[f"{catalogue}: {BEST} / {name}{word}"].value
                for word in ("", ", least", ", most")
            )
            cells.append(f"{ratio:.2f} ({least:.2f} to {most:.2f})")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--data", type=Path, required=True, help="the tables' folder")
    made.add_argument(
        "--catalogues", type=names(ALL_CATALOGUES), default=["promptcloud", "toys_uk", "amazon"]
    )
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--runs", type=Path, default=Path("outputs/training_time"))
    made.add_argument("--results", type=Path, default=RESULTS)
    return made


if __name__ == "__main__":
    sys.exit(main())
