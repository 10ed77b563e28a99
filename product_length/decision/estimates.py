"""Bayes estimates: the length with the least expected error under a predicted distribution.

A distribution is a probability for each of some cells of log length, spread evenly in log length
within the cell. Everywhere `probabilities` is float (rows, cells), not negative, each row with a
positive sum, and `edges` is float (cells + 1,), strictly ascending, ln of the catalogue's unit. All
estimates are exact for such a distribution, but for SMAPE's, see there. Each raises ValueError for
other shapes.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from typing_extensions import assert_never

from product_length.decision.config import Decision

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_STEPS = 30
"""Halvings of the two cells in which the best length for SMAPE lies."""


def estimate(decision: Decision, probabilities: Tensor, edges: Tensor) -> Tensor:
    """The best length for a metric: float (rows,), catalogue's unit, within the outermost edges.

    - mape: the median of the distribution weighted by 1/length;
    - rmsle: expm1 of the mean of log1p(length);
    - median: the median, best for absolute errors and for relative ones of the logarithm;
    - mean: the mean, best for squared errors; finite, as the outermost edges are;
    - smape: see `smape_estimate`.
    """
    _check(probabilities, edges)
    match decision:
        case "mape":
            return weighted_quantile(probabilities, edges, 0.5, power=-1)
        case "rmsle":
            return (probabilities @ _mean_log1p(edges) / probabilities.sum(dim=1)).expm1()
        case "median":
            return weighted_quantile(probabilities, edges, 0.5)
        case "mean":
            means = edges.exp().diff() / edges.diff()
            return probabilities @ means / probabilities.sum(dim=1)
        case "smape":
            return smape_estimate(probabilities, edges)
        case _:
            assert_never(decision)


def interval(probabilities: Tensor, edges: Tensor, mass: float) -> Tensor:
    """Both ends of the central interval that holds `mass`: float (rows, 2), catalogue's unit.

    As much lies below it as above. Raises ValueError unless 0 <= mass <= 1.
    """
    if not 0 <= mass <= 1:
        raise ValueError(f"an interval holds a mass between 0 and 1, not {mass}")
    ends = [weighted_quantile(probabilities, edges, (1 + sign * mass) / 2) for sign in (-1, 1)]
    return torch.stack(ends, dim=1)


def cdf(probabilities: Tensor, edges: Tensor, lengths: Tensor) -> Tensor:
    """The probability of at most each row's length: float (rows,), 0 to 1, exact on the cells.

    `lengths`: float (rows,), in the catalogue's unit, positive; one beyond the outermost edges has
    0 or 1.
    """
    _check(probabilities, edges)
    if lengths.shape != probabilities.shape[:1]:
        raise ValueError(
            f"lengths {tuple(lengths.shape)} must be (rows,), one for each row of probabilities "
            f"{tuple(probabilities.shape)}"
        )
    places = lengths.to(edges).log()
    cell = (torch.searchsorted(edges, places, right=True) - 1).clamp(0, len(edges) - 2)
    share = ((places - edges[cell]) / edges.diff()[cell]).clamp(0, 1)
    below = probabilities.cumsum(dim=1)
    own = probabilities.gather(1, cell[:, None])[:, 0]
    before = below.gather(1, cell[:, None])[:, 0] - own
    return ((before + share * own) / below[:, -1]).clamp(0, 1)


def weighted_quantile(
    probabilities: Tensor, edges: Tensor, level: float, *, power: int = 0
) -> Tensor:
    """Lengths below which lies `level` of the weight length ** power: float (rows,)."""
    _check(probabilities, edges)
    widths = edges.diff()
    # Integrals of exp(power * x) over each cell, in units of the first edge's.
    start = (power * (edges[:-1] - edges[0])).exp()
    inside = start * ((power * widths).expm1() / (power * widths) if power else 1.0)
    weights = probabilities * inside
    below = weights.cumsum(dim=1)
    sought = level * below[:, -1:]
    # The first cell that reaches the level; the last one may miss it by a rounding.
    cell = (below < sought).sum(dim=1, keepdim=True).clamp_max(len(widths) - 1)
    own = weights.gather(1, cell)
    before = below.gather(1, cell) - own
    share = ((sought - before) / own.clamp_min(torch.finfo(own.dtype).tiny)).clamp(0, 1)[:, 0]
    width = widths[cell[:, 0]]
    # The inverse of the integral of exp(power * x) within the cell.
    inverse = (share * (power * width).expm1()).log1p() / power if power else share * width
    return (edges[cell[:, 0]] + inverse).exp()


def smape_estimate(probabilities: Tensor, edges: Tensor) -> Tensor:
    """The length with the least expected 2 |p - y| / (p + y): float (rows,), catalogue's unit.

    Since (p - y) / (p + y) = tanh((ln p - ln y) / 2), its mean over a cell has a closed form. Of
    all edges the one with the least expected error is taken, then the zero of the derivative
    between its neighbours is found by bisection: exact unless a lower valley hides within one
    other cell.
    """
    _check(probabilities, edges)
    # An integral of 2 |tanh(z / 2)|: 4 ln cosh(z / 2) with the sign of z. In float64, since the
    # mean over a narrow cell is a small difference.
    places = edges.detach().cpu().double()
    z = places[:, None] - places
    integral = z.sign() * (2 * z.abs() + 4 * (-z.abs()).exp().log1p() - 4 * np.log(2))
    costs = -integral.diff(dim=1) / places.diff()
    best = (probabilities @ costs.to(probabilities).T).argmin(dim=1)
    density = probabilities / edges.diff()
    nothing = density.new_zeros(len(density), 1)
    steps = torch.cat([density, nothing], dim=1) - torch.cat([nothing, density], dim=1)
    low = edges[(best - 1).clamp_min(0)]
    high = edges[(best + 1).clamp_max(len(edges) - 1)]
    for _ in range(_STEPS):
        middle = (low + high) / 2
        slope = (steps * torch.tanh((middle[:, None] - edges).abs() / 2)).sum(dim=1)
        low, high = torch.where(slope < 0, middle, low), torch.where(slope < 0, high, middle)
    return ((low + high) / 2).exp()


def _mean_log1p(edges: Tensor) -> Tensor:
    """The mean of log1p(length) over each cell, (cells,), by Gauss and Legendre's rule.

    log1p(exp(x)) is so smooth that eight points are exact to rounding over any cell up to a unit
    wide, and to 1e-6 over cells of several units.
    """
    nodes = torch.as_tensor(_NODES, dtype=edges.dtype, device=edges.device)
    weights = torch.as_tensor(_WEIGHTS, dtype=edges.dtype, device=edges.device)
    places = edges[:-1, None] + edges.diff()[:, None] * (nodes + 1) / 2
    means: Tensor = torch.nn.functional.softplus(places) @ weights / 2
    return means


def _check(probabilities: Tensor, edges: Tensor) -> None:
    if edges.ndim != 1 or probabilities.ndim != 2 or probabilities.shape[1] != len(edges) - 1:
        raise ValueError(
            f"probabilities {tuple(probabilities.shape)} must be (rows, cells), edges "
            f"{tuple(edges.shape)} (cells + 1,)"
        )
