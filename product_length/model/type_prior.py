"""The lengths of the training rows of a type, as a distribution."""

import torch
from torch import Tensor, nn

from product_length.model.outputs import Outputs

_WHOLE_ROWS = 3.0
"""Rows of the whole catalogue that are added to a type's, where training begins."""


class TypePrior(nn.Module):
    """The lengths of the training rows of a type, and of so many rows of the whole catalogue.

    So types of few rows are shrunk to the whole; how many rows it counts for is learned. A training
    row is told of the others only (of a twin with the same text too, of which there are few).
    """

    counts: Tensor

    def __init__(self, types: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("counts", torch.zeros(types, outputs))
        self.log_whole_rows = nn.Parameter(torch.tensor(_WHOLE_ROWS).log())

    def forward(self, codes: Tensor, own: Tensor | None, told: Outputs) -> Tensor:
        """Distributions (rows, outputs); `own`: outputs of rows that are counted themselves."""
        counts = self.counts[codes]
        if own is not None:
            counts = (counts - told.smoothing[own]).clamp(min=0)
        whole = self.log_whole_rows.exp()
        return (counts + whole * told.whole) / (counts.sum(dim=1, keepdim=True) + whole)
