"""How sure a metric is, given the rows it was measured on: percentile bootstrap over rows.

Rows are drawn with replacement, as often as there are rows; the metric of each such resample is
exact, and the interval spans the middle `confidence` of them. Two models scored on the same rows
are compared on the same draws, which removes the rows' own difficulty from their difference.
What the interval does not hold is the luck of training: another seed, another model. That takes
several runs (`recipe_bootstrap`).

Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 and 16.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from product_length.evaluation import metrics
from product_length.evaluation.metrics import BANDS, FloatArray, Metrics

MIN_ROWS = 10
"""With fewer rows a percentile interval is far too narrow to mean anything; none is given."""

_BLOCK_BYTES = 64 * 2**20
_COLUMNS = 32


@dataclass(frozen=True)
class Estimate:
    """A metric and its interval, all in the metric's unit.

    `value` is None when no row counts towards it, `low` and `high` when fewer than MIN_ROWS do.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class BandEstimate:
    """MAPE (fraction) of the rows of one length band, with its interval."""

    band: str
    rows: int
    mape: Estimate


@dataclass(frozen=True)
class MetricEstimates:
    """Every metric of `metrics.Metrics`, in the same units, with intervals."""

    rows: int
    mape: Estimate
    score: Estimate
    rmsle: Estimate
    median_ape: Estimate
    mape_at_least_100: Estimate
    bands: list[BandEstimate]


@dataclass(frozen=True)
class Difference:
    """MAPE of one model minus that of another on the same rows (fraction): negative is better."""

    rows: int
    value: float
    low: float | None
    high: float | None
    verdict: str

    def reversed(self) -> "Difference":
        """The same comparison seen from the other model."""
        low = None if self.high is None else -self.high
        high = None if self.low is None else -self.low
        return Difference(self.rows, -self.value, low, high, verdict(low, high))


def without_intervals(point: Metrics) -> MetricEstimates:
    """The same metrics as estimates that claim nothing about their certainty."""
    return MetricEstimates(
        rows=point["rows"],
        mape=Estimate(point["mape"]),
        score=Estimate(point["score"]),
        rmsle=Estimate(point["rmsle"]),
        median_ape=Estimate(point["median_ape"]),
        mape_at_least_100=Estimate(point["mape_at_least_100"]),
        bands=[
            BandEstimate(band["band"], band["rows"], Estimate(band["mape"]))
            for band in point["bands"]
        ],
    )


def estimate_metrics(
    lengths: ArrayLike,
    predictions: ArrayLike,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> MetricEstimates:
    """Every metric with its interval; lengths and predictions float (rows,), 1/100 inch.

    Raises ValueError for what `metrics.checked` refuses.
    """
    point = metrics.metrics(lengths, predictions)
    band_rows = [band["rows"] for band in point["bands"]]
    codes = metrics.band_codes(lengths)
    long_rows = int((np.asarray(lengths, dtype=np.float64) >= metrics.LONG_ENOUGH).sum())
    errors = metrics.absolute_percentage_errors(lengths, predictions)
    order = np.argsort(errors, kind="stable")  # so that a resample's median is a cumulative count
    errors, codes = errors[order], codes[order]
    log_errors = metrics.squared_log_errors(lengths, predictions)[order]

    in_band = (codes[:, None] == np.arange(len(BANDS))).astype(np.float64)
    columns = np.hstack([log_errors[:, None], in_band, in_band * errors[:, None]])
    sums = np.empty((resamples, columns.shape[1]))
    medians = np.empty(resamples)
    done = 0
    for counts in draws(errors.size, resamples, seed):
        sums[done : done + len(counts)] = counts @ columns
        for row in counts:
            medians[done] = _median_of_counts(errors, row)
            done += 1

    drawn, error_sums = sums[:, 1 : 1 + len(BANDS)], sums[:, 1 + len(BANDS) :]
    first_long = next(i for i, band in enumerate(BANDS) if band.lower == metrics.LONG_ENOUGH)
    mapes = error_sums.sum(axis=1) / errors.size

    def estimate(value: float | None, samples: FloatArray, rows: int) -> Estimate:
        return Estimate(value, *interval(samples, rows, confidence))

    return MetricEstimates(
        rows=errors.size,
        mape=estimate(point["mape"], mapes, errors.size),
        score=estimate(point["score"], np.maximum(0.0, 100.0 * (1.0 - mapes)), errors.size),
        rmsle=estimate(point["rmsle"], np.sqrt(sums[:, 0] / errors.size), errors.size),
        median_ape=estimate(point["median_ape"], medians, errors.size),
        mape_at_least_100=estimate(
            point["mape_at_least_100"],
            ratio(error_sums[:, first_long:].sum(axis=1), drawn[:, first_long:].sum(axis=1)),
            long_rows,
        ),
        bands=[
            BandEstimate(
                band["band"],
                band["rows"],
                estimate(band["mape"], ratio(error_sums[:, i], drawn[:, i]), band_rows[i]),
            )
            for i, band in enumerate(point["bands"])
        ],
    )


def paired_difference(
    lengths: ArrayLike,
    predictions: ArrayLike,
    reference: ArrayLike,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Difference:
    """MAPE of `predictions` minus MAPE of `reference` on the same rows, with interval and verdict.

    All arrays float (rows,), 1/100 inch. Raises ValueError for what `metrics.checked` refuses.
    """
    return paired_differences(
        lengths,
        predictions,
        {"": reference},
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )[""]


def paired_differences(
    lengths: ArrayLike,
    predictions: ArrayLike,
    references: Mapping[str, ArrayLike],
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Difference]:
    """`paired_difference` of the same predictions to each of several references, by name.

    All share one set of draws, so many references cost little more than one.
    """
    errors = metrics.absolute_percentage_errors(lengths, predictions)
    names = list(references)
    differences: dict[str, Difference] = {}
    for start in range(0, len(names), _COLUMNS):  # bounds the memory of a comparison of many runs
        block = names[start : start + _COLUMNS]
        columns = np.column_stack(
            [
                errors - metrics.absolute_percentage_errors(lengths, references[name])
                for name in block
            ]
        )
        means = np.vstack([counts @ columns for counts in draws(errors.size, resamples, seed)])
        means /= errors.size
        for i, name in enumerate(block):
            low, high = interval(means[:, i], errors.size, confidence)
            differences[name] = Difference(
                rows=errors.size,
                value=float(columns[:, i].mean()),
                low=low,
                high=high,
                verdict=verdict(low, high),
            )
    return differences


def verdict(low: float | None, high: float | None) -> str:
    """What the interval of a MAPE difference (fractions, negative is better) says, in words."""
    if low is None or high is None:
        return "too few rows to tell"
    if high < 0:
        return f"better by {_points(-high, -low)}"
    if low > 0:
        return f"worse by {_points(low, high)}"
    return "no detectable difference"


def _points(low: float, high: float) -> str:
    """Two positive fractions as a range of percentage points, with digits enough to be seen."""
    digits = [_digits(100 * low), _digits(100 * high)]
    for _ in range(3):  # ends that differ look different, as long as that takes few digits
        ends = [f"{100 * end:.{count}f}" for end, count in zip((low, high), digits, strict=True)]
        if ends[0] != ends[1]:
            return f"{ends[0]}–{ends[1]} points"
        digits = [count + 1 for count in digits]
    return f"about {100 * low:.{_digits(100 * low)}f} points"


def _digits(points: float) -> int:
    return next((digits for digits in range(1, 7) if round(points, digits) != 0), 7)


def draws(rows: int, resamples: int, seed: int) -> Iterator[FloatArray]:
    """Blocks of resamples: how often each row was drawn, float64 (block, rows)."""
    generator = np.random.default_rng(seed)
    block = max(1, _BLOCK_BYTES // (8 * rows))
    for start in range(0, resamples, block):
        counts = np.empty((min(block, resamples - start), rows))
        for row in counts:
            row[:] = np.bincount(generator.integers(rows, size=rows), minlength=rows)
        yield counts


def _median_of_counts(ascending: FloatArray, counts: FloatArray) -> float:
    """Median of a resample, given how often it holds each of the ascending values."""
    middle = ((ascending.size - 1) // 2, ascending.size // 2)
    at = np.searchsorted(np.cumsum(counts), middle, side="right")
    return float(ascending[at].mean())


def ratio(sums: FloatArray, counts: FloatArray) -> FloatArray:
    """Means; NaN for a resample that drew no such row."""
    means: NDArray[np.float64] = np.full(sums.shape, np.nan)
    return np.divide(sums, counts, out=means, where=counts > 0)


def interval(
    samples: FloatArray, rows: int, confidence: float
) -> tuple[float | None, float | None]:
    """The middle `confidence` of the resamples, float (resamples,); None for too few rows."""
    if rows < MIN_ROWS:
        return None, None
    low, high = np.nanquantile(samples, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
