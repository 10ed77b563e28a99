"""The best single guess under a loss: where training starts, and the weakest baseline there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from product_length.loss.point import PointLoss

if TYPE_CHECKING:
    from torch import Tensor

MAX_ROWS = 100_000
GRID = 64


def best_constant(loss: PointLoss, lengths: NDArray[np.floating]) -> float:
    """The constant prediction, a length, with the least `loss` over all rows at once.

    lengths: float (rows,), positive. A grid of quantiles and of log-spaced values
    (several losses have more than one valley) is followed by a bounded search around its best.
    More than `MAX_ROWS` rows are thinned to evenly spaced ranks, which needs no random numbers.

    Raises ValueError when `lengths` is not (rows,) of positive finite values.
    """
    import torch
    from scipy.optimize import minimize_scalar

    rows = np.sort(np.asarray(lengths, dtype=np.float64))
    if rows.ndim != 1 or not len(rows) or not (rows[0] > 0 and np.isfinite(rows[-1])):
        raise ValueError("best_constant needs lengths (rows,), at least one, positive and finite")
    rows = thinned(rows)
    y = torch.from_numpy(rows)

    def cost(log_constant: float) -> float:
        return float(loss.cost(_constant(np.exp(log_constant), y), y))

    low, high = rows[0], rows[-1]
    for _ in range(2):  # the whole range, then closely around the best of it
        grid = np.log(_candidates(rows, low, high))
        costs = np.array([cost(point) for point in grid])
        best = int(costs.argmin())
        low, high = np.exp(grid[[max(best - 4, 0), min(best + 4, len(grid) - 1)]])
    left, right = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    if left == right:
        return float(np.exp(grid[best]))
    found = minimize_scalar(cost, bounds=(left, right), method="bounded", options={"xatol": 1e-9})
    return float(np.exp(found.x if found.fun < costs[best] else grid[best]))


def _candidates(ascending: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Between `low` and `high`: quantiles of the rows and of their values, and even log steps."""
    inside = ascending[(ascending >= low) & (ascending <= high)]
    tried = [np.geomspace(low, high, GRID)]
    for values in (inside, np.unique(inside)):
        if len(values):
            shares = np.linspace(0, 1, min(GRID, len(values)))
            tried.append(np.quantile(values, shares, method="nearest"))
    return np.unique(np.concatenate(tried).clip(low, high))


def thinned(ascending: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of more than `MAX_ROWS` ascending values (n,) as many at evenly spaced ranks."""
    if len(ascending) <= MAX_ROWS:
        return ascending
    ranks = (np.arange(MAX_ROWS) + 0.5) * len(ascending) / MAX_ROWS
    return ascending[ranks.astype(np.int64)]


def _constant(value: float, like: Tensor) -> Tensor:
    return like.new_full(like.shape, value)
