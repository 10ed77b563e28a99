"""A known distribution, moved and reshaped within itself as the network sees fit.

"Large" means the upper end of what rugs measure and of what rings do. So it is said in quantiles: a
distribution is multiplied by exp(Σ c_k cos(π k u)), where u is each length's rank in it, and the c
are learned from the product. An exponential series: Barron and Sheu 1991, "Approximation of Density
Functions by Sequences of Exponential Families" (Annals of Statistics 19).
"""

import torch
from torch import Tensor, nn

from product_length.features.zero_linear import zero_linear

_TERMS = 6


class Tilt(nn.Module):
    """Tilts distributions over `bins` by features of `width`; untrained it changes nothing."""

    frequencies: Tensor
    below: Tensor

    def __init__(self, width: int, bins: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.pi * torch.arange(1, _TERMS + 1))
        # All that lies below, and half of its own. By a product: on a GPU running sums of floating
        # point numbers are not deterministic.
        below = torch.ones(bins, bins).triu() - torch.eye(bins) / 2
        self.register_buffer("below", below, persistent=False)
        self.coefficients = zero_linear(width, _TERMS)

    def forward(self, logs: Tensor, features: Tensor) -> Tensor:
        """Logarithms float32 (rows, bins) of the tilted distributions, from those of others."""
        ranks = logs.exp() @ self.below
        waves = torch.cos(ranks[:, :, None] * self.frequencies)
        tilts = (waves @ self.coefficients(features)[:, :, None])[:, :, 0]
        tilted: Tensor = (logs + tilts).log_softmax(dim=1)
        return tilted
