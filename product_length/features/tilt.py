"""A known distribution, moved and reshaped within itself as the network sees fit.

"Large" means the upper end of what rugs measure and of what rings do. So it is said in quantiles: a
distribution is multiplied by exp(Σ c_k cos(π k u)), where u is each length's rank in it, and the c
are learned from the product. An exponential series: Barron and Sheu 1991, "Approximation of Density
Functions by Sequences of Exponential Families" (Annals of Statistics 19).

The series is added up from one cosine a length: Clenshaw 1955, "A note on the summation of
Chebyshev series" (Mathematics of Computation 9).
"""

from typing import Any

import torch
from torch import Tensor, nn

from product_length.features.zero_linear import zero_linear

_TERMS = 6


class Tilt(nn.Module):
    """Tilts distributions over `bins` by features of `width`; untrained it changes nothing."""

    below: Tensor

    def __init__(self, width: int, bins: int) -> None:
        super().__init__()
        # All that lies below, and half of its own. By a product: on a GPU running sums of floating
        # point numbers are not deterministic.
        below = torch.ones(bins, bins).triu() - torch.eye(bins) / 2
        self.register_buffer("below", below, persistent=False)
        self.coefficients = zero_linear(width, _TERMS)
        self.register_load_state_dict_pre_hook(  # type: ignore[no-untyped-call]
            _without_frequencies
        )

    def forward(self, logs: Tensor, features: Tensor) -> Tensor:
        """Logarithms float32 (rows, bins) of the tilted distributions, from those of others."""
        ranks = logs.exp() @ self.below
        tilts = _cosine_series(self.coefficients(features), torch.cos(torch.pi * ranks))
        tilted: Tensor = (logs + tilts).log_softmax(dim=1)
        return tilted


def _cosine_series(coefficients: Tensor, cosines: Tensor) -> Tensor:
    """Σ c_k cos(k x) of k from 1 on, float (rows, n): c (rows, terms), cos(x) (rows, n)."""
    *lower, last = coefficients[:, :, None].unbind(dim=1)
    twice = 2 * cosines
    newer, older = last.expand_as(cosines), torch.zeros_like(cosines)
    for each in reversed(lower):
        newer, older = torch.addcmul(each - older, twice, newer), newer
    return cosines * newer - older


def _without_frequencies(
    _module: nn.Module, state: dict[str, Any], prefix: str, *_rest: object
) -> None:
    """Older checkpoints hold the numbers π, 2π, … too."""
    state.pop(f"{prefix}frequencies", None)
