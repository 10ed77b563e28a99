"""How far predicted lengths are from true ones: pure functions, in float64.

Lengths and predictions are float (rows,), 1/100 inch, positive and finite; anything else raises
ValueError. Nothing is clamped: a model that emits a length of zero is broken, and is told so.
"""

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

LONG_ENOUGH = 100.0
"""Below this length (1 inch) one rounding step of a label can be worth tens of percent."""


@dataclass(frozen=True)
class Band:
    """A range of true lengths, 1/100 inch."""

    name: str
    lower: float
    upper: float


# Closed below and open above (40 lies in "40–100"), but for 5000, which still lies in "1000–5000":
# so the track of lengths ≤ 5000 leaves the last band empty.
BANDS = (
    Band("<40", 0, 40),
    Band("40–100", 40, 100),
    Band("100–500", 100, 500),
    Band("500–1000", 500, 1000),
    Band("1000–5000", 1000, 5000),
    Band(">5000", 5000, np.inf),
)
BAND_EDGES = tuple(band.lower for band in BANDS[1:])
"""Between the bands, 1/100 inch."""


class BandError(TypedDict):
    """MAPE (fraction) of the rows whose true length lies in one band; None when there are none."""

    band: str
    rows: int
    mape: float | None


class Metrics(TypedDict):
    """Every metric of one set of rows.

    `mape`, `median_ape` and `mape_at_least_100` are fractions (0.5 is 50%), `score` is out of 100,
    `rmsle` has no unit. `mape_at_least_100` is None when no true length reaches 100.
    """

    rows: int
    mape: float
    score: float
    rmsle: float
    median_ape: float
    mape_at_least_100: float | None
    bands: list[BandError]


def checked(lengths: ArrayLike, predictions: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Both arrays as float64 (rows,), 1/100 inch.

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


def mape(lengths: ArrayLike, predictions: ArrayLike) -> float:
    """Mean absolute percentage error, a fraction: 0.5 is 50%."""
    return float(absolute_percentage_errors(lengths, predictions).mean())


def score(mape: float) -> float:
    """The challenge's score of a MAPE (fraction): max(0, 100·(1 − MAPE)).

    Source: Amazon ML Challenge 2023.
    """
    return max(0.0, 100.0 * (1.0 - mape))


def squared_log_errors(lengths: ArrayLike, predictions: ArrayLike) -> FloatArray:
    """(ln(1 + p) − ln(1 + y))² of each row, float64 (rows,), lengths in 1/100 inch."""
    y, p = checked(lengths, predictions)
    errors: FloatArray = np.log1p(p) - np.log1p(y)
    return errors * errors


def rmsle(lengths: ArrayLike, predictions: ArrayLike) -> float:
    """Root of the mean squared logarithmic error, no unit."""
    return float(np.sqrt(squared_log_errors(lengths, predictions).mean()))


def median_ape(lengths: ArrayLike, predictions: ArrayLike) -> float:
    """Median absolute percentage error, a fraction."""
    return float(np.median(absolute_percentage_errors(lengths, predictions)))


def band_codes(lengths: ArrayLike) -> NDArray[np.intp]:
    """Index into BANDS of each true length, intp (rows,); lengths float (rows,), 1/100 inch."""
    y = np.asarray(lengths, dtype=np.float64)
    codes: NDArray[np.intp] = np.digitize(y, BAND_EDGES[:-1])
    codes[y > BANDS[-1].lower] += 1
    return codes


def metrics(lengths: ArrayLike, predictions: ArrayLike) -> Metrics:
    """Every metric of the rows; lengths and predictions float (rows,), 1/100 inch.

    Raises ValueError for unequal shapes, no rows, or a value that is not positive and finite.
    """
    y, p = checked(lengths, predictions)
    errors = absolute_percentage_errors(y, p)
    codes = band_codes(y)
    mean = float(errors.mean())
    return Metrics(
        rows=y.size,
        mape=mean,
        score=score(mean),
        rmsle=rmsle(y, p),
        median_ape=float(np.median(errors)),
        mape_at_least_100=_mean(errors[y >= LONG_ENOUGH]),
        bands=[
            BandError(
                band=band.name, rows=int((codes == code).sum()), mape=_mean(errors[codes == code])
            )
            for code, band in enumerate(BANDS)
        ],
    )


def _mean(values: FloatArray) -> float | None:
    return float(values.mean()) if values.size else None
