"""A predicted distribution of lengths, one row a product."""

from dataclasses import dataclass

from torch import Tensor

from product_length.decision.config import Decision
from product_length.decision.estimates import estimate, interval


@dataclass(frozen=True)
class Distribution:
    """Probabilities of cells of log length, spread evenly in log length within a cell.

    `probabilities`: float (rows, cells), each row sums to 1.
    `edges`: float (cells + 1,), ascending, ln of 1/100 inch.
    """

    probabilities: Tensor
    edges: Tensor

    def decide(self, decision: Decision) -> Tensor:
        """The best length for a metric: float (rows,), 1/100 inch."""
        return estimate(decision, self.probabilities, self.edges)

    def interval(self, mass: float) -> Tensor:
        """Both ends of the central interval that holds `mass`: float (rows, 2), 1/100 inch."""
        return interval(self.probabilities, self.edges, mass)
