"""One bootstrap: how sure a mean or a median is, given its rows and the training seeds behind it.

Rows are sampled with replacement, as often as there are rows; the statistic of each resample is
exact, and the percentile interval spans the middle `confidence` of them. All statistics of one call
share their resamples, so that what is measured on the same rows is compared on the same ones,
which removes the rows' own difficulty from a difference.

Seeds are not resampled: sampling from two or three of them gives a variance too small by
(S − 1) / S, and tails that are too thin. Instead each resample is shifted by a value from the
Student t distribution that the mean over so few seeds follows, scaled by its standard error. What
the seeds do to single rows is in both parts, so the intervals err, if at all, by being too wide.

Sources: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapters 6, 13 and 16; Welch,
The generalization of Student's problem (1947), for the degrees of freedom of a difference.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit
from tqdm import tqdm

from product_length.evaluation.metrics import FloatArray

MIN_ROWS = 10
"""With fewer rows a percentile interval is far too narrow to mean anything; none is given."""

_CHUNK_BYTES = 64 * 2**20  # of resamples at once
_COLUMN_BYTES = 512 * 2**20  # of statistics at once
# A resample's median is one of the rows whose rank is near the middle: this many times the root
# of the number of rows is sixteen standard deviations.
_REACH = 8


@dataclass(frozen=True)
class Difference:
    """A mean minus another on the same rows, of errors as fractions: negative is better."""

    rows: int
    value: float
    low: float | None
    high: float | None
    verdict: str


@dataclass(frozen=True)
class Mean:
    """The mean of `values` weighted by `weights`, both float (rows,)."""

    values: ArrayLike
    weights: ArrayLike = 1.0

    def columns(self) -> tuple[FloatArray, FloatArray]:
        """What a resample adds up, float64 (rows,) each."""
        values, weights = np.broadcast_arrays(
            np.asarray(self.values, np.float64), np.asarray(self.weights, np.float64)
        )
        return values * weights, weights

    def of(self, _counts: FloatArray, sums: FloatArray) -> FloatArray:
        """Means (chunk,); NaN for a resample without such rows.

        The first argument (chunk, rows) says how often each row was sampled, `sums` (chunk, 2)
        what that makes of the columns.
        """
        means = np.full(len(sums), np.nan)
        np.divide(sums[:, 0], sums[:, 1], out=means, where=sums[:, 1] > 0)
        return means


class Median:
    """The median of `values` float (rows,) over the rows that `members` bool (rows,) names."""

    def __init__(self, values: FloatArray, members: NDArray[np.bool_]) -> None:
        rows = np.flatnonzero(members)
        order = rows[np.argsort(values[rows], kind="stable")]
        middle, reach = order.size // 2, int(_REACH * np.sqrt(order.size)) + 1
        self._near = order[max(0, middle - reach) : middle + reach]
        self._ascending = values[self._near]
        self._below = np.zeros(values.size)
        self._below[order[: max(0, middle - reach)]] = 1.0
        self._members = members

    def columns(self) -> tuple[FloatArray, FloatArray]:
        """As of `Mean`."""
        return self._below, self._members.astype(np.float64)

    def of(self, counts: FloatArray, sums: FloatArray) -> FloatArray:
        """As of `Mean`."""
        reached = sums[:, :1] + np.cumsum(counts[:, self._near], axis=1)
        medians = np.full(len(sums), np.nan)
        some = sums[:, 1] > 0
        ends = [
            (reached[some] <= rank[:, None]).sum(axis=1)
            for rank in ((sums[some, 1] - 1) // 2, sums[some, 1] // 2)
        ]
        medians[some] = (self._ascending[ends[0]] + self._ascending[ends[1]]) / 2
        return medians


def resample(
    statistics: Sequence[Mean | Median], rows: int, *, resamples: int, seed: int
) -> FloatArray:
    """What each resample makes of statistics of the same rows, float64 (statistics, resamples)."""
    found = np.empty((len(statistics), resamples))
    if not statistics:
        return found
    step = max(1, _COLUMN_BYTES // (16 * rows))
    for first in range(0, len(statistics), step):
        some = statistics[first : first + step]
        columns = np.column_stack([column for each in some for column in each.columns()])
        done = 0
        with tqdm(
            total=resamples, unit=" resamples", desc="intervals", disable=None, leave=False, delay=1
        ) as bar:
            for counts in _samples(rows, resamples, seed):
                chunk = slice(done, done + len(counts))
                done += len(counts)
                sums = counts @ columns
                for i, each in enumerate(some):
                    found[first + i, chunk] = each.of(counts, sums[:, 2 * i : 2 * i + 2])
                bar.update(len(counts))
    return found


def interval(
    samples: FloatArray, rows: int, confidence: float
) -> tuple[float | None, float | None]:
    """The middle `confidence` of the resamples, float (resamples,); None for too few rows."""
    return middle(samples, confidence) if rows >= MIN_ROWS else (None, None)


def middle(samples: FloatArray, confidence: float = 0.95) -> tuple[float, float]:
    """The middle `confidence` of the resamples, float (resamples,), of however few rows."""
    low, high = np.nanquantile(samples, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def mean_differences(
    pairs: Sequence[tuple[FloatArray, FloatArray]],
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[Difference]:
    """The mean of the first errors minus the mean of the second, for each pair, and what it says.

    Errors are fractions, float64 (rows,) or (seeds, rows), of the same rows in all pairs. Where
    either side has one seed the interval is over rows only. Raises ValueError for unequal rows.
    """
    paired = Paired(pairs)
    samples = resample(paired.statistics, paired.rows, resamples=resamples, seed=seed)
    return paired.differences(samples, confidence, seed)


class Paired:
    """Pairs of errors of the same rows, as `mean_differences` takes them, before resampling."""

    def __init__(self, pairs: Sequence[tuple[FloatArray, FloatArray]]) -> None:
        self._sides = [tuple(np.atleast_2d(side) for side in pair) for pair in pairs]
        sizes = {side.shape[1] for pair in self._sides for side in pair}
        if len(sizes) > 1:
            raise ValueError(f"errors of different rows: {sorted(sizes)}")
        self.rows = sizes.pop() if sizes else 0
        self.statistics = [
            Mean(mine.mean(axis=0) - theirs.mean(axis=0)) for mine, theirs in self._sides
        ]

    def differences(self, samples: FloatArray, confidence: float, seed: int) -> list[Difference]:
        """One for each pair; `samples`: what resamples make of the statistics."""
        found = []
        for pair, of_pair in zip(self._sides, samples, strict=True):
            mine, theirs = (side.mean(axis=1) for side in pair)
            if min(mine.size, theirs.size) > 1:
                of_pair = of_pair + seed_part([mine, theirs], of_pair.size, seed)
            low, high = interval(of_pair, self.rows, confidence)
            value = float(mine.mean() - theirs.mean())
            found.append(Difference(self.rows, value, low, high, verdict(low, high)))
        return found


def seed_part(sides: Sequence[ArrayLike], resamples: int, seed: int) -> FloatArray:
    """What other seeds might have added to a mean, or a difference of means: float64 (resamples,).

    `sides` holds a metric by seed, float (seeds ≥ 2,), of one recipe or of the two compared.
    Quantiles of Student's t in random order, in place of random values, so that few resamples
    suffice for its heavy tails.
    """
    values = [np.asarray(side, dtype=np.float64) for side in sides]
    variances = np.array([side.var(ddof=1) / side.size for side in values])
    degrees = np.array([side.size - 1 for side in values])
    total = float(variances.sum())
    if total <= 0:  # the seeds made no difference at all
        return np.zeros(resamples)
    shares = variances / total
    freedom = 1.0 / float((shares**2 / degrees).sum())
    levels = (np.arange(resamples) + 0.5) / resamples
    # A stream of its own: the order must not depend on which rows are sampled.
    order = np.random.default_rng([seed, 1]).permutation(resamples)
    part: FloatArray = np.sqrt(total) * stdtrit(freedom, levels)[order]
    return part


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


def _samples(rows: int, resamples: int, seed: int) -> Iterator[FloatArray]:
    """Chunks of resamples: how often each row was sampled, float64 (chunk, rows)."""
    generator = np.random.default_rng(seed)
    chunk = max(1, _CHUNK_BYTES // (8 * rows))
    for start in range(0, resamples, chunk):
        counts = np.empty((min(chunk, resamples - start), rows))
        for row in counts:
            row[:] = np.bincount(generator.integers(rows, size=rows), minlength=rows)
        yield counts
