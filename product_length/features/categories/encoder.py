"""A learned vector for each value of each column, side by side."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from product_length.features.encoder import Encoder

_SPREAD = 0.05


class CategoriesEncoder(Encoder):
    """Vectors of codes, for each column of so many `sizes`; 0 is the code of unknown values.

    In training a share `dropout` of the codes is taken for 0.
    """

    first: Tensor

    def __init__(self, sizes: Sequence[int], width: int, dropout: float) -> None:
        super().__init__()
        self.width = width * len(sizes)
        self.dropout = dropout
        first = torch.tensor([0, *sizes[:-1]]).cumsum(0)
        self.register_buffer("first", first, persistent=False)
        self.vectors = nn.Embedding(sum(sizes), width)
        # Small: the vector of a value with three rows should not be mostly its random start.
        nn.init.normal_(self.vectors.weight, std=_SPREAD)

    def forward(self, codes: Tensor) -> Tensor:
        """Vectors float32 (rows, columns * width) of codes, integers (rows, columns)."""
        codes = codes.long()
        if self.training and self.dropout:  # so that the vectors of unknown values are trained
            lost = torch.rand(codes.shape, device=codes.device) < self.dropout
            codes = codes.masked_fill(lost, 0)
        vectors: Tensor = self.vectors(codes + self.first)
        return vectors.flatten(start_dim=1)

    def extra_repr(self) -> str:
        """What no submodule shows; `str(network)` tells any two configurations apart."""
        return f"dropout={self.dropout}"
