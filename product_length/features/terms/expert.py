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
from product_length.features.expert import Expert, Opinion, log_shrunk_ratios, shrunk, weighted_sum
from product_length.features.feature import Training
from product_length.features.left_out import LeftOut
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
        self.top_k = index.top_k
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
        self.left_out = LeftOut()
        self.left_out_of_type = LeftOut()

    @override
    def fit(self, training: Training) -> None:
        """Count the lengths of each entry's training rows. Raises ValueError without `members`."""
        if self.members is None:
            raise ValueError("an expert from a checkpoint is not fitted again")
        rows, entries = (torch.from_numpy(each) for each in self.members)
        lengths = torch.from_numpy(training.lengths)[rows]
        self.set_counts(self.bins.counted(entries, lengths, len(self.counts)))
        if training.repeated_texts is None:
            return
        # Rows with the same text have the same words, and with the same type those within it.
        types = torch.from_numpy(training.columns["terms"][training.rows, 0]).long()
        every = torch.arange(len(types))
        self.left_out.fit(training, every, torch.zeros_like(types), self.bins)
        self.left_out_of_type.fit(training, every, types, self.bins)

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
        entries, left_out = batch["terms"].long(), None
        if self.leaves_out(batch):
            kind = entries[:, 0]
            left_out = (
                self.left_out(batch, torch.zeros_like(kind), self.bins),
                self.left_out_of_type(batch, kind, self.bins),
            )
        logs = self.reweighed(entries, hidden, left_out)
        if self.tilt is not None:
            logs = self.tilt(logs, hidden)
        return Opinion(logs[:, None], self.gate(hidden), logs)

    def reweighed(
        self, entries: Tensor, hidden: Tensor, left_out: tuple[Tensor, Tensor] | None
    ) -> Tensor:
        """Logarithms of distributions, float32 (rows, bins).

        entries: int64 (rows, 1 + n), as `TermIndex.encode` gives them; hidden: float (rows,
        width); left_out: float32 (rows, bins), of the counts of words, and of those of the type and
        of words within it.
        """
        kind, words = entries[:, 0], entries[:, 1:]
        in_all, in_type = left_out or (None, None)
        base = shrunk(
            self._others(kind[:, None], in_type)[:, 0], self.bins.marginal, _MARGINAL_ROWS
        )
        added = self.log_parent_rows.exp()
        facts = self.facts[words]
        offset, slopes = self.of_product(hidden).split([1, _FACTS], dim=1)
        scores = self.weight(facts)[:, :, 0] + offset + (facts * slopes[:, None]).sum(dim=2)
        weights = scores.sigmoid() * (words > 0)
        logs = base.log()
        for some, own, above in (
            (slice(0, self.top_k), in_all, self.bins.marginal),
            (slice(self.top_k, None), in_type, base[:, None]),
        ):
            said = log_shrunk_ratios(self._others(words[:, some], own), above, added)
            logs = logs + weighted_sum(weights[:, some], said)
        reweighed: Tensor = logs.log_softmax(dim=1)
        return reweighed

    def _others(self, entries: Tensor, own: Tensor | None) -> Tensor:
        """Counts float32 (rows, n, bins) of entries (rows, n), without `own` (rows, bins)."""
        counts = self.counts[entries]
        return counts if own is None else counts.sub_(own[:, None]).clamp_(min=0)
