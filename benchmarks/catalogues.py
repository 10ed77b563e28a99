"""The best recipe on several real catalogues, by folds: this checkout beside another, paired.

    python benchmarks/catalogues.py --data FOLDER --before CHECKOUT [--folds 5] [--workers 1]
        [--catalogues "lego;toys_uk"] [--runs outputs/catalogues] [override …]

FOLDER holds the catalogues of CATALOGUES; none of them comes with the repository. Each product is
predicted once, by a model that was trained and stopped without its fold (data.split.folds). The
difference of the two checkouts' absolute percentage errors has a 95% bootstrap interval over
products, of lengths from 100 on beside all, since a few tiny lengths decide a MAPE over all. "val
loss" is the mean cross-entropy of best epochs. Finished runs are kept in --runs and not run
again. Results go to benchmarks/results/catalogues.md.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from measured import RESULTS

from product_length.evaluation.metrics import absolute_percentage_errors
from product_length.evaluation.predictions import load_predictions
from product_length.evaluation.report import REPORT_FILE
from product_length.writing import write_text

CATALOGUES = {
    "amazon": ["amazon2023_sample.csv", "data.min_length=40", "data.max_length=5000"],
    "cmoa": ["cmoa.csv"],
    "lego": ["lego.csv"],
    "promptcloud": ["promptcloud.csv"],
    "toys_uk": ["toys_uk.csv"],
}
HERE = Path(__file__).parents[1]
LEAST = (0, 100)
RESAMPLES = 2000


def main() -> None:
    options = parser().parse_args()
    versions = {"old": Path(options.before).resolve(), "new": HERE}
    jobs = [
        (name, version, fold)
        for name in options.catalogues
        for fold in range(options.folds)
        for version in versions
    ]
    with ThreadPoolExecutor(options.workers) as pool:
        for line in pool.map(lambda job: train(options, versions[job[1]], *job), jobs):
            print(line, flush=True)
    lines = [
        "| catalogue | products | lengths | before | now | now minus before, points | val loss |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: |",
        *(line for name in options.catalogues for line in compared(options, name)),
    ]
    command = "python benchmarks/catalogues.py --data FOLDER --before CHECKOUT"
    text = "\n".join([f"`{command} --folds {options.folds}`", "", *lines, ""])
    write_text(RESULTS / "catalogues.md", text)
    print(text)


def folder_of(options: argparse.Namespace, name: str, version: str, fold: int) -> Path:
    return Path(options.runs).resolve() / f"{name}_{version}_{fold}"


def train(options: argparse.Namespace, checkout: Path, name: str, version: str, fold: int) -> str:
    folder = folder_of(options, name, version, fold)
    if (folder / REPORT_FILE).exists():
        return f"{folder.name}: there"
    file, *chosen = CATALOGUES[name]
    overrides = [
        "experiment=best",
        "data=amazon2023",
        f"data.path={Path(options.data).resolve() / file}",
        *chosen,
        f"data.split.folds={options.folds}",
        f"data.split.fold={fold}",
        "tracking=none",
        "trainer=cpu",
        "trainer.progress=false",
        "evaluation.baselines=false",
        f"cache_dir={Path(options.runs).resolve() / 'cache'}",
        f"hydra.run.dir={folder}",
        *options.overrides,
    ]
    subprocess.run(
        [sys.executable, "-m", "product_length.train", *overrides],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
    )
    return f"{folder.name}: done"


def compared(options: argparse.Namespace, name: str) -> list[str]:
    """Lines of the table for one catalogue."""
    errors, losses = {}, {}
    for version in ("old", "new"):
        folders = [folder_of(options, name, version, fold) for fold in range(options.folds)]
        kept = [load_predictions(folder, "test") for folder in folders]
        lengths = np.concatenate([each.lengths for each in kept])
        errors[version] = np.concatenate(
            [absolute_percentage_errors(each.lengths, each.predictions) for each in kept]
        )
        losses[version] = np.mean([best_val_loss(folder) for folder in folders])
    return [
        line(name, least, lengths >= least, errors, losses if least == LEAST[0] else None)
        for least in LEAST
    ]


def line(
    name: str,
    least: int,
    chosen: np.ndarray,
    errors: dict[str, np.ndarray],
    losses: dict[str, float] | None,
) -> str:
    old, new = (100 * errors[version][chosen] for version in ("old", "new"))
    difference = new - old
    random = np.random.default_rng(0)
    sampled = [
        difference[random.integers(0, len(difference), len(difference))].mean()
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(sampled, [0.025, 0.975])
    loss = "" if losses is None else f"{losses['old']:.3f} → {losses['new']:.3f}"
    said = f"{difference.mean():+.2f} ({low:+.2f} to {high:+.2f})"
    lengths = "all" if least == 0 else f"from {least} on"
    return (
        f"| {name} | {len(old):,} | {lengths} | {old.mean():.2f}% | {new.mean():.2f}% | {said} | "
        f"{loss} |"
    )


def best_val_loss(folder: Path) -> float:
    """Cross-entropy of val rows at the best epoch, nats; read plainly from any schema."""
    report = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))
    return float(report["history"][report["best_epoch"] - 1]["val/loss"])


def parser() -> argparse.ArgumentParser:
    described = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    described.add_argument("--data", required=True, help="the folder of the catalogues")
    described.add_argument("--before", required=True, help="another checkout of this repository")
    described.add_argument("--folds", type=int, default=5)
    described.add_argument("--workers", type=int, default=1)
    described.add_argument(
        "--catalogues", type=lambda text: text.split(";"), default=list(CATALOGUES)
    )
    described.add_argument("--runs", default="outputs/catalogues")
    described.add_argument("overrides", nargs="*")
    return described


if __name__ == "__main__":
    main()
