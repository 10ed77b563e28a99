"""Runs of a group brought to common rows, sorted into recipes, scored and paired.

What the runs of one recipe say together is one SplitReport; a recipe of one seed keeps its run's
own report, whose intervals are over rows.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from product_length.comparison.runs import Run, align, run_predictions
from product_length.decision.config import Decision
from product_length.evaluation.bands import Bands
from product_length.evaluation.estimates import Estimate, MetricEstimates, estimate_metrics
from product_length.evaluation.metrics import MAPE, absolute_percentage_errors
from product_length.evaluation.predictions import Predictions
from product_length.evaluation.records import Baseline, Resampling, SplitReport
from product_length.evaluation.remarks import remarks
from product_length.evaluation.resampling import Difference, mean_differences, verdict


@dataclass(frozen=True)
class Scored:
    """A run; its val predictions float64 (rows,), catalogue's unit, in the order of its `rows`."""

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
            [recipes[i][0].run.report.bands for i in here],
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
    theirs = errors[here.index(against)]
    found = mean_differences([(mine, theirs) for mine in errors], **resampling.model_dump())
    differences = {
        i: difference
        if min(len(mine), len(theirs)) > 1
        else replace(difference, verdict=one_seed_verdict(difference.verdict))
        for i, mine, difference in zip(here, errors, found, strict=True)
        if i != against
    }
    return [differences.get(i) for i in range(len(recipes))]


def one_seed_verdict(words: str) -> str:
    """A verdict on rows alone, which a second seed may overturn."""
    if words.startswith(("better", "worse")):
        return f"one seed: {words} on these rows"
    return f"one seed: {words}" if words.startswith("no ") else words


def test_split(runs: Sequence[Run], resampling: Resampling) -> SplitReport | None:
    """Test metrics over the runs of one recipe; None unless all have the same test rows."""
    splits = [run.report.splits["test"] for run in runs if "test" in run.report.splits]
    if len(splits) < len(runs):
        return None
    loaded = [run_predictions(run, "test") for run in runs]
    aligned = [found for one in loaded if (found := align(loaded[0], one)) is not None]
    if len(aligned) < len(runs):
        return None
    bands = [runs[0].report.bands]
    (split,) = recipe_splits(loaded[0].lengths, [np.vstack(aligned)], [splits], bands, resampling)
    return split


def mean_mape(recipe: Sequence[Scored]) -> float:
    """Mean val MAPE (fraction) over seeds; infinite where it is unknown."""
    values = [one.run.mape.value for one in recipe]
    return float(np.mean([float("inf") if value is None else value for value in values]))


def recipe_splits(
    lengths: ArrayLike,
    predictions: Sequence[NDArray[np.float64]],
    reports: Sequence[Sequence[SplitReport]],
    bands: Sequence[Bands],
    resampling: Resampling,
) -> list[SplitReport]:
    """One report per recipe: means over its seeds with intervals over rows and seeds.

    `lengths` float (rows,), `predictions` of each recipe float64 (seeds, rows), in the
    catalogue's unit; `reports` of each recipe by seed; `bands` of each.
    """
    several = [i for i, runs in enumerate(reports) if len(runs) > 1]
    estimates: dict[int, MetricEstimates] = {}
    for each in dict.fromkeys(bands):  # all but always the same, and rows are resampled once
        here = [i for i in several if bands[i] == each]
        some = estimate_metrics(
            lengths, [predictions[i] for i in here], each, **resampling.model_dump()
        )
        estimates |= dict(zip(here, some, strict=True))
    found = [runs[0] for runs in reports]
    for i, metrics in estimates.items():
        runs = reports[i]
        baselines = {
            name: _baseline([run.baselines[name] for run in runs], resampling.confidence)
            for name in runs[0].baselines
            if all(name in run.baselines for run in runs)
        }
        oracles = [run.oracle for run in runs if run.oracle is not None]
        decisions = _decisions(runs)
        found[i] = SplitReport(
            metrics=metrics,
            decisions=decisions,
            baselines=baselines,
            oracle=_baseline(oracles, resampling.confidence) if len(oracles) == len(runs) else None,
            remarks=remarks(decisions.get(MAPE.decision, metrics), baselines),
        )
    return found


def _decisions(runs: Sequence[SplitReport]) -> dict[Decision, MetricEstimates]:
    """Means over seeds, without intervals: runs keep no predictions but their own decision's."""
    found: dict[Decision, MetricEstimates] = {}
    for decision, first in runs[0].decisions.items():
        if all(decision in run.decisions for run in runs):
            every = [run.decisions[decision] for run in runs]
            means = {name: _mean([each[name] for each in every]) for name in first.values}
            found[decision] = replace(first, values=means)
    return found


def _mean(estimates: Sequence[Estimate]) -> Estimate:
    known = [each.value for each in estimates if each.value is not None]
    return Estimate(float(np.mean(known)) if known else None)


def _baseline(baselines: Sequence[Baseline], confidence: float) -> Baseline:
    """A baseline beside the mean over seeds.

    Runs keep no predictions of their baselines, so rows cannot be resampled again here. The
    interval joins the mean of the runs' own ends (rows) and Student's interval (seeds) as the roots
    of their summed squares; that is wide rather than narrow, since a mean over seeds is less at the
    mercy of rows than one run. Source: Zou & Donner, Statistics in Medicine 27 (2008).
    """
    differences = [baseline.difference for baseline in baselines]
    values = np.array([difference.value for difference in differences])
    value = float(values.mean())
    student = stdtrit(values.size - 1, (1 + confidence) / 2)
    seeds = float(student * values.std(ddof=1) / np.sqrt(values.size))
    lows = [difference.low for difference in differences if difference.low is not None]
    highs = [difference.high for difference in differences if difference.high is not None]
    low = high = None
    if len(lows) == len(highs) == len(differences):
        low = value - float(np.hypot(value - np.mean(lows), seeds))
        high = value + float(np.hypot(np.mean(highs) - value, seeds))
    mean = _mean([baseline.metrics.mape for baseline in baselines])
    first = baselines[0].metrics
    return Baseline(
        metrics=replace(first, values={**first.values, "mape": mean}),
        difference=Difference(differences[0].rows, value, low, high, verdict(low, high)),
    )
