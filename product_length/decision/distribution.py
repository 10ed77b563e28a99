"""A predicted distribution of lengths, one row a product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from product_length.decision.config import Decision
from product_length.decision.estimates import cdf, estimate, interval


@dataclass(frozen=True)
class Distribution:
    """Probabilities of cells of log length, spread evenly in log length within a cell.

    `probabilities`: float (rows, cells), each row sums to 1.
    `edges`: float (cells + 1,), ascending, ln of the catalogue's unit.
    """

    probabilities: Tensor
    edges: Tensor

    def decide(self, decision: Decision) -> Tensor:
        """The best length for a metric: float (rows,), in the catalogue's unit."""
        return estimate(decision, self.probabilities, self.edges)

    def interval(self, mass: float) -> Tensor:
        """Ends of the central interval that holds `mass`: float (rows, 2), catalogue's unit."""
        return interval(self.probabilities, self.edges, mass)

    def cdf(self, lengths: Tensor) -> Tensor:
        """The probability of at most each of `lengths` (rows,), catalogue's unit: float (rows,)."""
        return cdf(self.probabilities, self.edges, lengths)


def average(distributions: Sequence[Distribution]) -> Distribution:
    """The mixture of several distributions of the same rows, with equal weights.

    Its cells lie between all edges of all of them, and each takes its part of the cell that it is
    cut from: exact, since mass is spread evenly in log length. One distribution is its own average.
    Raises ValueError when there is none.
    """
    if not distributions:
        raise ValueError("no distributions to average")
    edges = _sorted_once(torch.cat([each.edges for each in distributions]))
    shares = [_cut(each, edges) / len(distributions) for each in distributions]
    return Distribution(torch.stack(shares).sum(dim=0), edges)


def _sorted_once(edges: Tensor) -> Tensor:
    edges = edges.sort().values
    return edges[torch.cat([edges.new_ones(1), edges.diff()]) > 0]


def _cut(distribution: Distribution, edges: Tensor) -> Tensor:
    """Probabilities of the cells between `edges`, which hold all edges of the distribution."""
    own = distribution.edges
    cell = torch.searchsorted(own, edges[:-1], right=True) - 1
    inside = (cell >= 0) & (cell < len(own) - 1)
    cell = cell.clamp(0, len(own) - 2)
    part = torch.where(inside, edges.diff() / own.diff()[cell], 0)
    return distribution.probabilities[:, cell] * part
