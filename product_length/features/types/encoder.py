"""A learned vector for each product type."""

import torch
from torch import Tensor, nn

from product_length.features.encoder import Encoder

_SPREAD = 0.05
_UNKNOWN = 0
"""The code of rare and unseen types."""


class TypesEncoder(Encoder):
    """Vectors of type codes below `types`; in training a share `dropout` of the rows has none."""

    def __init__(self, types: int, width: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.dropout = dropout
        self.vectors = nn.Embedding(types, width)
        # Small: the vector of a type with three rows should not be mostly its random start.
        nn.init.normal_(self.vectors.weight, std=_SPREAD)

    def forward(self, codes: Tensor) -> Tensor:
        """Vectors float32 (rows, width) of codes int64 (rows,)."""
        if self.training and self.dropout:  # so that the shared vector is trained
            lost = torch.rand(codes.shape, device=codes.device) < self.dropout
            codes = codes.masked_fill(lost, _UNKNOWN)
        vectors: Tensor = self.vectors(codes)
        return vectors

    def extra_repr(self) -> str:
        """What no submodule shows; `str(network)` tells any two configurations apart."""
        return f"dropout={self.dropout}"
