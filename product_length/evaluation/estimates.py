"""Every metric of predictions, with intervals over rows and, for several runs, over their seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from product_length.evaluation.bands import Bands
from product_length.evaluation.metrics import METRICS, FloatArray, Metric, checked
from product_length.evaluation.resampling import Mean, Median, interval, resample, seed_part


@dataclass(frozen=True)
class Estimate:
    """A metric and its interval, all in the metric's unit.

    `value` is None when no row counts towards it, `low` and `high` when fewer than
    `resampling.MIN_ROWS` do.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class _Estimates:
    rows: int
    values: dict[str, Estimate]

    def __getitem__(self, metric: str) -> Estimate:
        """By the metric's name; without a value where the run is older than the metric."""
        if metric not in self.values and any(metric == each.name for each in METRICS):
            return Estimate(None)
        return self.values[metric]


@dataclass(frozen=True)
class BandEstimates(_Estimates):
    """The metrics of `METRICS` that are `by_band`, of the rows of one band of true length."""

    band: str


@dataclass(frozen=True)
class MetricEstimates(_Estimates):
    """Every metric of `METRICS` by its name, of some rows and of each band of them."""

    bands: list[BandEstimates]

    @property
    def mape(self) -> Estimate:
        """MAPE, a fraction: the objective of every run."""
        return self["mape"]


def measure(lengths: ArrayLike, predictions: ArrayLike, bands: Bands) -> MetricEstimates:
    """Every metric without intervals; lengths and predictions float (rows,), catalogue's unit.

    Raises ValueError for what `metrics.checked` refuses.
    """
    y, p = checked(lengths, predictions)
    parts = _parts(y, bands)
    return _assembled(y, bands, [Estimate(value) for value in _values(parts, y, p)])


def estimate_metrics(
    lengths: ArrayLike,
    predictions: Sequence[ArrayLike],
    bands: Bands,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[MetricEstimates]:
    """Every metric with its interval, of each of several predictions of the same rows.

    `lengths` float (rows,), each of `predictions` float (rows,), or (seeds, rows) for the means
    over several training seeds, whose intervals hold the luck of the seed too; all in the
    catalogue's unit. Raises ValueError for what `metrics.checked` refuses.
    """
    measured = Measured(lengths, predictions, bands)
    samples = resample(measured.statistics, measured.rows, resamples=resamples, seed=seed)
    return measured.estimates(samples, confidence, seed)


class Measured:
    """Metrics of predictions, as `estimate_metrics` takes them, before resampling."""

    def __init__(self, lengths: ArrayLike, predictions: Sequence[ArrayLike], bands: Bands) -> None:
        self._lengths, self._bands = np.asarray(lengths, dtype=np.float64), bands
        self.rows = self._lengths.size
        self._parts = _parts(self._lengths, bands)
        self._recipes = [np.atleast_2d(np.asarray(each, dtype=np.float64)) for each in predictions]
        self._runs = [checked(self._lengths, run)[1] for recipe in self._recipes for run in recipe]
        self.statistics = [
            each for run in self._runs for each in _statistics(self._parts, self._lengths, run)
        ]

    def estimates(self, samples: FloatArray, confidence: float, seed: int) -> list[MetricEstimates]:
        """One for each of the predictions; `samples`: what resamples make of the statistics."""
        by_run = samples.reshape(len(self._runs), len(self._parts), samples.shape[1])
        values = [_values(self._parts, self._lengths, run) for run in self._runs]
        found, first = [], 0
        for recipe in self._recipes:
            seeds = slice(first, first + len(recipe))
            first += len(recipe)
            estimates = [
                _estimate(
                    part, [value[i] for value in values[seeds]], by_run[seeds, i], confidence, seed
                )
                for i, part in enumerate(self._parts)
            ]
            found.append(_assembled(self._lengths, self._bands, estimates))
        return found


@dataclass(frozen=True)
class _Part:
    """A metric and the rows that it is of, bool (rows,)."""

    metric: Metric
    members: NDArray[np.bool_]


def _parts(lengths: FloatArray, bands: Bands) -> list[_Part]:
    """Every metric of all rows, then of each band those that are reported by band."""
    codes = bands.codes(lengths)
    return [_Part(metric, metric.members(lengths, bands)) for metric in METRICS] + [
        _Part(metric, (codes == code) & metric.members(lengths, bands))
        for code in range(len(bands))
        for metric in METRICS
        if metric.by_band
    ]


def _errors(parts: Sequence[_Part], y: FloatArray, p: FloatArray) -> list[FloatArray]:
    """The errors (rows,) of each part; metrics that share them share one array."""
    functions = dict.fromkeys(part.metric.errors for part in parts)
    errors = {function: function(y, p) for function in functions}
    return [errors[part.metric.errors] for part in parts]


def _values(parts: Sequence[_Part], y: FloatArray, p: FloatArray) -> list[float | None]:
    return [
        part.metric.of(errors[part.members])
        for part, errors in zip(parts, _errors(parts, y, p), strict=True)
    ]


def _statistics(parts: Sequence[_Part], y: FloatArray, p: FloatArray) -> list[Mean | Median]:
    return [
        Mean(errors, part.members)
        if part.metric.average == "mean"
        else Median(errors, part.members)
        for part, errors in zip(parts, _errors(parts, y, p), strict=True)
    ]


def _estimate(
    part: _Part,
    by_seed: Sequence[float | None],
    samples: FloatArray,
    confidence: float,
    seed: int,
) -> Estimate:
    """One metric over its seeds; `samples` (seeds, resamples) are of its averages."""
    known = [value for value in by_seed if value is not None]
    if not known:
        return Estimate(None)
    means = part.metric.finish(samples).mean(axis=0)
    if len(known) > 1:
        means = means + seed_part([known], means.size, seed)
    ends = interval(means, int(part.members.sum()), confidence)
    # Student's t has tails without end, an error has not.
    low, high = (
        None if end is None else float(np.clip(end, 0.0, part.metric.maximum)) for end in ends
    )
    return Estimate(float(np.mean(known)), low, high)


def _assembled(lengths: FloatArray, bands: Bands, estimates: Sequence[Estimate]) -> MetricEstimates:
    """Estimates in the order of `_parts` under their names."""
    left = iter(estimates)
    values = {metric.name: next(left) for metric in METRICS}
    sizes = np.bincount(bands.codes(lengths), minlength=len(bands)).tolist()
    of_bands = [
        BandEstimates(
            rows,
            {metric.name: next(left) for metric in METRICS if metric.by_band},
            name,
        )
        for name, rows in zip(bands.names, sizes, strict=True)
    ]
    return MetricEstimates(lengths.size, values, of_bands)
