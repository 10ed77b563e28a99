"""Scores one split: the model with intervals, beside baselines and oracle, and what to worry of."""

from collections.abc import Mapping

from numpy.typing import ArrayLike

from product_length.decision.config import Decision
from product_length.evaluation import metrics
from product_length.evaluation.bootstrap import (
    Difference,
    MetricEstimates,
    estimate_metrics,
    paired_difference,
    paired_differences,
    without_intervals,
)
from product_length.evaluation.records import (
    IntervalReport,
    Resampling,
    Rival,
    SnapEffect,
    SplitReport,
)
from product_length.evaluation.wording import name_in_words, percent, points, row_count

_ORACLE = "oracle"


def assess_split(
    lengths: ArrayLike,
    predictions: ArrayLike,
    *,
    resampling: Resampling,
    baselines: Mapping[str, ArrayLike] | None = None,
    oracle: ArrayLike | None = None,
    for_metrics: Mapping[Decision, ArrayLike] | None = None,
    intervals: IntervalReport | None = None,
) -> SplitReport:
    """The model's metrics on one split, and its paired difference to every rival on the same rows.

    `lengths`, `predictions`, `oracle` and each of `baselines` and `for_metrics` (predictions by the
    decision that made them from a distribution): float (rows,), 1/100 inch; `intervals` as
    `intervals.assess_intervals` found them on these rows.
    Raises ValueError for what `metrics.checked` refuses, or a baseline named "oracle".
    """
    rivals = dict(baselines or {})
    if _ORACLE in rivals:
        raise ValueError(f'no baseline may be named "{_ORACLE}"')
    if oracle is not None:
        rivals[_ORACLE] = oracle
    options = resampling.model_dump()
    differences = paired_differences(lengths, predictions, rivals, **options)
    scored = {
        name: Rival(
            metrics=without_intervals(metrics.metrics(lengths, rival)), difference=differences[name]
        )
        for name, rival in rivals.items()
    }
    best_possible = scored.pop(_ORACLE, None)
    own = estimate_metrics(lengths, predictions, **options)
    return SplitReport(
        metrics=own,
        baselines=scored,
        oracle=best_possible,
        decisions={
            decision: estimate_metrics(lengths, decided, **options)
            for decision, decided in (for_metrics or {}).items()
        },
        intervals=intervals,
        remarks=remarks(own, scored),
    )


def remarks(own: MetricEstimates, baselines: Mapping[str, Rival]) -> list[str]:
    """A plain sentence for every baseline that the model does not beat, the best of them first.

    A lower MAPE whose difference may be the choice of rows is not shown to beat it.
    """
    sentences = []
    for name, rival in sorted(baselines.items(), key=lambda item: _mape(item[1].metrics)):
        if not is_better(rival.difference):
            claim = "is not shown to beat" if rival.difference.value < 0 else "does not beat"
            sentences.append(
                f"The model {claim} the {name_in_words(name)} baseline: "
                f"{percent(own.mape.value)} against {percent(rival.metrics.mape.value)} MAPE "
                f"({_detail(rival.difference)})."
            )
    if own.mape.value is not None and own.mape.value >= 1:
        sentences.append(
            f"The score is 0: the MAPE of {percent(own.mape.value)} is 100% or more, which a "
            "prediction of almost nothing for every product would reach too."
        )
    return sentences


def is_better(difference: Difference) -> bool:
    """Whether the whole interval of a MAPE difference lies below zero."""
    return difference.high is not None and difference.high < 0


def snap_effect(
    lengths: ArrayLike,
    plain: ArrayLike,
    snapped: ArrayLike,
    *,
    applied: bool,
    resampling: Resampling,
) -> SnapEffect:
    """What snapping does to MAPE on val rows; arrays float (rows,), 1/100 inch."""
    return SnapEffect(
        applied=applied,
        mape_without=metrics.mape(lengths, plain),
        mape_with=metrics.mape(lengths, snapped),
        difference=paired_difference(lengths, snapped, plain, **resampling.model_dump()),
    )


def _detail(difference: Difference) -> str:
    if difference.low is None or difference.high is None:
        return f"{difference.verdict}: {row_count(difference.rows)}"
    return f"{difference.verdict}; difference {points(difference)}"


def _mape(estimates: MetricEstimates) -> float:
    return float("inf") if estimates.mape.value is None else estimates.mape.value
