"""Bins of log length, laid out once by the training rows: edges, popular lengths, two tails."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

TAIL_CELLS = 16
"""Each tail is spread over so many equally likely cells."""
_REACH = np.log(2.0)
"""A tail ends at half of the least training length, or at twice the greatest."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Bins:
    """What the outputs of a histogram stand for, in ln of lengths.

    `edges`: (bins + 1,), ascending. Output 0 is the lower tail, below the first edge; outputs
    1 .. bins are the bins; the last output is the upper tail.
    `lower`, `upper`: (TAIL_CELLS + 1,), ascending, the edges of the equally likely cells of a tail;
    `lower` ends with the first edge, `upper` begins with the last one.
    """

    edges: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]

    @property
    def outputs(self) -> int:
        """The bins and the two tails."""
        return len(self.edges) + 1

    @property
    def cell_edges(self) -> FloatArray:
        """Edges of all cells, tails included: float64 (cells + 1,), ascending, ln of lengths."""
        return np.array([*self.lower[:-1], *self.edges, *self.upper[1:]])

    def state(self) -> dict[str, Any]:
        """Plain lists of numbers, from which `from_state` makes the same bins."""
        return {name: list(values) for name, values in asdict(self).items()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The bins whose `state` this was."""
        return cls(**{name: tuple(map(float, values)) for name, values in state.items()})


def fit_bins(
    lengths: NDArray[np.floating[Any]], *, bins: int, by_rows: float, narrowest: float, tail: float
) -> Bins:
    """Bins for training rows of these lengths: float (rows,), positive and finite.

    Options as in `loss.histogram.Histogram`. There are fewer bins than asked for where they would
    be narrower than `narrowest`, and a few more where popular lengths lie close together.
    Raises ValueError for other lengths.
    """
    rows = np.sort(np.asarray(lengths, dtype=np.float64))
    if rows.ndim != 1 or not len(rows) or not (rows[0] > 0 and np.isfinite(rows[-1])):
        raise ValueError("fit_bins needs lengths (rows,), at least one, positive and finite")
    logs = np.log(rows)
    outside = min(int(np.ceil(tail * len(logs))), (len(logs) - 1) // 2)
    half = narrowest / 2
    low, high = float(logs[outside]) - half, float(logs[-1 - outside]) + half
    values, counts = np.unique(logs[(logs > low) & (logs < high)], return_counts=True)
    popular = _popular(values, counts, 1 / bins, narrowest)
    rest = ~np.isin(values, popular)
    wanted = max(bins - len(popular), 1)
    edges = _spaced(values[rest], counts[rest], low, high, wanted, by_rows)
    edges = _around(popular, edges, low, high, narrowest)
    spread = max(float(np.subtract(*np.quantile(logs, [0.75, 0.25]))) / 1.35, narrowest)
    return Bins(
        edges=tuple(edges.tolist()),
        lower=tuple((low - _tail(low - logs[logs < low], spread))[::-1].tolist()),
        upper=tuple((high + _tail(logs[logs > high] - high, spread)).tolist()),
    )


def _popular(
    values: FloatArray, counts: NDArray[np.int64], share: float, narrowest: float
) -> FloatArray:
    """The values with at least this share of the rows, the more popular of any two too close."""
    found = np.flatnonzero(counts >= max(share * counts.sum(), 2))
    kept: list[float] = []
    for i in found[np.argsort(-counts[found], kind="stable")]:
        if all(abs(values[i] - other) >= narrowest for other in kept):
            kept.append(float(values[i]))
    return np.sort(np.array(kept))


def _spaced(
    values: FloatArray,
    counts: NDArray[np.int64],
    low: float,
    high: float,
    bins: int,
    by_rows: float,
) -> FloatArray:
    """Edges that each take an equal part of a mixture: of the rows, and of the range."""
    width = np.array([low, high])
    if not len(values):
        return np.linspace(low, high, bins + 1)
    # A row's share is spread from the value before to its own: quantiles without steps.
    places = np.concatenate([[low], values, [high]])
    of_rows = np.concatenate([[0], np.cumsum(counts) - counts / 2, [counts.sum()]]) / counts.sum()
    levels = by_rows * of_rows + (1 - by_rows) * np.interp(places, width, [0, 1])
    edges: FloatArray = np.interp(np.linspace(0, 1, bins + 1), levels, places)
    return edges


def _around(
    popular: FloatArray, edges: FloatArray, low: float, high: float, narrowest: float
) -> FloatArray:
    """All edges in order, at least `narrowest` apart, with a narrow bin for each popular value."""
    half = narrowest / 2
    fixed = [low]
    for edge in np.sort(np.concatenate([popular - half, popular + half])):
        # What little lies between two popular values belongs to the lower one.
        if edge - fixed[-1] > half / 2 and high - edge > half / 2:
            fixed.append(float(edge))
    fixed.append(high)
    kept: list[float] = []
    for left, right in pairwise(fixed):
        kept.append(left)
        for edge in edges[(edges > left) & (edges < right)]:
            # Inside the bin of a popular value there is no room for an edge.
            if edge - kept[-1] >= narrowest and right - edge >= narrowest:
                kept.append(float(edge))
    return np.array([*kept, high])


def _tail(beyond: FloatArray, spread: float) -> FloatArray:
    """Distances from the outermost edge, (TAIL_CELLS + 1,), from 0 to the end of the tail.

    An exponential distribution of log length (a power law of length), cut at its end. Its mean is
    that of the rows beyond the edge and of one more row at `spread`, for tails of few rows.
    """
    mean = (beyond.sum() + spread) / (len(beyond) + 1)
    end = (beyond.max() if len(beyond) else 0.0) + _REACH
    levels = np.arange(TAIL_CELLS) / TAIL_CELLS
    return np.append(-mean * np.log1p(levels * np.expm1(-end / mean)), end)
