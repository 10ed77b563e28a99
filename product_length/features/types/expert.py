"""The lengths of the training rows of a type, as a distribution."""

import torch
from torch import Tensor, nn
from typing_extensions import override

from product_length.features.columns import Batch
from product_length.features.expert import Expert, Opinion, shrunk
from product_length.features.feature import Training
from product_length.features.left_out import LeftOut
from product_length.features.tilt import Tilt
from product_length.features.zero_linear import zero_linear
from product_length.loss.bin_grid import BinGrid

_ROWS_ABOVE = 3.0
"""Rows of the level above, or of the whole catalogue, that are added to a type's, at the start."""


class TypesExpert(Expert):
    """The lengths of the training rows of a type, and of so many rows of the whole catalogue.

    So types of few rows are shrunk to the marginal; how many rows it counts for is learned. A type
    that is a path is shrunk to the level above it, that one to the next, and the top one to the
    marginal. A training row is left out of the counts of its own type and of the levels above, and
    so are others with the same text. With `tilt` there is a second part,
    reshaped by the network. `chains`: int64 (types, levels), the codes of each type's path, the top
    one first, below 0 where it has fewer levels.
    """

    counts: Tensor
    chains: Tensor

    def __init__(self, bins: BinGrid, width: int, chains: Tensor, *, tilt: bool) -> None:
        super().__init__(bins)
        self.gate = zero_linear(width, 1 + tilt)
        self.register_buffer("counts", torch.zeros(len(chains), len(bins)))
        self.register_buffer("chains", chains, persistent=False)  # the feature keeps them
        self.left_out = LeftOut()
        self.log_rows_above = nn.Parameter(torch.full((chains.shape[1],), _ROWS_ABOVE).log())
        self.tilt = Tilt(width, len(bins)) if tilt else None

    @override
    def fit(self, training: Training) -> None:
        """Count the lengths of each type's training rows, and of those of the types below it."""
        codes = torch.from_numpy(training.columns["types"][training.rows])
        lengths = torch.from_numpy(training.lengths)
        chains = self.chains[codes]
        rows, levels = (chains >= 0).nonzero(as_tuple=True)
        counts = self.bins.counted(chains[rows, levels], lengths[rows], len(self.counts))
        self.counts.copy_(counts)
        self.left_out.fit(training, rows, chains[rows, levels], self.bins)

    @override
    def forward(self, batch: Batch, hidden: Tensor, expected: Tensor) -> Opinion:
        """The type's distribution, and the tilted one, which later experts start from."""
        shares = self._shares(batch)
        found = [shares.log()]
        if self.tilt is not None:
            found.append(self.tilt(found[0], hidden))
        return Opinion(torch.stack(found, dim=1), self.gate(hidden), found[-1])

    def _shares(self, batch: Batch) -> Tensor:
        """Distributions float32 (rows, bins) of each row's type."""
        shares = self.bins.marginal
        codes = batch["types"]
        for level, added in enumerate(self.log_rows_above.exp()):
            chosen = self.chains[codes, level]
            counts = self.counts[chosen]  # the last one's where there is none: not looked at
            if self.leaves_out(batch):
                counts = (counts - self.left_out(batch, chosen, self.bins)).clamp(min=0)
            here = shrunk(counts, shares, added)
            shares = torch.where((chosen >= 0)[:, None], here, shares) if level else here
        return shares
