"""The weighted median: of all numbers, the one with the least weighted absolute error.

With weights 1/length it is the constant with the least mean absolute percentage error.

Defined here as the lower weighted median: the smallest value v for which the weights of all values
<= v make up at least half of the total. It is always one of the values, and it minimises
sum(weights * |values - v|).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def weighted_median(values: NDArray[Any], weights: NDArray[Any]) -> float:
    """Lower weighted median of `values` (n,) with `weights` (n,) >= 0, in the unit of the values.

    Raises ValueError when the shapes differ or are not (n,), when a weight is negative or not
    finite, or when no weight is positive.
    """
    if values.ndim != 1:
        raise ValueError(f"values must be (n,), not {values.shape}")
    median = weighted_median_rows(values[None, :], weights[None, :])[0]
    if np.isnan(median):
        raise ValueError("no weight is positive: there is no weighted median")
    return float(median)


def weighted_median_rows(
    values: NDArray[Any], weights: NDArray[Any], order: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Lower weighted median of each row of `values` (n, k) with `weights` (n, k) >= 0.

    `order`: what `order_of_rows` gives for the values, where it is known. Returns float64 (n,), in
    the unit of the values; NaN where a row has no positive weight. Values of weight zero play no
    part, whatever they are. Raises ValueError when the shapes differ or are not (n, k), or when a
    weight is negative or not finite.
    """
    if values.ndim != 2 or values.shape != weights.shape:
        raise ValueError(f"values {values.shape} and weights {weights.shape} must both be (n, k)")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("weights must be finite and not negative")
    if values.size == 0:
        return np.full(len(values), np.nan)
    order = order_of_rows(values) if order is None else order
    ordered = np.take_along_axis(weights.astype(np.float64), order, axis=1)
    below = ordered.cumsum(axis=1)
    total = below[:, -1:]
    # `below` may stand still at a weight of zero, but the first entry that reaches half of a
    # positive total has itself a positive weight.
    place = (2 * below >= total).argmax(axis=1)
    chosen = np.take_along_axis(order, place[:, None], axis=1)
    medians = np.take_along_axis(values, chosen, axis=1)[:, 0].astype(np.float64)
    return np.where(total[:, 0] > 0, medians, np.nan)


def order_of_rows(values: NDArray[Any]) -> NDArray[np.int64]:
    """The places of each row's values (n, k), ascending: int64 (n, k)."""
    return np.argsort(values, axis=1, kind="stable")


def weighted_median_by_code(
    values: NDArray[Any], weights: NDArray[Any], codes: NDArray[np.integer[Any]], size: int
) -> NDArray[np.float64]:
    """Lower weighted median of the values of each code 0 .. size - 1.

    `values`, `weights` and `codes` are (n,). Returns float64 (size,), in the unit of the values;
    NaN for a code that has no positive weight. Raises ValueError as `weighted_median_rows` does,
    and when a code lies outside 0 .. size - 1.
    """
    if codes.shape != values.shape or codes.ndim != 1:
        raise ValueError(f"values {values.shape} and codes {codes.shape} must both be (n,)")
    if len(codes) and not 0 <= codes.min() <= codes.max() < size:
        raise ValueError(f"codes must lie in 0 .. {size - 1}")
    medians = np.full(size, np.nan)
    order = np.argsort(codes, kind="stable")
    # One sum per code: a running sum over all codes would round light codes away.
    for rows in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1):
        if len(rows):
            code = codes[rows[0]]
            medians[code] = weighted_median_rows(values[None, rows], weights[None, rows])[0]
    return medians
