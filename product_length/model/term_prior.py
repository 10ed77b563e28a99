"""The lengths of a product's type, reweighed by each of its words.

A naive Bayes of words that are weighed: a word multiplies the distribution by how much more often
than elsewhere each length has it, to a power between 0 and 1 that is learned from how many rows
have the word, how much it tells, and the product. Weighted naive Bayes: Zaidi et al. 2013,
"Alleviating Naive Bayes Attribute Independence Assumption by Attribute Weighting" (JMLR 14).
"""

import torch
from torch import Tensor, nn

from product_length.model.zero_linear import zero_linear

_WHOLE_ROWS, _PARENT_ROWS = 3.0, 5.0
"""Rows of the catalogue that are added to a type, and of what it is part of to a word."""
_FACTS, _HIDDEN, _WEIGHT = 4, 16, -1.0


class TermPrior(nn.Module):
    """Distributions from the entries of `features/terms.py`, each of which has training rows.

    `entries`: how many there are, without 0; `width`: of the features that say how a product's
    words count. `fill` has to be called before training.
    """

    counts: Tensor
    parents: Tensor
    facts: Tensor

    def __init__(self, entries: int, width: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("counts", torch.zeros(entries + 1, outputs))
        self.register_buffer("parents", torch.zeros(entries + 1, dtype=torch.int64))
        self.register_buffer("facts", torch.zeros(entries + 1, _FACTS))
        self.log_parent_rows = nn.Parameter(torch.tensor(_PARENT_ROWS).log())
        last = nn.Linear(_HIDDEN, 1)
        nn.init.constant_(last.bias, _WEIGHT)
        self.weight = nn.Sequential(nn.Linear(_FACTS, _HIDDEN), nn.ReLU(), last)
        self.of_product = zero_linear(width, 1 + _FACTS)

    def fill(self, counts: Tensor, parents: Tensor, whole: Tensor) -> None:
        """Take up smoothed counts float (entries + 1, outputs), row 0 is not looked at, in place.

        parents: int64 (entries + 1,), the type that a word is counted within, else 0; whole: float
        (outputs,), the distribution of all training rows.
        """
        self.counts.copy_(counts)
        self.counts[0] = 0  # as little known of a product without a type as of any
        self.parents.copy_(parents)
        above = self._shrunk(self.counts[parents], whole, _WHOLE_ROWS)
        own = self._shrunk(self.counts, above, _PARENT_ROWS)
        gain = (own * (own / above).log()).sum(dim=1)
        rows = self.counts.sum(dim=1)
        facts = torch.stack([rows.log1p(), gain, (gain.clamp(min=0) + 0.01).log()], dim=1)
        words = facts[1:] if len(facts) > 1 else facts
        spread = words.std(dim=0, correction=0)
        facts = (facts - words.mean(dim=0)) / torch.where(spread > 1e-6, spread, 1.0)
        within = (parents > 0).to(facts)[:, None]
        self.facts.copy_(torch.cat([facts, 2 * within - 1], dim=1))

    def forward(
        self, entries: Tensor, features: Tensor, own: Tensor | None, whole: Tensor, blur: Tensor
    ) -> Tensor:
        """Logarithms of distributions, float32 (rows, outputs).

        entries: int (rows, 1 + n), the type's and those of words, 0 for none; features: float
        (rows, width); own: int64 (rows,), outputs of rows that are counted themselves, which are
        left out; whole: float (outputs,); blur: float (outputs, outputs), the target of each.
        """
        entries = entries.long()
        kind, words = entries[:, 0], entries[:, 1:]
        of_type, of_words = self.counts[kind], self.counts[words]
        if own is not None:
            self_counted = blur[own]
            of_type = (of_type - self_counted).clamp(min=0)
            of_words = (of_words - self_counted[:, None]).clamp(min=0)
        base = self._shrunk(of_type, whole, _WHOLE_ROWS)
        within = (self.parents[words] > 0)[:, :, None]
        above = torch.where(within, base[:, None], whole)
        shares = self._shrunk(of_words, above, self.log_parent_rows.exp())
        facts = self.facts[words]
        offset, slopes = self.of_product(features).split([1, _FACTS], dim=1)
        scores = self.weight(facts)[:, :, 0] + offset + (facts * slopes[:, None]).sum(dim=2)
        weights = scores.sigmoid() * (words > 0)
        told = (weights[:, :, None] * (shares / above).log()).sum(dim=1)
        reweighed: Tensor = (base.log() + told).log_softmax(dim=1)
        return reweighed

    @staticmethod
    def _shrunk(counts: Tensor, towards: Tensor, rows: Tensor | float) -> Tensor:
        return (counts + rows * towards) / (counts.sum(dim=-1, keepdim=True) + rows)
