"""A learned vector for each product type."""

import torch
from torch import Tensor, nn

from product_length.features.encoder import Encoder

_SPREAD = 0.05
_UNKNOWN = 0
"""The code of rare and unseen types."""


class TypesEncoder(Encoder):
    """Vectors of type codes; in training a share `dropout` of the rows has none.

    `chains`: int64 (types, levels), the codes of each type's path, the top one first, below 0 where
    it has fewer levels: its vector is the sum of theirs. A row that loses its type keeps some of
    the levels above, or none.
    """

    chains: Tensor

    def __init__(self, chains: Tensor, width: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.dropout = dropout
        self.register_buffer("chains", chains, persistent=False)  # the feature keeps them
        self.vectors = nn.Embedding(len(chains), width)
        # Small: the vector of a type with three rows should not be mostly its random start.
        nn.init.normal_(self.vectors.weight, std=_SPREAD)

    def forward(self, codes: Tensor) -> Tensor:
        """Vectors float32 (rows, width) of codes int64 (rows,)."""
        if self.training and self.dropout:  # so that the shared vector is trained
            lost = torch.rand(codes.shape, device=codes.device) < self.dropout
            codes = torch.where(lost, self._above(codes), codes)
        if self.chains.shape[1] == 1:
            vectors: Tensor = self.vectors(codes)
            return vectors
        chains = self.chains[codes]
        summed: Tensor = (self.vectors(chains.clamp(min=0)) * (chains >= 0)[:, :, None]).sum(dim=1)
        return summed

    def _above(self, codes: Tensor) -> Tensor:
        """For each code one of the levels above it at random, or that of unknown types."""
        if self.chains.shape[1] == 1:
            return torch.full_like(codes, _UNKNOWN)
        chains = self.chains[codes]
        own = (chains >= 0).sum(dim=1)
        kept = (torch.rand(codes.shape, device=codes.device) * own).long()  # 0 … own - 1 levels
        above = chains.gather(1, (kept - 1).clamp(min=0)[:, None])[:, 0]
        return above.masked_fill(kept == 0, _UNKNOWN)

    def extra_repr(self) -> str:
        """What no submodule shows; `str(network)` tells any two configurations apart."""
        return f"dropout={self.dropout}"
