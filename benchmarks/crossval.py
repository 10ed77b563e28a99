"""Recipes by repeated cross-validation on a real catalogue, paired with the reference recipe.

    python benchmarks/crossval.py --data train.csv [--folds 5] [--repeats 1] [--workers 2]
        [--embeddings lsa] [--tracks 40–5000] [--recipes "reference;histogram"]

Each product is predicted once a repeat, by a model that was trained and stopped without its fold
(data.split.folds). Its error is the mean over the repeats; intervals are 95% percentile bootstraps
over products, those of differences are paired. The relative difference is that of the two mean
errors. Beside MAPE under `decision=mape` stands the median APE under `decision=median`, where a
recipe predicts a distribution, a mean over folds. Finished runs are kept in --runs and not run
again. Results go to benchmarks/results/crossval.json and crossval.md.
"""

import argparse
import json
import logging
import multiprocessing
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from measured import RESULTS, machine
from numpy.typing import NDArray

from product_length.evaluation.predictions import load_predictions
from product_length.evaluation.report import REPORT_FILE, Report, load_report
from product_length.writing import write_text

TRACKS = {
    "all lengths": [],
    "up to 5000": ["data.max_length=5000"],
    "40–5000": ["data.min_length=40", "data.max_length=5000"],
}
REFERENCE = "reference"
_HISTOGRAM = ["experiment=histogram"]
# The reference is the mlp with MAPE, log target and neighbours, at its best learning rate.
RECIPES = {
    REFERENCE: ["experiment=log_target", "trainer.learning_rate=3e-4", "trainer.min_steps=12"],
    "reference, stated measurements": [
        *("experiment=log_target", "trainer.learning_rate=3e-4", "trainer.min_steps=12"),
        "features=full",
    ],
    "histogram": [*_HISTOGRAM, "features=full"],
    "histogram, no stated measurements": _HISTOGRAM,
    "histogram, no neighbours": [*_HISTOGRAM, "features=dimensions"],
    "histogram, text and type only": [*_HISTOGRAM, "features=text"],
    "histogram, no type": [*_HISTOGRAM, "features=full", "features.type=null"],
    "histogram, three narrowing layers": [
        *(*_HISTOGRAM, "features=full"),
        "model.hidden=[1024,256,64]",
    ],
}
RESAMPLES = 2000
Errors = dict[str, float]


@dataclass(frozen=True)
class Job:
    """One training."""

    overrides: list[str]
    folder: Path


def main() -> None:
    options = parser().parse_args()
    jobs = [
        job(options, track, recipe, repeat, fold)
        for repeat in range(options.repeats)
        for track in options.tracks
        for fold in range(options.folds)
        for recipe in options.recipes
    ]
    waiting = [each for each in jobs if not (each.folder / REPORT_FILE).exists()]
    print(f"{len(jobs)} trainings, {len(waiting)} still to do", flush=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.workers, context, initializer=one_thread) as pool:
        for done, line in enumerate(pool.map(train, waiting), start=1):
            print(f"[{done}/{len(waiting)}] {line}", flush=True)
    results = {
        "command": f"python benchmarks/crossval.py --data DATA --folds {options.folds} "
        f"--repeats {options.repeats} --embeddings {options.embeddings}",
        "machine": machine(),
        "folds": options.folds,
        "repeats": options.repeats,
        "tracks": {track: summarise(options, track) for track in options.tracks},
    }
    text = json.dumps(results, indent=2, ensure_ascii=False) + "\n"
    write_text(options.results / "crossval.json", text)
    write_text(options.results / "crossval.md", as_markdown(results))
    print(as_markdown(results))


def job(options: argparse.Namespace, track: str, recipe: str, repeat: int, fold: int) -> Job:
    words = "".join(letter if letter.isalnum() else "_" for letter in f"{track} {recipe}")
    overrides = [
        "data=amazon2023",
        f"data.path={options.data}",
        f"cache_dir={options.cache}",
        *RECIPES[recipe],
        *(f"embeddings={options.embeddings}", *options.override),
        *TRACKS[track],
        f"data.split.seed={repeat}",
        f"data.split.folds={options.folds}",
        f"data.split.fold={fold}",
        f"seed={repeat}",
        "tracking=none",
        "trainer=cpu",
        "trainer.progress=false",
        "evaluation.resamples=100",
    ]
    return Job(overrides, options.runs / f"{words}_{repeat}_{fold}_of_{options.folds}")


def one_thread() -> None:
    import torch

    torch.set_num_threads(1)
    logging.getLogger().setLevel(logging.ERROR)


def train(job: Job) -> str:
    from hydra import compose, initialize_config_dir

    from product_length.composition import CONF
    from product_length.experiment import Experiment, from_config
    from product_length.pipeline import run

    with initialize_config_dir(str(CONF)):
        experiment = from_config(compose("train", overrides=job.overrides), Experiment)
    return f"{job.folder.name}: val MAPE {run(experiment, job.folder, job.overrides):.2%}"


def summarise(options: argparse.Namespace, track: str) -> dict[str, Any]:
    """Of each recipe and baseline: MAPE, its interval, and the relative difference."""
    gathered: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    medians: dict[str, list[float]] = defaultdict(list)
    seconds: dict[str, list[float]] = defaultdict(list)
    baselines: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for repeat in range(options.repeats):
        for fold in range(options.folds):
            for recipe in options.recipes:
                folder = job(options, track, recipe, repeat, fold).folder
                report = load_report(folder)
                rows = load_predictions(folder, "test")
                ape = np.abs(rows.lengths - rows.predictions) / rows.lengths
                for product, error in zip(rows.product_ids.to_pylist(), ape.tolist(), strict=True):
                    gathered[recipe][product].append(error)
                medians[recipe].append(median_ape(report))
                seconds[recipe].append(report.timings["train"])
                if recipe == options.recipes[0]:
                    for name, rival in report.splits["test"].baselines.items():
                        baselines[name].append((rival.metrics.mape.value or 0.0, len(ape)))
    means = {recipe: per_product(products) for recipe, products in gathered.items()}
    reference = np.array(list(means[options.recipes[0]].values()))
    found = {}
    for recipe, products in means.items():
        assert list(products) == list(means[options.recipes[0]]), "all score the same products"
        errors = np.array(list(products.values()))
        found[recipe] = {
            "mape": float(errors.mean()),
            "interval": spread(errors),
            "relative": float(errors.mean() / reference.mean() - 1),
            "relative_interval": relative_spread(errors, reference),
            "median_ape": float(np.mean(medians[recipe])),
            "train_seconds": float(np.mean(seconds[recipe])),
        }
    return {
        "products": len(reference),
        "recipes": found,
        "baselines": {
            name: float(np.average([m for m, _ in each], weights=[n for _, n in each]))
            for name, each in baselines.items()
        },
    }


def median_ape(report: Report) -> float:
    """Under `decision=median` where there is a distribution."""
    return float(report.splits["test"].own("median_ape").value or 0.0)


def per_product(products: dict[str, list[float]]) -> Errors:
    return {product: float(np.mean(products[product])) for product in sorted(products)}


def resampled(count: int) -> NDArray[np.int64]:
    """Places drawn with replacement, one row a resample: int64 (resamples, count)."""
    return np.random.default_rng(0).integers(0, count, (RESAMPLES, count))


def spread(errors: NDArray[np.float64]) -> list[float]:
    means = errors[resampled(len(errors))].mean(axis=1)
    return [float(each) for each in np.quantile(means, [0.025, 0.975])]


def relative_spread(errors: NDArray[np.float64], reference: NDArray[np.float64]) -> list[float]:
    drawn = resampled(len(errors))
    ratios = errors[drawn].mean(axis=1) / reference[drawn].mean(axis=1) - 1
    return [float(each) for each in np.quantile(ratios, [0.025, 0.975])]


def as_markdown(results: dict[str, Any]) -> str:
    lines = []
    for track, found in results["tracks"].items():
        lines += [
            f"**{track}**: {found['products']:,} products, {results['folds']} folds, "
            f"{results['repeats']} repeat{'s' if results['repeats'] > 1 else ''}",
            "",
            "| recipe | MAPE | 95% interval | to the first, relative | median APE | train |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        for name, each in found["recipes"].items():
            low, high = each["interval"]
            less, more = each["relative_interval"]
            relative = f"{each['relative']:+.1%} ({less:+.1%} to {more:+.1%})"
            first = name == next(iter(found["recipes"]))
            lines.append(
                f"| {name} | {each['mape']:.1%} | {low:.1%} to {high:.1%} "
                f"| {'–' if first else relative} | {each['median_ape']:.1%} "
                f"| {each['train_seconds']:.0f} s |"
            )
        for name, mape in sorted(found["baselines"].items(), key=lambda item: item[1]):
            lines.append(f"| *baseline: {name.replace('_', ' ')}* | *{mape:.1%}* | | | | |")
        lines.append("")
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--data", required=True, metavar="FILE", help="catalogue with lengths")
    made.add_argument("--folds", type=int, default=5)
    made.add_argument("--repeats", type=int, default=1)
    made.add_argument("--workers", type=int, default=2)
    made.add_argument("--embeddings", default="lsa")
    made.add_argument("--override", action="append", default=[], help="for every training")
    made.add_argument("--tracks", type=lambda words: words.split(","), default=list(TRACKS))
    made.add_argument("--recipes", type=names, default=list(RECIPES), help="the first is compared")
    made.add_argument("--runs", type=Path, default=Path("outputs/crossval"))
    made.add_argument("--results", type=Path, default=RESULTS)
    made.add_argument("--cache", default=".cache")
    return made


def names(words: str) -> list[str]:
    """Recipes by name; since names hold commas, they are divided by semicolons."""
    return words.split(";")


if __name__ == "__main__":
    main()
