"""The lengths of a product's type, reweighed by each of its words.

A naive Bayes of words that are weighed: a word multiplies the distribution by how much more often
than elsewhere each length has it, to a power between 0 and 1 that is learned from how many rows
have the word, how much it tells, and the product. Weighted naive Bayes: Zaidi et al. 2013,
"Alleviating Naive Bayes Attribute Independence Assumption by Attribute Weighting" (JMLR 14).
"""

import torch
from torch import Tensor, nn
from typing_extensions import override

from product_length.features.columns import Batch
from product_length.features.expert import Expert, Opinion, shrunk
from product_length.features.feature import Training
from product_length.features.terms.index import Pairs, TermIndex
from product_length.features.tilt import Tilt
from product_length.features.zero_linear import zero_linear
from product_length.loss.bin_grid import BinGrid

_MARGINAL_ROWS, _PARENT_ROWS = 3.0, 5.0
"""Rows of the catalogue that are added to a type, and of what it is part of to a word."""
_FACTS, _HIDDEN, _WEIGHT = 4, 16, -1.0


class TermsExpert(Expert):
    """Distributions from the entries of an index, each of which has training rows.

    `width`: of the trunk's output, which says how a product's words count; `members`: the entries
    of training rows, by which `fit` counts. With `tilt` the result is reshaped by the network.
    """

    counts: Tensor
    parents: Tensor
    facts: Tensor

    def __init__(
        self, bins: BinGrid, width: int, index: TermIndex, members: Pairs | None, *, tilt: bool
    ) -> None:
        super().__init__(bins)
        self.members = members
        parents = torch.from_numpy(index.parents())
        self.register_buffer("counts", torch.zeros(len(parents), len(bins)))
        self.register_buffer("parents", parents)
        self.register_buffer("facts", torch.zeros(len(parents), _FACTS))
        self.log_parent_rows = nn.Parameter(torch.tensor(_PARENT_ROWS).log())
        last = nn.Linear(_HIDDEN, 1)
        nn.init.constant_(last.bias, _WEIGHT)
        self.weight = nn.Sequential(nn.Linear(_FACTS, _HIDDEN), nn.ReLU(), last)
        self.of_product = zero_linear(width, 1 + _FACTS)
        self.tilt = Tilt(width, len(bins)) if tilt else None
        self.gate = zero_linear(width, 1)

    @override
    def fit(self, training: Training) -> None:
        """Count the lengths of each entry's training rows. Raises ValueError without `members`."""
        if self.members is None:
            raise ValueError("an expert from a checkpoint is not fitted again")
        rows, entries = (torch.from_numpy(each) for each in self.members)
        lengths = torch.from_numpy(training.lengths)[rows]
        self.set_counts(self.bins.counted(entries, lengths, len(self.counts)))

    def set_counts(self, counts: Tensor) -> None:
        """Set smoothed counts float (entries + 1, bins), row 0 is not looked at, in place."""
        self.counts.copy_(counts)
        self.counts[0] = 0  # as little known of a product without a type as of any
        above = shrunk(self.counts[self.parents], self.bins.marginal, _MARGINAL_ROWS)
        own = shrunk(self.counts, above, _PARENT_ROWS)
        gain = (own * (own / above).log()).sum(dim=1)
        rows = self.counts.sum(dim=1)
        facts = torch.stack([rows.log1p(), gain, (gain.clamp(min=0) + 0.01).log()], dim=1)
        words = facts[1:] if len(facts) > 1 else facts
        spread = words.std(dim=0, correction=0)
        facts = (facts - words.mean(dim=0)) / torch.where(spread > 1e-6, spread, 1.0)
        within = (self.parents > 0).to(facts)[:, None]
        self.facts.copy_(torch.cat([facts, 2 * within - 1], dim=1))

    @override
    def forward(self, batch: Batch, hidden: Tensor, expected: Tensor) -> Opinion:
        """The type's lengths, reweighed by each word; later experts start from it."""
        logs = self.reweighed(batch["terms"], hidden, self.counted_bins(batch))
        if self.tilt is not None:
            logs = self.tilt(logs, hidden)
        return Opinion(logs[:, None], self.gate(hidden), logs)

    def reweighed(self, entries: Tensor, hidden: Tensor, own: Tensor | None) -> Tensor:
        """Logarithms of distributions, float32 (rows, bins).

        entries: int (rows, 1 + n), the type's and those of words, 0 for none; hidden: float
        (rows, width); own: int64 (rows,), bins of rows that are left out of the counts.
        """
        entries = entries.long()
        kind, words = entries[:, 0], entries[:, 1:]
        of_type, of_words = self.counts[kind], self.counts[words]
        if own is not None:
            self_counted = self.bins.smoothing[own]
            of_type = (of_type - self_counted).clamp(min=0)
            of_words = (of_words - self_counted[:, None]).clamp(min=0)
        base = shrunk(of_type, self.bins.marginal, _MARGINAL_ROWS)
        within = (self.parents[words] > 0)[:, :, None]
        above = torch.where(within, base[:, None], self.bins.marginal)
        shares = shrunk(of_words, above, self.log_parent_rows.exp())
        facts = self.facts[words]
        offset, slopes = self.of_product(hidden).split([1, _FACTS], dim=1)
        scores = self.weight(facts)[:, :, 0] + offset + (facts * slopes[:, None]).sum(dim=2)
        weights = scores.sigmoid() * (words > 0)
        evidence = (weights[:, :, None] * (shares / above).log()).sum(dim=1)
        reweighed: Tensor = (base.log() + evidence).log_softmax(dim=1)
        return reweighed
