"""This checkout against another one: each stage of a run and a prediction, in turns.

    git worktree add ../before COMMIT
    python benchmarks/against.py ../before [--rows 300000] [--best-rows 100000] [--rounds 1]
        [--only "run;best"] [--other-workers 2]

In each round, one checkout after the other, the order changing with the round:

- "run": `train` on a demo catalogue of so many rows with LSA embeddings, 20 neighbours and one
  epoch (a cache of its own, empty at first), and `predict` of a third as many, from nothing and
  once more with the texts encoded;
- "best": `train experiment=best` on so many rows, three epochs, embeddings and neighbours in the
  cache; the rate is the median of the epochs after the first.

This checkout encodes in threads, as it does by default, the other one in so many processes. A
ratio is the other's time over ours (of a rate ours over the other's): above 1 this checkout is
faster. Beside the clock stands the processor's time, which other work on the machine sways less.
Results go to benchmarks/results/against.json and .md, where those of other sizes stay.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from measured import RESULTS, Figure, add_figures, machine
from pipeline import STAGES, TEST_ROWS, TRAIN_ROWS, write_demo

from product_length.evaluation.report import load_report
from product_length.writing import write_text

HERE = Path(__file__).resolve().parents[1]
TYPES = 12_000
BEST = "experiment=best"


class Measured(NamedTuple):
    """One figure of one checkout; `higher_is_better` of rates, metrics have no ratio."""

    name: str
    value: float
    unit: str
    higher_is_better: bool = False


def main() -> int:
    options = parser().parse_args()
    others = {"this": HERE, "other": options.other.resolve()}
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: {name: [] for name in others})
    kinds: dict[str, Measured] = {}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        place = Path(folder)
        predicted = max(1, round(options.rows * TEST_ROWS / TRAIN_ROWS))
        if "run" in options.only:
            write_demo(place, options.rows, predicted, TYPES)
        for number in range(options.rounds):
            for name in list(others) if number % 2 else list(others)[::-1]:
                for each in measured(others[name], place / name, options):
                    found[each.name][name].append(each.value)
                    kinds[each.name] = each
                    print(f"{name}: {each.name}: {each.value:.4g} {each.unit}", flush=True)
    sizes = {name: rows_of(name, options) for name in found}
    figures = figures_of(found, kinds, sizes)
    words = [f"--rows {options.rows}", f"--best-rows {options.best_rows}"]
    words += [f"--rounds {options.rounds}", f'--only "{";".join(options.only)}"']
    words += [f"--other-workers {options.other_workers}"]
    command = f"python benchmarks/against.py OTHER {' '.join(words)}"
    figures = add_figures(options.results / "against.json", figures, command)
    write_text(options.results / "against.md", as_markdown(figures))
    print(as_markdown(figures))
    return 0


def measured(checkout: Path, folder: Path, options: argparse.Namespace) -> Iterator[Measured]:
    """One round of one checkout."""
    folder.mkdir(exist_ok=True)
    if "run" in options.only:
        yield from whole_run(checkout, folder, 1 if checkout == HERE else options.other_workers)
    if "best" in options.only:
        yield from best(checkout, folder, options.best_rows)


def whole_run(checkout: Path, folder: Path, workers: int) -> Iterator[Measured]:
    """Stages of a run, then a prediction, from an empty cache."""
    cache, run_folder = folder / "cache", folder / "run"
    words = ["data=amazon2023", f"data.path={folder.parent / 'train.csv'}", "embeddings=lsa"]
    words += [f"embeddings.workers={workers}", "features=knn", "trainer.max_epochs=1"]
    words += ["tracking=none", f"cache_dir={cache}", f"hydra.run.dir={run_folder}"]
    wall, processor, memory = run(checkout, "train", *words)
    report = load_report(run_folder)
    for stage, called in STAGES.items():
        yield Measured(called, report.timings[stage], "s")
    yield Measured("whole run", wall, "s")
    yield Measured("whole run, processor", processor, "s")
    yield Measured("whole run, peak memory", memory, "GB")
    yield Measured("val MAPE", report.val.metrics.mape.value or 0.0, "")
    words = [f"checkpoint={run_folder / 'checkpoints' / 'best.ckpt'}", f"workers={workers}"]
    words += [f"data.path={folder.parent / 'test.csv'}", f"output={folder / 'submission.csv'}"]
    for name in ("prediction", "prediction, texts encoded"):
        wall, processor, memory = run(checkout, "predict", *words, f"cache_dir={cache}")
        yield Measured(name, wall, "s")
        yield Measured(f"{name}, processor", processor, "s")
        yield Measured(f"{name}, peak memory", memory, "GB")
    subprocess.run(["rm", "-rf", cache, run_folder], check=True)


def best(checkout: Path, folder: Path, rows: int) -> Iterator[Measured]:
    """Rows/s of the best recipe's training."""
    words = ["experiment=best", f"data.rows={rows}", "trainer=cpu", "trainer.max_epochs=3"]
    words += ["tracking=none", "evaluation.baselines=false", f"cache_dir={folder / 'best'}"]
    words += [f"hydra.run.dir={folder / 'best_run'}"]
    run(checkout, "train", *words)
    report = load_report(folder / "best_run")
    rates = [epoch["rows_per_second"] for epoch in report.history[1:]]
    yield Measured(f"{BEST}, training", statistics.median(rates), "rows/s", True)
    yield Measured(f"{BEST}, val MAPE", report.val.metrics.mape.value or 0.0, "")


def run(checkout: Path, verb: str, *words: str) -> tuple[float, float, float]:
    """Run a command: seconds, seconds of processors, and peak memory in GB."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", f"product_length.{verb}", *words],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        sys.exit(f"product_length.{verb} failed in {checkout}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20


def rows_of(name: str, options: argparse.Namespace) -> int:
    """Of the demo catalogue that a figure is of."""
    return int(options.best_rows if name.startswith(BEST) else options.rows)


def figures_of(
    found: dict[str, dict[str, list[float]]], kinds: dict[str, Measured], sizes: dict[str, int]
) -> list[Figure]:
    """Medians of both over the rounds, and the median of the rounds' ratios."""
    figures = []
    for name, values in found.items():
        kind, rows = kinds[name], sizes[name]
        for which, each in values.items():
            figures.append(Figure(f"{name}: {which}", statistics.median(each), kind.unit, rows))
        pairs = zip(values["this"], values["other"], strict=True)
        if kind.unit:  # metrics have none
            ratios = [
                mine / other if kind.higher_is_better else other / mine for mine, other in pairs
            ]
            figures.append(Figure(f"{name}: ratio", statistics.median(ratios), "", rows))
    return figures


def as_markdown(figures: list[Figure]) -> str:
    """A line for each figure."""
    cells: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for each in figures:
        name, which = each.name.rsplit(": ", 1)
        value = f"{each.value:,.0f}" if each.value >= 1000 else f"{each.value:.3g}"
        shown = f"{each.value:.1%}" if name.endswith("MAPE") else f"{value} {each.unit}".strip()
        cells[name, each.rows][which] = shown
    lines = [
        f"{machine()}:",
        "",
        "| | rows | before | now | ratio |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {name} | {rows:,} | {each['other']} | {each['this']} | {each.get('ratio', '')} |"
        for (name, rows), each in cells.items()
    ]
    return "\n".join(lines) + "\n"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("other", type=Path, help="a checkout of another commit")
    made.add_argument("--rows", type=int, default=300_000)
    made.add_argument("--best-rows", type=int, default=100_000)
    made.add_argument("--rounds", type=int, default=1)
    made.add_argument("--only", type=lambda text: text.split(";"), default=["run", "best"])
    made.add_argument("--other-workers", type=int, default=2, help="processes that it encodes in")
    made.add_argument("--folder", type=Path, help="where files and caches are kept meanwhile")
    made.add_argument("--results", type=Path, default=RESULTS)
    return made


if __name__ == "__main__":
    sys.exit(main())
