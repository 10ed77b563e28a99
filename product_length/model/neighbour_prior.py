"""The lengths of the nearest training rows, as a distribution.

As a language model mixes what it predicts with what followed in similar places: Khandelwal et al.
2020, "Generalization through Memorization" (https://arxiv.org/abs/1911.00172).
"""

import torch
from torch import Tensor, nn

from product_length.model.outputs import Outputs, Scale

_WHOLE_SHARE = 0.02
"""Of what neighbours say: they are twenty, and a length that none of them has is not impossible."""
_SHARPNESS, _SAME_TYPE = (5.0, 20.0), 0.5
"""Where training begins."""


class NeighbourPrior(nn.Module):
    """The lengths of the nearest training rows, weighted by similarity and type.

    There are two kernels, one that looks at all of them and one that looks at the nearest. In each
    a neighbour weighs exp(sharpness · cosine + bonus · same type), both learned.
    """

    kernels = len(_SHARPNESS)

    mean: Tensor
    deviation: Tensor

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k
        self.register_buffer("mean", torch.zeros(3 * k))
        self.register_buffer("deviation", torch.ones(3 * k))
        self.log_sharpness = nn.Parameter(torch.tensor(_SHARPNESS).log())
        self.same_type = nn.Parameter(torch.full((self.kernels,), _SAME_TYPE))

    def tell(self, scale: Scale) -> None:
        """Take up how the whole block is standardised, in place."""
        self.mean.copy_(scale.mean[: 3 * self.k])
        self.deviation.copy_(scale.deviation[: 3 * self.k])

    def forward(self, block: Tensor, told: Outputs) -> list[Tensor]:
        """Distributions, (rows, outputs) of each kernel, from a block of `neighbour_features`."""
        first = block[:, : 3 * self.k].float() * self.deviation + self.mean
        logs, cosines, same = torch.split(first, self.k, dim=1)  # ln(1 + length)
        found = []
        for sharpness, bonus in zip(self.log_sharpness.exp(), self.same_type, strict=True):
            weights = (sharpness * cosines + bonus * same).softmax(dim=1)
            shares = told.spread(logs.expm1(), weights)
            found.append((1 - _WHOLE_SHARE) * shares + _WHOLE_SHARE * told.whole)
        return found
