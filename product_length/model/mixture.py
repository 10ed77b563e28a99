"""The network's distribution, mixed by a gate with what training rows and the text itself say.

The gate is learned for each row. The priors: `neighbour_prior`, `type_prior`, `term_prior` and
`stated_prior`; those of types and terms are tilted by the network.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from product_length.model.config import Prior
from product_length.model.neighbour_prior import NeighbourPrior
from product_length.model.outputs import Members, Outputs, Scale
from product_length.model.stated_prior import StatedLengths, StatedRatios
from product_length.model.term_prior import TermPrior
from product_length.model.tilt import Tilt
from product_length.model.type_prior import TypePrior
from product_length.model.zero_linear import zero_linear


class Mixture(nn.Module):
    """From raw outputs to the logarithms of a mixture, of the network's distribution and priors.

    `width`: of the features that the gate decides by; it starts with equal shares. `k`, `types`,
    `columns` and `entries` are needed by the priors of neighbours, types, dimensions (and ratios)
    and terms. `fill` has to be called before training; a checkpoint keeps what it was given.
    """

    edges: Tensor
    smoothing: Tensor
    whole: Tensor

    def __init__(
        self,
        priors: Sequence[Prior],
        width: int,
        outputs: int,
        *,
        tilt: bool = True,
        k: int | None = None,
        types: int | None = None,
        columns: Sequence[int] | None = None,
        entries: int | None = None,
    ) -> None:
        super().__init__()
        self.neighbours = self.types = self.stated = self.ratios = self.terms = None
        self.tilted_types = self.tilted_terms = None
        parts = 1  # the network's own
        if "neighbours" in priors:
            if k is None:
                raise ValueError("the prior of neighbours needs neighbours")
            self.neighbours = NeighbourPrior(k)
            parts += self.neighbours.kernels
        if "types" in priors:
            if types is None:
                raise ValueError("the prior of types needs types")
            self.types = TypePrior(types, outputs)
            self.tilted_types = Tilt(width, outputs) if tilt else None
            parts += 1 + tilt  # as counted, and tilted
        if "dimensions" in priors:
            if columns is None:
                raise ValueError("the prior of dimensions needs dimensions")
            self.stated = StatedLengths(columns, width)
        if "ratios" in priors:
            if columns is None:
                raise ValueError("the prior of ratios needs dimensions")
            self.ratios = StatedRatios(columns, types, width)
            parts += 2  # alone, and with what is expected otherwise
        if "terms" in priors:
            if entries is None:
                raise ValueError("the prior of terms needs terms")
            self.terms = TermPrior(entries, width, outputs)
            self.tilted_terms = Tilt(width, outputs) if tilt else None
            parts += 1
        self.register_buffer("edges", torch.zeros(outputs - 1))
        self.register_buffer("smoothing", torch.eye(outputs))
        self.register_buffer("whole", torch.full((outputs,), 1 / outputs))
        self.gate = zero_linear(width, parts)

    def fill(
        self,
        told: Outputs,
        *,
        lengths: Tensor,
        codes: Tensor | None = None,
        near: Scale | None = None,
        stated: Scale | None = None,
        columns: Tensor | None = None,
        members: Members | None = None,
    ) -> None:
        """Take up what training rows say, in place.

        lengths: float (rows,), 1/100 inch, of the training rows; codes: int64 (rows,), their types;
        near, stated: how the blocks of neighbours and of measurements are standardised; columns:
        float (rows, columns), those of the latter that are lengths; members: which entries of terms
        the rows have.
        """
        for name, value in told._asdict().items():
            getattr(self, name).copy_(value)
        if self.neighbours is not None and near is not None:
            self.neighbours.tell(near)
        for part in (self.stated, self.ratios):
            if part is not None and stated is not None:
                part.tell(stated)
        if self.ratios is not None and columns is not None:
            self.ratios.fill(columns, lengths, codes)
        own = self._output_of(lengths.to(self.edges))
        if self.types is not None and codes is not None:
            self.types.counts.copy_(self._counted(codes, own, self.types.counts))
        if self.terms is not None and members is not None:
            counts = self._counted(members.entries, own[members.rows], self.terms.counts)
            self.terms.fill(counts, members.parents, self.whole)

    def _counted(self, codes: Tensor, outputs: Tensor, like: Tensor) -> Tensor:
        """How many have each code and output, smoothed: float, shaped as `like`."""
        cells = torch.zeros_like(like)
        ones = torch.ones(len(codes), device=codes.device)
        cells.index_put_((codes, outputs), ones, accumulate=True)
        return cells @ self.smoothing

    def forward(
        self,
        raw: Tensor,
        features: Tensor,
        *,
        neighbours: Tensor | None = None,
        types: Tensor | None = None,
        dimensions: Tensor | None = None,
        terms: Tensor | None = None,
        lengths: Tensor | None = None,
    ) -> Tensor:
        """Logarithms float32 (rows, outputs) of the mixed distributions.

        lengths: of the rows, where they are training rows in training; they say what to leave out
        of what was counted, and nothing else.
        """
        told = Outputs(self.edges, self.smoothing, self.whole)
        mixed = [raw.log_softmax(dim=1)]
        if self.neighbours is not None and neighbours is not None:
            mixed += [each.log() for each in self.neighbours(neighbours, told)]
        own = None if lengths is None else self._output_of(lengths)
        expected = self.whole.log().expand_as(raw)
        if self.types is not None and types is not None:
            expected = self.types(types, own, told).log()
            mixed.append(expected)
            if self.tilted_types is not None:
                expected = self.tilted_types(expected, features)
                mixed.append(expected)
        if self.terms is not None and terms is not None:
            expected = self.terms(terms, features, own, self.whole, self.smoothing)
            if self.tilted_terms is not None:
                expected = self.tilted_terms(expected, features)
            mixed.append(expected)
        scores, pointed_at = self.gate(features), None
        if self.ratios is not None and dimensions is not None:
            said, some = self.ratios(dimensions, features, types, lengths, told)
            mixed += [said, self.ratios.combined(said, expected)]
            of_ratios = torch.arange(scores.shape[1], device=scores.device) >= len(mixed) - 2
            scores = scores.masked_fill(of_ratios & ~some[:, None], -torch.inf)
        if self.stated is not None and dimensions is not None:
            # Each length that is stated has a share of its own: the gate sees which ones there are.
            pointed_at, each = self.stated(dimensions, features)
            scores = torch.cat([scores, each], dim=1)
        shares = scores.log_softmax(dim=1)
        split = torch.split(shares[:, : len(mixed)], 1, dim=1)
        found = torch.stack([log + share for log, share in zip(mixed, split, strict=True)])
        total = found.logsumexp(dim=0)
        if pointed_at is not None:
            stated = told.spread(pointed_at, shares[:, len(mixed) :].exp())
            tiniest = torch.finfo(stated.dtype).tiny
            total = torch.logaddexp(total, stated.clamp(min=tiniest).log())
        return total

    def _output_of(self, lengths: Tensor) -> Tensor:
        return torch.searchsorted(self.edges, lengths.float().log())
