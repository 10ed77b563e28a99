"""How far predicted lengths are from true ones: one list of metrics, pure functions in float64.

A new metric is one entry of `METRICS`; reports, comparisons, plots and trackers go through the
list. Lengths and predictions are float (rows,), in the catalogue's unit, positive and finite;
anything else raises ValueError. Nothing is clamped: a model that predicts a length of zero is
broken.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from product_length.decision.config import Decision
from product_length.evaluation.bands import Bands

FloatArray = NDArray[np.float64]


def checked(lengths: ArrayLike, predictions: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Both arrays as float64 (rows,).

    Raises ValueError for unequal shapes, no rows, or a value that is not positive and finite.
    """
    arrays = []
    for name, values in (("lengths", lengths), ("predictions", predictions)):
        array = np.asarray(values, dtype=np.float64)
        if array.ndim != 1 or array.size == 0:
            raise ValueError(f"{name} must have shape (rows,) with rows > 0, got {array.shape}")
        bad = np.flatnonzero(~(np.isfinite(array) & (array > 0)))
        if bad.size:
            raise ValueError(
                f"{name} must be positive and finite: {bad.size} of {array.size} are not, the "
                f"first is {array[bad[0]]} in row {bad[0]}"
            )
        arrays.append(array)
    if arrays[0].shape != arrays[1].shape:
        raise ValueError(f"{arrays[0].size} lengths but {arrays[1].size} predictions")
    return arrays[0], arrays[1]


def absolute_percentage_errors(lengths: ArrayLike, predictions: ArrayLike) -> FloatArray:
    """|p − y| / y of each row, float64 (rows,), a fraction."""
    y, p = checked(lengths, predictions)
    return np.abs(p - y) / y


def squared_log_errors(lengths: ArrayLike, predictions: ArrayLike) -> FloatArray:
    """(ln(1 + p) − ln(1 + y))² of each row, float64 (rows,).

    The 1 is one of the catalogue's unit: among short lengths another unit gives another value.
    """
    y, p = checked(lengths, predictions)
    errors: FloatArray = np.log1p(p) - np.log1p(y)
    return errors * errors


def score(mapes: FloatArray) -> FloatArray:
    """The challenge's score of MAPEs (fractions): max(0, 100·(1 − MAPE)).

    Source: Amazon ML Challenge 2023.
    """
    return np.maximum(0.0, 100.0 * (1.0 - mapes))


def _unchanged(values: FloatArray) -> FloatArray:
    return values


@dataclass(frozen=True)
class Metric:
    """A metric: what it is, and all that is needed to estimate and to show it.

    It is `finish` of the mean or median of `errors`, over all rows or, `without_short`, over those
    whose true length is not below `Bands.short_below`. `errors` gives float64 (rows,) from lengths
    and predictions (rows,); `finish` works element by element on float64 arrays of any shape.
    `decision` is the one under which a predicted distribution is best by this metric.
    """

    name: str  # its key in report.json, CSV files and W&B
    title: str  # its name in tables and charts
    decision: Decision
    errors: Callable[[ArrayLike, ArrayLike], FloatArray] = absolute_percentage_errors
    average: Literal["mean", "median"] = "mean"
    finish: Callable[[FloatArray], FloatArray] = _unchanged
    without_short: bool = False
    is_percentage: bool = True  # shown as such; its values are fractions: 0.5 is 50%
    digits: int = 1  # decimals that are shown
    higher_is_better: bool = False
    maximum: float = np.inf  # the largest value that it can take; the smallest is 0
    by_band: bool = False  # reported for each band of true length too

    def members(self, lengths: FloatArray, bands: Bands) -> NDArray[np.bool_]:
        """Which rows count, bool (rows,), by their true lengths (rows,)."""
        if self.without_short:
            return ~bands.is_short(lengths)
        return np.ones(lengths.shape, dtype=np.bool_)

    def of(self, errors: FloatArray) -> float | None:
        """Its value from the errors (rows,) of the rows that count; None when there are none."""
        if not errors.size:
            return None
        average = np.mean if self.average == "mean" else np.median
        return float(self.finish(np.asarray(average(errors))))


MAPE = Metric("mape", "MAPE", decision="mape", by_band=True)
"""The objective of every run."""
METRICS = [
    MAPE,
    Metric(
        "score",
        "score",
        decision="mape",
        finish=score,
        is_percentage=False,
        digits=2,
        higher_is_better=True,
        maximum=100.0,
    ),
    Metric(
        "rmsle",
        "RMSLE",
        decision="rmsle",
        errors=squared_log_errors,
        finish=np.sqrt,
        is_percentage=False,
        digits=3,
    ),
    Metric("median_ape", "median APE", decision="median", average="median"),
    # One rounding step of a short label can be worth tens of percent.
    Metric("mape_without_short", "MAPE without short", decision="mape", without_short=True),
]


def metrics_in(bands: Bands) -> list[Metric]:
    """The metrics that tables show: where no lengths are short, none that leaves them out."""
    return [each for each in METRICS if bands.short_below or not each.without_short]


def mape(lengths: ArrayLike, predictions: ArrayLike) -> float:
    """Mean absolute percentage error, a fraction: 0.5 is 50%."""
    return float(absolute_percentage_errors(lengths, predictions).mean())
