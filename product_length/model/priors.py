"""What training rows and the text itself say, mixed with the network's distribution by a gate.

As a language model mixes what it predicts with what followed in similar places: Khandelwal et al.
2020, "Generalization through Memorization" (https://arxiv.org/abs/1911.00172); the gate is learned
for each row, and lengths that the text states are pointed at, as in Merity et al. 2016, "Pointer
Sentinel Mixture Models" (https://arxiv.org/abs/1609.07843).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from product_length.features.dimension_features import FARTHEST
from product_length.model.config import Prior
from product_length.model.term_prior import TermPrior

_WHOLE_SHARE = 0.02
"""Of what neighbours say: they are twenty, and a length that none of them has is not impossible."""
_SHARPNESS, _SAME_TYPE, _WHOLE_ROWS, _POINTED_AT = (5.0, 20.0), 0.5, 3.0, -4.0
"""Where training begins: see `NeighbourPrior`, `TypePrior` and `StatedLengths`."""
_TYPE_ROWS = 200.0
"""The least share of the type's lengths: as of a catalogue to which so many rows were added."""


class Scale(NamedTuple):
    """How columns were standardised: means and deviations, float (columns,)."""

    mean: Tensor
    deviation: Tensor


class Outputs(NamedTuple):
    """What the network's outputs stand for.

    edges: float32 (outputs - 1,), ascending, ln of 1/100 inch; output i lies below edge i, the last
        one above all.
    smoothing: float32 (outputs, outputs), the target of a length in the middle of each output.
    whole: float32 (outputs,), the distribution of all training rows, nowhere 0.
    """

    edges: Tensor
    smoothing: Tensor
    whole: Tensor

    def spread(self, lengths: Tensor, weights: Tensor) -> Tensor:
        """Distributions, smoothed, of weighted lengths: (rows, outputs), of (rows, n) each."""
        places = torch.searchsorted(self.edges, lengths.clamp(min=1e-6).log().contiguous())
        rows = torch.arange(len(lengths), device=lengths.device)[:, None]
        # In one dimension: there, adding up is deterministic on a GPU too.
        flat = (rows * len(self.whole) + places).flatten()
        empty = weights.new_zeros(len(lengths) * len(self.whole))
        return empty.scatter_add(0, flat, weights.flatten()).view(len(lengths), -1) @ self.smoothing


class Members(NamedTuple):
    """Which entries of terms training rows have, in pairs.

    rows, entries: int64 (n,); parents: int64 (entries + 1,), what each entry is part of.
    """

    rows: Tensor
    entries: Tensor
    parents: Tensor


class NeighbourPrior(nn.Module):
    """The lengths of the nearest training rows, weighted by similarity and type.

    There are two kernels, one that looks at all of them and one that looks at the nearest. In each
    a neighbour weighs exp(sharpness · cosine + bonus · same type), both learned.
    """

    kernels = len(_SHARPNESS)

    mean: Tensor
    deviation: Tensor

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k
        self.register_buffer("mean", torch.zeros(3 * k))
        self.register_buffer("deviation", torch.ones(3 * k))
        self.log_sharpness = nn.Parameter(torch.tensor(_SHARPNESS).log())
        self.same_type = nn.Parameter(torch.full((self.kernels,), _SAME_TYPE))

    def forward(self, block: Tensor, told: Outputs) -> list[Tensor]:
        """Distributions, (rows, outputs) of each kernel, from a block of `neighbour_features`."""
        first = block[:, : 3 * self.k].float() * self.deviation + self.mean
        logs, cosines, same = torch.split(first, self.k, dim=1)  # ln(1 + length)
        found = []
        for sharpness, bonus in zip(self.log_sharpness.exp(), self.same_type, strict=True):
            weights = (sharpness * cosines + bonus * same).softmax(dim=1)
            shares = told.spread(logs.expm1(), weights)
            found.append((1 - _WHOLE_SHARE) * shares + _WHOLE_SHARE * told.whole)
        return found


class TypePrior(nn.Module):
    """The lengths of the training rows of a type, and of so many rows of the whole catalogue.

    So types of few rows are shrunk to the whole; how many rows it counts for is learned. A training
    row is told of the others only (of a twin with the same text too, of which there are few).
    """

    counts: Tensor

    def __init__(self, types: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("counts", torch.zeros(types, outputs))
        self.log_whole_rows = nn.Parameter(torch.tensor(_WHOLE_ROWS).log())

    def forward(self, codes: Tensor, own: Tensor | None, told: Outputs) -> Tensor:
        """Distributions (rows, outputs); `own`: outputs of rows that are counted themselves."""
        counts = self.counts[codes]
        if own is not None:
            counts = (counts - told.smoothing[own]).clamp(min=0)
        whole = self.log_whole_rows.exp()
        return (counts + whole * told.whole) / (counts.sum(dim=1, keepdim=True) + whole)

    def least_share(self) -> Tensor:
        """What the gate cannot take away: float (), the smaller the more training rows there are.

        A few hundred rows hold too few short lengths for a network to learn who may be that short;
        how many there are in all, counting tells better.
        """
        return _TYPE_ROWS / (_TYPE_ROWS + self.counts.sum())


class StatedLengths(nn.Module):
    """The lengths that a text states: each may be the one that is asked for.

    columns: those of the block of stated measurements that are lengths; width: of the features that
    each one's score is learned from.
    """

    columns: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, columns: Sequence[int], width: int) -> None:
        super().__init__()
        self.register_buffer("columns", torch.tensor(columns))
        self.register_buffer("mean", torch.zeros(len(columns)))
        self.register_buffer("deviation", torch.ones(len(columns)))
        self.score = nn.Linear(width, len(columns))
        nn.init.zeros_(self.score.weight)
        nn.init.constant_(self.score.bias, _POINTED_AT)

    def forward(self, block: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Lengths (rows, columns), 1/100 inch, and their scores, -inf where none is stated."""
        standardised = block[:, self.columns].float()
        logs = standardised * self.deviation + self.mean  # ln(1 + length)
        known = (standardised != 0) & (standardised.abs() < FARTHEST)
        return logs.expm1(), self.score(features).masked_fill(~known, -torch.inf)


class Mixture(nn.Module):
    """From raw outputs to the logarithms of a mixture, of the network's distribution and priors.

    `width`: of the features that the gate decides by; it starts with equal shares. `k`, `types`,
    `columns` and `entries` are needed by the priors of neighbours, types, dimensions and terms.
    `fill` has to be called before training; a checkpoint keeps what it was given.
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
        k: int | None = None,
        types: int | None = None,
        columns: Sequence[int] | None = None,
        entries: int | None = None,
    ) -> None:
        super().__init__()
        self.neighbours = self.types = self.stated = self.terms = None
        if "neighbours" in priors:
            if k is None:
                raise ValueError("the prior of neighbours needs neighbours")
            self.neighbours = NeighbourPrior(k)
        if "types" in priors:
            if types is None:
                raise ValueError("the prior of types needs types")
            self.types = TypePrior(types, outputs)
        if "dimensions" in priors:
            if columns is None:
                raise ValueError("the prior of dimensions needs dimensions")
            self.stated = StatedLengths(columns, width)
        if "terms" in priors:
            if entries is None:
                raise ValueError("the prior of terms needs terms")
            self.terms = TermPrior(entries, width, outputs)
        self.register_buffer("edges", torch.zeros(outputs - 1))
        self.register_buffer("smoothing", torch.eye(outputs))
        self.register_buffer("whole", torch.full((outputs,), 1 / outputs))
        kernels = 0 if self.neighbours is None else self.neighbours.kernels
        counted = (self.terms is not None) + (self.types is not None)
        self.gate = nn.Linear(width, 1 + kernels + counted)
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def fill(
        self,
        told: Outputs,
        *,
        lengths: Tensor,
        codes: Tensor | None = None,
        near: Scale | None = None,
        stated: Scale | None = None,
        members: Members | None = None,
    ) -> None:
        """Take up what training rows say, in place.

        lengths: float (rows,), 1/100 inch, of the training rows; codes: int64 (rows,), their types;
        near, stated: how the blocks of neighbours and of measurements are standardised; members:
        which entries of terms the rows have.
        """
        for name, value in told._asdict().items():
            getattr(self, name).copy_(value)
        if self.neighbours is not None and near is not None:
            self.neighbours.mean.copy_(near.mean[: 3 * self.neighbours.k])
            self.neighbours.deviation.copy_(near.deviation[: 3 * self.neighbours.k])
        if self.stated is not None and stated is not None:
            self.stated.mean.copy_(stated.mean[self.stated.columns])
            self.stated.deviation.copy_(stated.deviation[self.stated.columns])
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
        of a type's and a term's rows, and nothing else.
        """
        told = Outputs(self.edges, self.smoothing, self.whole)
        mixed = [raw.log_softmax(dim=1)]
        if self.neighbours is not None and neighbours is not None:
            mixed += [each.log() for each in self.neighbours(neighbours, told)]
        own = None if lengths is None else self._output_of(lengths)
        if self.terms is not None and terms is not None:
            mixed.append(self.terms(terms, features, own, self.whole, self.smoothing))
        if self.types is not None and types is not None:
            mixed.append(self.types(types, own, told).log())
        scores, pointed_at = self.gate(features), None
        if self.stated is not None and dimensions is not None:
            # Each length that is stated has a share of its own: the gate sees which ones there are.
            pointed_at, each = self.stated(dimensions, features)
            scores = torch.cat([scores, each], dim=1)
        shares = scores.log_softmax(dim=1)
        if self.types is not None:
            least = self.types.least_share()
            place = len(mixed) - 1  # the types are the last of them
            shares = shares + (1 - least).log()
            of_types = torch.logaddexp(shares[:, place, None], least.log())
            shares = torch.cat([shares[:, :place], of_types, shares[:, place + 1 :]], dim=1)
        split = torch.split(shares[:, : len(mixed)], 1, dim=1)
        found = torch.stack([log + share for log, share in zip(mixed, split, strict=True)])
        if pointed_at is None:
            return found.logsumexp(dim=0)
        stated = told.spread(pointed_at, shares[:, len(mixed) :].exp())
        tiniest = torch.finfo(stated.dtype).tiny
        return torch.logaddexp(found.logsumexp(dim=0), stated.clamp(min=tiniest).log())

    def _output_of(self, lengths: Tensor) -> Tensor:
        return torch.searchsorted(self.edges, lengths.float().log())
