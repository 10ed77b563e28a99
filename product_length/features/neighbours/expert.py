"""The lengths of the nearest training rows, as a distribution.

As a language model mixes what it predicts with what followed in similar places: Khandelwal et al.
2020, "Generalization through Memorization" (https://arxiv.org/abs/1911.00172).
"""

import torch
from torch import Tensor, nn
from typing_extensions import override

from product_length.features.columns import Batch
from product_length.features.expert import MARGINAL_SHARE, Expert, Opinion
from product_length.features.zero_linear import zero_linear
from product_length.loss.bin_grid import BinGrid

_SHARPNESS, _SAME_TYPE = (5.0, 20.0), 0.5
"""Where training begins."""


class NeighboursExpert(Expert):
    """The lengths of the nearest training rows, weighted by similarity and type.

    There are two parts, one that looks at all of them and one that looks at the nearest. In each
    a neighbour weighs exp(sharpness · cosine + bonus · same type), both learned.
    """

    def __init__(self, bins: BinGrid, width: int, k: int) -> None:
        super().__init__(bins)
        self.k = k
        self.gate = zero_linear(width, len(_SHARPNESS))
        self.log_sharpness = nn.Parameter(torch.tensor(_SHARPNESS).log())
        self.same_type = nn.Parameter(torch.full((len(_SHARPNESS),), _SAME_TYPE))

    @override
    def forward(self, batch: Batch, hidden: Tensor, expected: Tensor) -> Opinion:
        """The distribution of each part; what is expected stays."""
        of_each = batch["neighbours"][:, : 3 * self.k].float()
        logs, cosines, same = torch.split(of_each, self.k, dim=1)
        found = []
        for sharpness, bonus in zip(self.log_sharpness.exp(), self.same_type, strict=True):
            weights = (sharpness * cosines + bonus * same).softmax(dim=1)
            shares = (1 - MARGINAL_SHARE) * self.bins.spread(logs, weights)
            found.append((shares + MARGINAL_SHARE * self.bins.marginal).log())
        return Opinion(torch.stack(found, dim=1), self.gate(hidden), expected)
