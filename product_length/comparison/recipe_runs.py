"""Runs of a group brought to common rows, sorted into recipes, scored and paired."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from product_length.comparison.recipe_bootstrap import recipe_differences
from product_length.comparison.runs import Run, align, run_predictions
from product_length.comparison.seed_means import recipe_splits
from product_length.evaluation.bootstrap import Difference
from product_length.evaluation.metrics import absolute_percentage_errors
from product_length.evaluation.predictions import Predictions
from product_length.evaluation.records import Resampling, SplitReport


@dataclass(frozen=True)
class Scored:
    """A run with its val predictions float64 (rows,), 1/100 inch, in the order of its `rows`."""

    run: Run
    label: str
    rows: int
    predictions: NDArray[np.float64]


def score(members: Sequence[tuple[Run, str]]) -> tuple[list[Scored], list[Predictions]]:
    """Runs with their val predictions, and the rows that each of their kinds of rows is."""
    bases: list[Predictions] = []
    scored = []
    for run, label in members:
        loaded = run_predictions(run, "val")
        for kind, base in enumerate(bases):
            aligned = align(base, loaded)
            if aligned is not None:
                scored.append(Scored(run, label, kind, aligned))
                break
        else:
            bases.append(loaded)
            scored.append(Scored(run, label, len(bases) - 1, loaded.predictions))
    return scored, bases


def by_recipe(scored: Sequence[Scored]) -> tuple[list[list[Scored]], list[Path]]:
    """Runs by recipe and rows, each by seed, and the folders of the older of equal runs."""
    found: dict[tuple[str, int], dict[int, Scored]] = defaultdict(dict)
    repeated = []
    for one in scored:
        seeds = found[one.run.recipe, one.rows]
        seed = one.run.report.seed
        older = seeds.get(seed)
        if older is not None and older.run.report.created > one.run.report.created:
            older, one = one, older
        if older is not None:
            repeated.append(older.run.folder)
        seeds[seed] = one
    return [[seeds[seed] for seed in sorted(seeds)] for seeds in found.values()], repeated


def val_splits(
    recipes: Sequence[list[Scored]], bases: Sequence[Predictions], resampling: Resampling
) -> list[SplitReport]:
    """What each recipe reaches on val rows, over its seeds."""
    found: dict[int, SplitReport] = {}
    for kind, base in enumerate(bases):
        here = [i for i, recipe in enumerate(recipes) if recipe[0].rows == kind]
        splits = recipe_splits(
            base.lengths,
            [np.vstack([one.predictions for one in recipes[i]]) for i in here],
            [[one.run.report.val for one in recipes[i]] for i in here],
            resampling,
        )
        found |= dict(zip(here, splits, strict=True))
    return [found[i] for i in range(len(recipes))]


def pair(
    recipes: Sequence[list[Scored]],
    against: int,
    bases: Sequence[Predictions],
    resampling: Resampling,
) -> list[Difference | None]:
    """Each recipe's MAPE minus that of recipe `against`; None for itself and for other rows."""
    kind = recipes[against][0].rows
    here = [i for i, recipe in enumerate(recipes) if recipe[0].rows == kind]
    lengths = bases[kind].lengths
    errors = [
        np.vstack([absolute_percentage_errors(lengths, one.predictions) for one in recipes[i]])
        for i in here
    ]
    found = recipe_differences(errors, here.index(against), **resampling.model_dump())
    differences = dict(zip(here, found, strict=True))
    return [differences.get(i) for i in range(len(recipes))]


def test_split(runs: Sequence[Run], resampling: Resampling) -> SplitReport | None:
    """Test metrics over the runs of one recipe; None unless all have the same test rows."""
    splits = [run.report.splits["test"] for run in runs if "test" in run.report.splits]
    if len(splits) < len(runs):
        return None
    loaded = [run_predictions(run, "test") for run in runs]
    aligned = [found for one in loaded if (found := align(loaded[0], one)) is not None]
    if len(aligned) < len(runs):
        return None
    (split,) = recipe_splits(loaded[0].lengths, [np.vstack(aligned)], [splits], resampling)
    return split


def mean_mape(recipe: Sequence[Scored]) -> float:
    """Mean val MAPE (fraction) over seeds; infinite where it is unknown."""
    values = [one.run.mape.value for one in recipe]
    return float(np.mean([float("inf") if value is None else value for value in values]))
