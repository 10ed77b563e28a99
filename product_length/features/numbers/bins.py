"""Bins of a column of numbers, by the quantiles of its training rows."""

import numpy as np
from numpy.typing import NDArray


def quantile_edges(values: NDArray[np.float32], bins: int) -> NDArray[np.float32]:
    """Edges of at most `bins` bins with as many values in each: float32 (bins + 1,), ascending.

    `values`: float32 (rows,), finite. At most bins + 1 distinct values are edges themselves, one
    alone has no bin. A value that many rows share counts for one bin's rows at most, so that the
    others are still told apart where most rows have, say, 0.
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= bins + 1:
        return distinct
    weights = np.minimum(counts, len(values) / bins)
    # Middles of the values' shares: without repeated values the edges are plain quantiles.
    places = np.cumsum(weights) - weights / 2
    wanted = np.linspace(places[0], places[-1], bins + 1)
    edges = np.interp(wanted, places, distinct.astype(np.float64))
    return np.unique(edges.astype(np.float32))


def bin_codes(values: NDArray[np.float32], edges: NDArray[np.float32]) -> NDArray[np.int64]:
    """Which bin each value is in, int64 (n,): 0 where missing, 1 up to the first edge, 2, …

    One more with every edge that is passed, as in the expert of numbers.
    """
    codes = np.searchsorted(edges, values).astype(np.int64) + 1
    codes[np.isnan(values)] = 0
    return codes
