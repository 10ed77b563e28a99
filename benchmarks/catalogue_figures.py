"""What runs by folds come to: errors of all products, paired differences, ratios.

Errors are absolute percentage errors as fractions.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from strong_baselines import BASELINE_FILE, FOR_MAPE, FOR_MEDIAN

from product_length.errors import UserError
from product_length.evaluation.bands import Bands
from product_length.evaluation.metrics import absolute_percentage_errors
from product_length.evaluation.predictions import load_predictions
from product_length.evaluation.report import load_report
from product_length.evaluation.resampling import (
    Mean,
    interval,
    mean_differences,
    middle,
    resample,
)

RESAMPLES = 1000
CONFIDENCE = 0.95
WHICH = ("all", "long")
"""Products: all, and those with lengths from the second band edge on."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """Of one model in one fold, of its test rows.

    `ids`: strings (rows,); `lengths`, catalogue's unit, and `errors`: float64 (rows,).
    `median_ape`: of predictions decided for it where the model can. `coverage`: the share of rows
    that their 90% intervals hold, and `val_loss`: mean cross-entropy of val rows at the best epoch,
    both None where no distribution is predicted. `seconds`: of fitting.
    """

    ids: list[str]
    lengths: Floats
    errors: Floats
    median_ape: float
    seconds: float
    coverage: float | None = None
    val_loss: float | None = None


def of_network(folder: Path) -> Outcome:
    """What a training run left. Raises UserError."""
    report = load_report(folder)
    test = report.splits["test"]
    best = report.history[report.best_epoch - 1] if report.best_epoch else {}
    return Outcome(
        *_predicted(folder, "test"),
        median_ape=test.own("median_ape").value or 0.0,
        seconds=report.timings["train"],
        coverage=test.intervals and test.intervals.overall.coverage,
        val_loss=best.get("val/loss") if test.intervals else None,
    )


def of_baseline(folder: Path) -> Outcome:
    """What a baseline left. Raises UserError."""
    facts = json.loads((folder / BASELINE_FILE).read_text(encoding="utf-8"))
    _, _, for_median = _predicted(folder, FOR_MEDIAN)
    return Outcome(
        *_predicted(folder, FOR_MAPE),
        median_ape=float(np.median(for_median)),
        seconds=facts["seconds"],
    )


def _predicted(folder: Path, split: str) -> tuple[list[str], Floats, Floats]:
    rows = load_predictions(folder, split)
    errors = absolute_percentage_errors(rows.lengths, rows.predictions)
    return rows.product_ids.to_pylist(), rows.lengths, errors


@dataclass(frozen=True)
class Products:
    """A model on all products of a catalogue, in the order of their ids.

    `lengths`, catalogue's unit, and `errors`, means over the seeds: float64 (products,).
    """

    ids: list[str]
    lengths: Floats
    errors: Floats

    @classmethod
    def of(cls, seeds: Sequence[Sequence[Outcome]]) -> "Products":
        """From the outcomes of each seed's folds."""
        orders = []
        for folds in seeds:
            ids = np.array([each for fold in folds for each in fold.ids])
            lengths, errors = (
                np.concatenate([getattr(fold, name) for fold in folds])
                for name in ("lengths", "errors")
            )
            order = np.argsort(ids, kind="stable")
            orders.append(cls(ids[order].tolist(), lengths[order], errors[order]))
        if any(each.ids != orders[0].ids for each in orders):
            raise UserError("seeds predicted other products, their errors cannot be averaged")
        errors = np.mean([each.errors for each in orders], axis=0)
        return cls(orders[0].ids, orders[0].lengths, errors)


def summarise(
    found: Mapping[str, Mapping[str, Sequence[Sequence[Outcome]]]],
    bands: Mapping[str, tuple[Bands, str]],
) -> dict[str, Any]:
    """The figures of each catalogue and recipe, from their outcomes by seed and fold.

    `bands`: of each catalogue, and its unit. Raises UserError for recipes that did not predict the
    same products.
    """
    catalogues: dict[str, Any] = {}
    samples: dict[str, list[Floats]] = {which: [] for which in WHICH}
    for at, (name, recipes) in enumerate(found.items()):
        catalogues[name], sampled = of_catalogue(name, recipes, *bands[name], seed=at)
        for which in WHICH:
            samples[which].append(sampled[which])
    means = {which: ratios(list(catalogues.values()), which, samples[which]) for which in WHICH}
    return {"catalogues": catalogues, "geometric_means": means}


def of_catalogue(
    name: str,
    recipes: Mapping[str, Sequence[Sequence[Outcome]]],
    bands: Bands,
    unit: str,
    seed: int,
) -> tuple[dict[str, Any], dict[str, Floats]]:
    """Figures of each recipe; and MAPE in each resample, float64 (recipes, resamples)."""
    products = {recipe: Products.of(seeds) for recipe, seeds in recipes.items()}
    first, *others = products.values()
    if any(each.ids != first.ids or (each.lengths != first.lengths).any() for each in others):
        raise UserError(f"{name}: recipes predicted other products and cannot be paired")
    long = ~bands.is_short(first.lengths)
    members = dict(zip(WHICH, (np.ones_like(long), long), strict=True))
    figures = {
        recipe: of_folds([fold for folds in seeds for fold in folds])
        for recipe, seeds in recipes.items()
    }
    sampled = {}
    for which, rows in members.items():
        errors = [each.errors[rows] for each in products.values()]
        sampled[which] = resampled(errors, seed)
        for at, mine in enumerate(figures.values()):
            mine[which] = {
                "mape": with_interval(errors[at], sampled[which][at]),
                "difference": difference(errors[0], errors[at], seed) if at else None,
            }
    return {
        "products": len(first.ids),
        "unit": unit,
        "long_from": bands.short_below,
        "long_products": int(long.sum()),
        "recipes": figures,
    }, sampled


def resampled(errors: Sequence[Floats], seed: int) -> Floats:
    """The mean of each resample of the products, float64 (recipes, resamples)."""
    return resample(list(map(Mean, errors)), len(errors[0]), resamples=RESAMPLES, seed=seed)


def with_interval(errors: Floats, samples: Floats) -> dict[str, float | None]:
    low, high = interval(samples, len(errors), CONFIDENCE)
    return {"value": float(errors.mean()), "low": low, "high": high}


def difference(first: Floats, other: Floats, seed: int) -> dict[str, Any]:
    [found] = mean_differences([(first, other)], resamples=RESAMPLES, seed=seed)
    return asdict(found)


def of_folds(folds: Sequence[Outcome]) -> dict[str, Any]:
    """What is known of folds only, as means over all rows."""
    rows = [len(fold.ids) for fold in folds]

    def mean(name: str) -> float | None:
        values = [getattr(fold, name) for fold in folds]
        return None if None in values else float(np.average(values, weights=rows))

    return {
        "median_ape": mean("median_ape"),
        "coverage": mean("coverage"),
        "val_loss": mean("val_loss"),
        "train_seconds": float(np.mean([fold.seconds for fold in folds])),
    }


def ratios(
    catalogues: Sequence[Mapping[str, Any]], which: str, samples: Sequence[Floats]
) -> dict[str, Any]:
    """The geometric mean over catalogues of the first recipe's MAPE over each other's.

    Its interval takes the catalogues for the only ones there are, and their products for sampled.
    """
    names = list(catalogues[0]["recipes"])
    mapes = [
        [each["recipes"][name][which]["mape"]["value"] for name in names] for each in catalogues
    ]
    logs = np.log(mapes).mean(axis=0)
    of_samples = np.mean([np.log(each) for each in samples], axis=0)
    found = {}
    for at, name in enumerate(names[1:], start=1):
        low, high = middle(np.exp(of_samples[0] - of_samples[at]), CONFIDENCE)
        found[name] = {"value": float(np.exp(logs[0] - logs[at])), "low": low, "high": high}
    return found
