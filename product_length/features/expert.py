"""What a feature predicts by itself: a component of the network's mixture."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from product_length.features.columns import Batch
from product_length.features.feature import Training
from product_length.loss.bin_grid import BinGrid


class Opinion(NamedTuple):
    """What an expert says of some rows."""

    log_probs: Tensor
    """float32 (rows, parts, bins): a distribution for each of its parts."""
    scores: Tensor
    """float32 (rows, parts): shares of the mixture before a softmax; -inf where it knows nothing,
    with any distribution."""
    expected: Tensor
    """float32 (rows, bins), logarithms: what later experts start from."""


class Expert(nn.Module):
    """Distributions over `bins` that are mixed with the head's own."""

    def __init__(self, bins: BinGrid) -> None:
        super().__init__()
        self._shared = (bins,)  # in a tuple, so that the mixture alone has it in its state

    @property
    def bins(self) -> BinGrid:
        """What the distributions are over."""
        return self._shared[0]

    def fit(self, training: Training) -> None:
        """Set in place what is counted of training rows; weights are trained with the network."""

    def forward(self, batch: Batch, hidden: Tensor, expected: Tensor) -> Opinion:
        """What it says of a batch.

        hidden: float32 (rows, width), the trunk's output; expected: float32 (rows, bins), the
        logarithm of what experts before this one expect.
        """
        raise NotImplementedError

    def leaves_out(self, batch: Batch) -> bool:
        """Whether these are training rows in training, which are left out of their own counts."""
        return self.training and batch.lengths is not None


MARGINAL_SHARE = 0.02
"""Of the marginal distribution in what few rows say: no length is impossible."""


def log_shrunk_ratios(counts: Tensor, above: Tensor, added: Tensor) -> Tensor:
    """ln of `shrunk(counts, above, added) / above` (…, bins), but for a number that bins share.

    For what is added to logarithms before a softmax over bins. Only `added` has a gradient: the
    others are counted.
    """
    with torch.no_grad():
        ratios = counts / above
    return (ratios + added).log_()


def weighted_sum(weights: Tensor, of_each: Tensor) -> Tensor:
    """(rows, bins), of weights (rows, n) and (rows, n, bins)."""
    return torch.bmm(weights[:, None], of_each)[:, 0]


def shrunk(counts: Tensor, towards: Tensor, added: Tensor | float) -> Tensor:
    """Distributions (…, bins) of smoothed counts (…, bins), with so many rows of others added."""
    return (counts + added * towards) / (counts.sum(dim=-1, keepdim=True) + added)
