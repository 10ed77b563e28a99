"""The lengths of the training rows of a type, as a distribution."""

import torch
from torch import Tensor, nn
from typing_extensions import override

from product_length.features.columns import Batch
from product_length.features.expert import Expert, Opinion
from product_length.features.feature import Training
from product_length.features.tilt import Tilt
from product_length.features.zero_linear import zero_linear
from product_length.loss.bin_grid import BinGrid

_MARGINAL_ROWS = 3.0
"""Rows of the whole catalogue that are added to a type's, where training begins."""


class TypesExpert(Expert):
    """The lengths of the training rows of a type, and of so many rows of the whole catalogue.

    So types of few rows are shrunk to the marginal; how many rows it counts for is learned. A
    training row is left out of its own type's counts (a twin with the same text is not, of which
    there are few). With `tilt` there is a second part, reshaped by the network.
    """

    counts: Tensor

    def __init__(self, bins: BinGrid, width: int, types: int, *, tilt: bool) -> None:
        super().__init__(bins)
        self.gate = zero_linear(width, 1 + tilt)
        self.register_buffer("counts", torch.zeros(types, len(bins)))
        self.log_marginal_rows = nn.Parameter(torch.tensor(_MARGINAL_ROWS).log())
        self.tilt = Tilt(width, len(bins)) if tilt else None

    @override
    def fit(self, training: Training) -> None:
        """Count the lengths of each type's training rows."""
        codes = torch.from_numpy(training.columns["types"][training.rows])
        lengths = torch.from_numpy(training.lengths)
        self.counts.copy_(self.bins.counted(codes, lengths, len(self.counts)))

    @override
    def forward(self, batch: Batch, hidden: Tensor, expected: Tensor) -> Opinion:
        """The type's distribution, and the tilted one, which later experts start from."""
        counts = self.counts[batch["types"]]
        own = self.counted_bins(batch)
        if own is not None:
            counts = (counts - self.bins.smoothing[own]).clamp(min=0)
        added = self.log_marginal_rows.exp()
        shares = counts + added * self.bins.marginal
        found = [(shares / (counts.sum(dim=1, keepdim=True) + added)).log()]
        if self.tilt is not None:
            found.append(self.tilt(found[0], hidden))
        return Opinion(torch.stack(found, dim=1), self.gate(hidden), found[-1])
