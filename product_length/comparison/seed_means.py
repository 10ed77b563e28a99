"""What the runs of one recipe say together: one SplitReport in place of several.

A recipe of one seed keeps its run's own report, whose intervals are over rows.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from product_length.comparison.recipe_bootstrap import recipe_estimates
from product_length.decision.config import Decision
from product_length.evaluation.assess import remarks
from product_length.evaluation.bootstrap import Difference, Estimate, MetricEstimates, verdict
from product_length.evaluation.records import Resampling, Rival, SplitReport


def recipe_splits(
    lengths: ArrayLike,
    predictions: Sequence[NDArray[np.float64]],
    reports: Sequence[Sequence[SplitReport]],
    resampling: Resampling,
) -> list[SplitReport]:
    """One report per recipe: means over its seeds with intervals over rows and seeds.

    `lengths` float (rows,), `predictions` of each recipe float64 (seeds, rows), 1/100 inch;
    `reports` of each recipe by seed.
    """
    several = [i for i, runs in enumerate(reports) if len(runs) > 1]
    estimates = recipe_estimates(
        lengths, [predictions[i] for i in several], **resampling.model_dump()
    )
    found = [runs[0] for runs in reports]
    for i, metrics in zip(several, estimates, strict=True):
        runs = reports[i]
        baselines = {
            name: _rival([run.baselines[name] for run in runs], resampling.confidence)
            for name in runs[0].baselines
            if all(name in run.baselines for run in runs)
        }
        oracles = [run.oracle for run in runs if run.oracle is not None]
        found[i] = SplitReport(
            metrics=metrics,
            decisions=_decisions(runs),
            baselines=baselines,
            oracle=_rival(oracles, resampling.confidence) if len(oracles) == len(runs) else None,
            remarks=remarks(metrics, baselines),
        )
    return found


def _decisions(runs: Sequence[SplitReport]) -> dict[Decision, MetricEstimates]:
    """Means over seeds, without intervals: runs keep no predictions but their own decision's."""
    found: dict[Decision, MetricEstimates] = {}
    for decision, first in runs[0].decisions.items():
        if not all(decision in run.decisions for run in runs):
            continue
        every = [run.decisions[decision] for run in runs]
        found[decision] = replace(
            first,
            mape=_mean([each.mape for each in every]),
            rmsle=_mean([each.rmsle for each in every]),
            median_ape=_mean([each.median_ape for each in every]),
        )
    return found


def _mean(estimates: Sequence[Estimate]) -> Estimate:
    return Estimate(float(np.mean([each.value for each in estimates if each.value is not None])))


def _rival(rivals: Sequence[Rival], confidence: float) -> Rival:
    """A rival beside the mean over seeds.

    Runs keep no predictions of their rivals, so rows cannot be resampled again here. The interval
    joins the mean of the runs' own ends (rows) and Student's interval (seeds) as the roots of
    their summed squares; that is wide rather than narrow, since a mean over seeds is less at the
    mercy of rows than one run. Source: Zou & Donner, Statistics in Medicine 27 (2008).
    """
    differences = [rival.difference for rival in rivals]
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
    mapes = [rival.metrics.mape.value for rival in rivals]
    mean = float(np.mean([mape for mape in mapes if mape is not None]))
    return Rival(
        metrics=replace(rivals[0].metrics, mape=Estimate(mean)),
        difference=Difference(differences[0].rows, value, low, high, verdict(low, high)),
    )
