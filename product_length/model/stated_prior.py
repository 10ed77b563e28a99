"""Lengths that a text states: as they stand, and as what they usually say about the length.

Stated lengths are pointed at as in Merity et al. 2016, "Pointer Sentinel Mixture Models"
(https://arxiv.org/abs/1609.07843).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from product_length.features.dimension_features import FARTHEST
from product_length.model.outputs import Outputs, Scale
from product_length.model.zero_linear import zero_linear

_POINTED_AT = -4.0
"""The score of every stated length, where training begins."""
_RATIOS = 32
"""Kept of each column, and of each type in it: all, or as many quantiles."""
_WHOLE_RATIOS = 8.0
"""Ratios of all types that are added to a type's, where training begins."""
_WHOLE_SHARE = 0.02
"""Of the whole catalogue, in what ratios say."""
_SAME = 1e-5


class Stated(nn.Module):
    """The stated lengths that a block of measurements holds.

    `columns`: those of the block that are lengths.
    """

    columns: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, columns: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("columns", torch.tensor(columns))
        self.register_buffer("mean", torch.zeros(len(columns)))
        self.register_buffer("deviation", torch.ones(len(columns)))

    def tell(self, scale: Scale) -> None:
        """Take up how the whole block is standardised, in place."""
        self.mean.copy_(scale.mean[self.columns])
        self.deviation.copy_(scale.deviation[self.columns])

    def read(self, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Lengths float32 (rows, columns), 1/100 inch, and which ones are stated, bool."""
        standardised = columns.float()
        logs = standardised * self.deviation + self.mean  # ln(1 + length)
        known = (standardised != 0) & (standardised.abs() < FARTHEST)
        return logs.expm1(), known


class StatedLengths(Stated):
    """The lengths that a text states: each may be the one that is asked for.

    `width`: of the features that each one's score is learned from.
    """

    def __init__(self, columns: Sequence[int], width: int) -> None:
        super().__init__(columns)
        self.score = zero_linear(width, len(columns), bias=_POINTED_AT)

    def forward(self, block: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Lengths (rows, columns), 1/100 inch, and their scores, -inf where none is stated."""
        lengths, known = self.read(block[:, self.columns])
        return lengths, self.score(features).masked_fill(~known, -torch.inf)


class StatedRatios(Stated):
    """Stated lengths times how many times as long training rows were that stated such a one.

    A package is longer than what is in it, a width is half a length or the whole of it, and some
    take inches for centimetres: the ratios are counted, for each column and for each type in it,
    where those of other types are added. A training row is told of the others' only. The result is
    multiplied by what is expected of the product otherwise, both to powers that are learned.

    `types`: how many codes there are, code 0 for unknown ones, None without types.
    """

    usual: Tensor
    of_type: Tensor

    def __init__(self, columns: Sequence[int], types: int | None, width: int) -> None:
        super().__init__(columns)
        self.register_buffer("usual", torch.full((len(columns), _RATIOS), torch.nan))
        of_type = torch.full((types or 1, len(columns), _RATIOS), torch.nan)
        self.register_buffer("of_type", of_type)
        self.score = zero_linear(width, len(columns))
        self.log_whole_ratios = nn.Parameter(torch.full((len(columns),), _WHOLE_RATIOS).log())
        self.powers = nn.Parameter(torch.zeros(2))

    def fill(self, columns: Tensor, lengths: Tensor, codes: Tensor | None) -> None:
        """Count the ratios of training rows, in place; `tell` comes first.

        columns: float (rows, columns), those of the training rows' block; lengths: float (rows,),
        1/100 inch; codes: int64 (rows,), their types.
        """
        stated, known = self.read(columns)
        for column in range(stated.shape[1]):
            rows = known[:, column].nonzero()[:, 0]
            if not len(rows):
                continue
            ratios, order = _log_ratios(stated[rows, column], lengths[rows]).sort()
            self.usual[column] = _quantiles(ratios, torch.tensor([len(rows)]))[0]
            if codes is not None:
                kinds, by_kind = codes[rows[order]].sort(stable=True)
                kinds, counts = torch.unique(kinds, return_counts=True)  # ascending, as they are
                self.of_type[kinds, column] = _quantiles(ratios[by_kind], counts)
        self.of_type[0] = torch.nan  # code 0 is many types

    def forward(
        self, block: Tensor, features: Tensor, codes: Tensor | None, own: Tensor | None, to: Outputs
    ) -> tuple[Tensor, Tensor]:
        """Logarithms of distributions, float32 (rows, outputs), and who states anything, bool.

        codes: int64 (rows,), types; own: float (rows,), 1/100 inch, the lengths of training rows,
        to leave out their own ratios.
        """
        stated, known = self.read(block[:, self.columns])
        some = known.any(dim=1)
        # Few products state something, and few of the columns each: only those are worked on.
        rows, columns = known.nonzero(as_tuple=True)
        scores = self.score(features).masked_fill(~known & some[:, None], -torch.inf)
        trust = scores.softmax(dim=1)[rows, columns]
        stated = stated[rows, columns]
        own_ratio = None if own is None else _log_ratios(stated, own[rows])
        kinds = torch.zeros_like(rows) if codes is None else codes[rows]
        of_type, usual = self.of_type[kinds, columns], self.usual[columns]
        in_type, in_all = _others(of_type, own_ratio), _others(usual, own_ratio)
        added = self.log_whole_ratios.exp()[columns, None]
        in_all = in_all * added / in_all.sum(dim=1, keepdim=True).clamp(min=1)
        trusted = trust[:, None] / (in_type.sum(dim=1, keepdim=True) + added)
        weights = torch.cat([in_type, in_all], dim=1) * trusted
        ratios = torch.cat([of_type, usual], dim=1).nan_to_num(0.0)
        lengths = stated[:, None] * ratios.exp()
        shares = (1 - _WHOLE_SHARE) * to.spread(lengths, weights, rows, len(block))
        shares = shares + (1 - shares.sum(dim=1, keepdim=True)) * to.whole  # what is not known
        return shares.log(), some

    def combined(self, logs: Tensor, expected: Tensor) -> Tensor:
        """The product of what is said here and what is expected otherwise, (rows, outputs)."""
        own, other = 2 * self.powers.sigmoid()
        product: Tensor = (own * logs + other * expected).log_softmax(dim=1)
        return product


def _log_ratios(stated: Tensor, lengths: Tensor) -> Tensor:
    """ln of how many times as long: float (n,), of 1/100 inch each."""
    return lengths.clamp(min=1e-6).log() - stated.clamp(min=1e-6).log()


def _others(ratios: Tensor, own: Tensor | None) -> Tensor:
    """Which of ratios (n, most), NaN for none, count, but for one like `own` (n,): bool."""
    known = ~ratios.isnan()
    if own is None:
        return known
    same = (ratios - own[:, None]).abs() < _SAME
    return known & ~(same & (same.cumsum(dim=1) == 1))


def _quantiles(ratios: Tensor, counts: Tensor) -> Tensor:
    """Of consecutive groups of `counts`, each ascending: float (groups, _RATIOS).

    A group of at most _RATIOS is taken as it is, and NaN where it has no more.
    """
    places = torch.arange(_RATIOS).expand(len(counts), -1)
    sizes = counts[:, None]
    spaced = ((places + 0.5) / _RATIOS * sizes).long()
    places = torch.where(sizes <= _RATIOS, places, spaced)
    first = (counts.cumsum(0) - counts)[:, None]
    found = ratios[first + places.minimum(sizes - 1)]
    return found.masked_fill(places >= sizes, torch.nan)
