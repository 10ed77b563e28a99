"""What deserves worry about a model beside its baselines, in sentences."""

from collections.abc import Mapping

from product_length.evaluation.estimates import MetricEstimates
from product_length.evaluation.records import Baseline
from product_length.evaluation.resampling import Difference
from product_length.evaluation.wording import name_in_words, percent, points, row_count


def remarks(own: MetricEstimates, baselines: Mapping[str, Baseline]) -> list[str]:
    """A plain sentence for every baseline that the model does not beat, the best of them first.

    `own`: of the model, decided for MAPE where it predicts distributions. A lower MAPE whose
    difference may be the choice of rows is not shown to beat it.
    """
    sentences = []
    for name, baseline in sorted(
        baselines.items(), key=lambda item: item[1].metrics.mape.value or 0
    ):
        if not is_better(baseline.difference):
            claim = "is not shown to beat" if baseline.difference.value < 0 else "does not beat"
            sentences.append(
                f"The model {claim} the {name_in_words(name)} baseline: "
                f"{percent(own.mape.value)} against {percent(baseline.metrics.mape.value)} MAPE "
                f"({_detail(baseline.difference)})."
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


def _detail(difference: Difference) -> str:
    if difference.low is None or difference.high is None:
        return f"{difference.verdict}: {row_count(difference.rows)}"
    return f"{difference.verdict}; difference {points(difference)}"
