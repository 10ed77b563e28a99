"""The best recipe on several real catalogues, by folds: what a change of code or settings does.

    python benchmarks/catalogues.py --data FOLDER [--before CHECKOUT] [--folds 5] [--workers 1]
        [--catalogues "lego;toys_uk"] [--name catalogues] [--runs outputs/catalogues] [override …]

Compared is this checkout with the overrides, and before them: CHECKOUT, or this one, without them.
FOLDER holds the catalogues of CATALOGUES; none of them comes with the repository. Each product is
predicted once, by a model that was trained and stopped without its fold (data.split.folds).
Differences are paired, with 95% bootstrap intervals over products; those of lengths from 100 on
stand beside all, since a few tiny lengths decide a MAPE over all. "val loss" is the mean
cross-entropy of the folds' best epochs. Finished runs are kept in --runs and not run again. Results
go to benchmarks/results/NAME.md.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measured import RESULTS

from product_length.evaluation.metrics import absolute_percentage_errors
from product_length.evaluation.predictions import load_predictions
from product_length.evaluation.report import REPORT_FILE
from product_length.evaluation.resampling import mean_differences
from product_length.writing import write_text

CATALOGUES = {
    "amazon": ["amazon2023_sample.csv", "data.min_length=40", "data.max_length=5000"],
    "cmoa": ["cmoa.csv"],
    "lego": ["lego.csv"],
    "promptcloud": ["promptcloud.csv"],
    "toys_uk": ["toys_uk.csv"],
}
HERE = Path(__file__).parents[1]
LEAST_LENGTHS = (0, 100)
HEADER = """\
| catalogue | products | lengths | before | now | now minus before, points | val loss |
| --- | ---: | --- | ---: | ---: | ---: | ---: |
"""


@dataclass(frozen=True)
class Side:
    """One of the two that are compared: code, and overrides of the best recipe."""

    checkout: Path
    overrides: tuple[str, ...]

    def folder(self, runs: Path, catalogue: str, fold: int) -> Path:
        """Where one run of it is kept."""
        made_of = json.dumps([str(self.checkout), self.overrides]).encode()
        return runs / f"{catalogue}_{fold}_{hashlib.sha256(made_of).hexdigest()[:8]}"


def main() -> None:
    options = parser().parse_args()
    runs = options.runs.resolve()
    sides = [Side(options.before.resolve(), ()), Side(HERE, tuple(options.overrides))]
    jobs = [
        (name, side, fold)
        for name in options.catalogues
        for fold in range(options.folds)
        for side in sides
    ]
    with ThreadPoolExecutor(options.workers) as pool:
        for line in pool.map(lambda job: train(options, runs, *job), jobs):
            print(line, flush=True)
    lines = []
    for name in options.catalogues:
        folders = [
            [side.folder(runs, name, fold) for fold in range(options.folds)] for side in sides
        ]
        lines += compared(name, *folders)
    text = f"`{command(options)}`\n\n{HEADER}" + "".join(f"{line}\n" for line in lines)
    write_text(RESULTS / f"{options.name}.md", text)
    print(text)


def command(options: argparse.Namespace) -> str:
    words = ["python benchmarks/catalogues.py --data FOLDER"]
    words += [] if options.before == HERE else ["--before CHECKOUT"]
    words += [f'--folds {options.folds} --catalogues "{";".join(options.catalogues)}"']
    return " ".join([*words, f"--name {options.name}", *options.overrides])


def train(options: argparse.Namespace, runs: Path, name: str, side: Side, fold: int) -> str:
    folder = side.folder(runs, name, fold)
    if (folder / REPORT_FILE).exists():
        return f"{folder.name}: there"
    file, *chosen = CATALOGUES[name]
    overrides = [
        "experiment=best",
        "data=amazon2023",
        f"data.path={options.data.resolve() / file}",
        *chosen,
        f"data.split.folds={options.folds}",
        f"data.split.fold={fold}",
        "tracking=none",
        "trainer=cpu",
        "trainer.progress=false",
        "evaluation.baselines=false",
        f"cache_dir={runs / 'cache'}",
        f"hydra.run.dir={folder}",
        *side.overrides,
    ]
    subprocess.run(
        [sys.executable, "-m", "product_length.train", *overrides],
        cwd=side.checkout,
        env={**os.environ, "PYTHONPATH": str(side.checkout), "OMP_NUM_THREADS": "1"},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return f"{folder.name}: trained"


def compared(name: str, before: Sequence[Path], now: Sequence[Path]) -> list[str]:
    """Lines of the table for one catalogue, from the runs of its folds."""
    old, new = (
        [load_predictions(folder, "test") for folder in folders] for folders in (before, now)
    )
    if [list(each.product_ids) for each in old] != [list(each.product_ids) for each in new]:
        sys.exit(f"{name}: the two have other products in their folds and cannot be paired")
    lengths = np.concatenate([each.lengths for each in new])
    errors = [
        np.concatenate([absolute_percentage_errors(f.lengths, f.predictions) for f in side])
        for side in (old, new)
    ]
    losses = [np.mean([best_val_loss(folder) for folder in folders]) for folders in (before, now)]
    lines = []
    for least in LEAST_LENGTHS:
        chosen = lengths >= least
        was, is_now = (each[chosen] for each in errors)
        [found] = mean_differences([(is_now, was)])
        points = [f"{100 * each:+.2f}" for each in (found.value, found.low, found.high)]
        lines.append(
            f"| {name} | {found.rows:,} | {f'from {least} on' if least else 'all'} | "
            f"{was.mean():.2%} | {is_now.mean():.2%} | "
            f"{points[0]} ({points[1]} to {points[2]}) | "
            f"{'' if least else f'{losses[0]:.3f} → {losses[1]:.3f}'} |"
        )
    return lines


def best_val_loss(folder: Path) -> float:
    """Cross-entropy of val rows at the best epoch, nats; any version's report has it."""
    report = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))
    return float(report["history"][report["best_epoch"] - 1]["val/loss"])


def parser() -> argparse.ArgumentParser:
    described = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    described.add_argument("--data", type=Path, required=True, help="the catalogues' folder")
    described.add_argument("--before", type=Path, default=HERE, help="another checkout")
    described.add_argument("--folds", type=int, default=5)
    described.add_argument("--workers", type=int, default=1)
    described.add_argument(
        "--catalogues", type=lambda text: text.split(";"), default=list(CATALOGUES)
    )
    described.add_argument("--name", default="catalogues", help="of the file of results")
    described.add_argument("--runs", type=Path, default=Path("outputs/catalogues"))
    described.add_argument("overrides", nargs="*", help="such as embeddings=[words,ngrams]")
    return described


if __name__ == "__main__":
    main()
