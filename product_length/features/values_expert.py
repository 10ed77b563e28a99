"""The lengths of the training rows that share a value, in each of several columns.

Columns are brought together as a naive Bayes whose parts are weighed: Zaidi et al. 2013,
"Alleviating Naive Bayes Attribute Independence Assumption by Attribute Weighting" (JMLR 14).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from typing_extensions import override

from product_length.features.columns import Batch
from product_length.features.expert import Expert, Opinion, log_shrunk_ratios, weighted_sum
from product_length.features.feature import Training
from product_length.features.left_out import LeftOut
from product_length.features.zero_linear import zero_linear
from product_length.loss.bin_grid import BinGrid

_MARGINAL_ROWS = 3.0
"""Rows of the whole catalogue that are added to a value's, where training begins."""


class ValuesExpert(Expert):
    """What is expected otherwise, reweighed by the values in each column.

    `name`: of the feature; `sizes`: how many codes each of its columns has. Values of few rows are
    shrunk to the marginal, and a training row, and others with the same text, are left out of its
    values' counts. What is
    expected is multiplied by how much more often than elsewhere each length has a value, to a power
    between 0 and 1 that is learned for the product and the column.
    """

    counts: Tensor
    first: Tensor

    def __init__(self, bins: BinGrid, width: int, name: str, sizes: Sequence[int]) -> None:
        super().__init__(bins)
        self.name = name
        self.sizes = list(sizes)
        first = torch.tensor([0, *sizes[:-1]]).cumsum(0)
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("counts", torch.zeros(sum(sizes), len(bins)))
        self.log_marginal_rows = nn.Parameter(torch.full((len(sizes),), _MARGINAL_ROWS).log())
        self.left_out = LeftOut()
        # At first all columns together count about as much as one that is believed.
        self.weight = zero_linear(width, len(sizes), bias=-math.log(len(sizes)))
        self.gate = zero_linear(width, 1)

    def codes(self, column: Tensor) -> Tensor:
        """Codes int64 (rows, columns), each column's from 0 on, of the feature's column."""
        return column.long()

    @override
    def fit(self, training: Training) -> None:
        """Count the lengths of each value's training rows."""
        codes = self.codes(torch.from_numpy(training.columns[self.name][training.rows]))
        lengths = torch.from_numpy(training.lengths)
        for of_column, first, size in zip(codes.T, self.first, self.sizes, strict=True):
            self.counts[first : first + size] = self.bins.counted(of_column, lengths, size)
        rows = torch.arange(len(codes))[:, None].expand_as(codes)
        self.left_out.fit(training, rows.flatten(), (codes + self.first).flatten(), self.bins)

    @override
    def forward(self, batch: Batch, hidden: Tensor, expected: Tensor) -> Opinion:
        """What is expected, reweighed; later experts start from it."""
        codes = self.codes(batch[self.name]) + self.first
        counts = self.counts[codes]
        if self.leaves_out(batch):
            counts = (counts - self.left_out(batch, codes, self.bins)).clamp(min=0)
        added = self.log_marginal_rows.exp()[:, None]
        said = log_shrunk_ratios(counts, self.bins.marginal, added)
        weights = self.weight(hidden).sigmoid()
        reweighed = (expected + weighted_sum(weights, said)).log_softmax(dim=1)
        return Opinion(reweighed[:, None], self.gate(hidden), reweighed)
