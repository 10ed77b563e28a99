"""The head's distribution, mixed by a gate with what features predict by themselves."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from product_length.features.columns import Batch
from product_length.features.expert import Expert
from product_length.features.feature import Training
from product_length.features.zero_linear import zero_linear
from product_length.loss.bin_grid import BinGrid


class Mixture(nn.Module):
    """From the head's outputs to the logarithms of a mixture with experts, by their names.

    `width`: of the trunk's output, by which shares are decided; they start equal. `fit` has to be
    called before training; a checkpoint keeps what it was given.
    """

    def __init__(self, experts: Mapping[str, Expert], bins: BinGrid, width: int) -> None:
        super().__init__()
        self.bins = bins
        self.names = tuple(experts)
        self.experts = nn.ModuleList(experts.values())  # a ModuleDict takes no `keys` or `type`
        self.gate = zero_linear(width, 1)

    def fit(self, training: Training) -> None:
        """Have each expert count the training rows, in place."""
        for expert in self._experts():
            expert.fit(training)

    def _experts(self) -> Iterator[Expert]:
        for expert in self.experts:
            assert isinstance(expert, Expert)
            yield expert

    def forward(self, logits: Tensor, hidden: Tensor, batch: Batch) -> Tensor:
        """Logarithms float32 (rows, bins) of the mixed distributions.

        logits: float32 (rows, bins), of the head; hidden: float32 (rows, width), the trunk's.
        """
        log_probs, scores = self._components(logits, hidden, batch)
        log_shares = torch.cat(scores, dim=1).log_softmax(dim=1)
        return (torch.cat(log_probs, dim=1) + log_shares[:, :, None]).logsumexp(dim=1)

    def shares(self, logits: Tensor, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The share of each expert, float32 (rows,), by its name; the rest is the head's."""
        _, scores = self._components(logits, hidden, batch)
        shares = torch.cat(scores, dim=1).softmax(dim=1)
        _, *of_experts = torch.split(shares, [each.shape[1] for each in scores], dim=1)
        return {name: each.sum(dim=1) for name, each in zip(self.names, of_experts, strict=True)}

    def _components(
        self, logits: Tensor, hidden: Tensor, batch: Batch
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Of the head, then of each expert: log_probs and scores, see `Opinion`."""
        log_probs, scores = [logits.log_softmax(dim=1)[:, None]], [self.gate(hidden)]
        expected = self.bins.marginal.log().expand_as(logits)
        for expert in self._experts():
            opinion = expert(batch, hidden, expected)
            log_probs.append(opinion.log_probs)
            scores.append(opinion.scores)
            expected = opinion.expected
        return log_probs, scores
