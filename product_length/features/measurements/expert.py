"""Lengths that a text states: as they stand, and as what they usually say about the length.

Stated lengths are pointed at as in Merity et al. 2016, "Pointer Sentinel Mixture Models"
(https://arxiv.org/abs/1609.07843).
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from typing_extensions import override

from product_length.features.columns import Batch
from product_length.features.expert import MARGINAL_SHARE, Expert, Opinion
from product_length.features.feature import Training
from product_length.features.measurements.columns import pointer_columns
from product_length.features.zero_linear import zero_linear
from product_length.loss.bin_grid import BinGrid

_POINTED_AT = -4.0
"""The score of every stated length, where training begins."""
_RATIOS = 32
"""Kept of each column, and of each type in it: all, or as many quantiles."""
_ADDED_RATIOS = 8.0
"""Ratios of all types that are added to a type's, where training begins."""
_SAME = 1e-5


class MeasurementsExpert(Expert):
    """The lengths that a text states, each of which may be the one that is asked for.

    Each has a score of its own, learned from the trunk's output. With `ratios` there are two parts
    more, see `Ratios`: by themselves, and times what is expected otherwise. `types`: how many codes
    of product types there are, None without types.
    """

    columns: Tensor

    def __init__(self, bins: BinGrid, width: int, types: int | None, *, ratios: bool) -> None:
        super().__init__(bins)
        self.register_buffer("columns", torch.tensor(pointer_columns()))
        self.score = zero_linear(width, len(self.columns), bias=_POINTED_AT)
        self.ratios = Ratios(len(self.columns), types, width) if ratios else None

    @override
    def fit(self, training: Training) -> None:
        """Count how many times as long as a stated length training rows are."""
        if self.ratios is not None:
            each_text = _each_text_and_length_once(training)
            rows = training.rows[each_text]
            column = training.columns["measurements"]
            stated = torch.from_numpy(column[rows[:, None], self.columns.numpy()])
            codes = training.columns.get("types")
            self.ratios.fit(
                stated,
                torch.from_numpy(training.lengths[each_text]).log(),
                None if codes is None else torch.from_numpy(codes[rows]),
            )

    @override
    def forward(self, batch: Batch, hidden: Tensor, expected: Tensor) -> Opinion:
        """What each part says; what is expected stays."""
        stated = batch["measurements"][:, self.columns].float()  # ln of lengths
        known = ~stated.isnan()
        some = known.any(dim=1)
        scores = _of_known(self.score(hidden), known)
        weights = scores.softmax(dim=1) * some[:, None]
        pointed_at = self.bins.spread(stated.nan_to_num(0.0), weights)
        found = [pointed_at.clamp(min=torch.finfo(pointed_at.dtype).tiny).log()]
        of_parts = [scores.logsumexp(dim=1, keepdim=True)]
        if self.ratios is not None:
            codes = batch.columns.get("types")
            own = None
            if self.leaves_out(batch):
                assert batch.lengths is not None
                own = batch.lengths.float().log()
            said = self.ratios(stated, known, hidden, codes, own, self.bins)
            found += [said, self.ratios.combined(said, expected)]
            of_parts.append(self.ratios.gate(hidden))
        shares = torch.cat(of_parts, dim=1).masked_fill(~some[:, None], -torch.inf)
        return Opinion(torch.stack(found, dim=1), shares, expected)


class Ratios(nn.Module):
    """Stated lengths times how many times as long training rows were that stated such a one.

    A package is longer than what is in it, a width is half a length or the whole of it, and some
    take inches for centimetres: the ratios are counted, for each of the `columns` of stated lengths
    and for each type in it, where those of other types are added. A training row's own ratio is
    left out. The result is multiplied by what is expected of the product otherwise, both to powers
    that are learned.
    """

    usual: Tensor
    of_type: Tensor

    def __init__(self, columns: int, types: int | None, width: int) -> None:
        super().__init__()
        self.register_buffer("usual", torch.full((columns, _RATIOS), torch.nan))
        self.register_buffer("of_type", torch.full((types or 1, columns, _RATIOS), torch.nan))
        self.gate = zero_linear(width, 2)
        self.score = zero_linear(width, columns)
        self.log_added_ratios = nn.Parameter(torch.full((columns,), _ADDED_RATIOS).log())
        self.powers = nn.Parameter(torch.zeros(2))

    def fit(self, stated: Tensor, lengths: Tensor, codes: Tensor | None) -> None:
        """Count the ratios of training rows, in place.

        stated: float (rows, columns), NaN where none is, lengths: float (rows,), ln of both in the
        model's unit; codes: int64 (rows,), their types.
        """
        known = ~stated.isnan()
        for column in range(stated.shape[1]):
            rows = known[:, column].nonzero()[:, 0]
            if not len(rows):
                continue
            ratios, order = (lengths[rows] - stated[rows, column]).sort()
            self.usual[column] = _quantiles(ratios, torch.tensor([len(rows)]))[0]
            if codes is not None:
                kinds, by_kind = codes[rows[order]].sort(stable=True)
                kinds, counts = torch.unique(kinds, return_counts=True)  # ascending, as they are
                self.of_type[kinds, column] = _quantiles(ratios[by_kind], counts)
        self.of_type[0] = torch.nan  # code 0 is many types

    def forward(
        self,
        stated: Tensor,
        known: Tensor,
        hidden: Tensor,
        codes: Tensor | None,
        own: Tensor | None,
        bins: BinGrid,
    ) -> Tensor:
        """Logarithms of distributions, float32 (rows, bins).

        stated, known: (rows, columns), ln of lengths, and which there are; hidden: float (rows,
        width); codes: int64 (rows,), types; own: float (rows,), ln of the lengths of training rows,
        to leave out their own ratios.
        """
        scores = _of_known(self.score(hidden), known)
        # Few products state something, and few of the columns each: only those are worked on.
        rows, columns = known.nonzero(as_tuple=True)
        trust = scores.softmax(dim=1)[rows, columns]
        logs = stated[rows, columns]
        own_ratio = None if own is None else own[rows] - logs
        kinds = torch.zeros_like(rows) if codes is None else codes[rows]
        of_type, usual = self.of_type[kinds, columns], self.usual[columns]
        in_type, in_all = _others(of_type, own_ratio), _others(usual, own_ratio)
        added = self.log_added_ratios.exp()[columns, None]
        in_all = in_all * added / in_all.sum(dim=1, keepdim=True).clamp(min=1)
        trusted = trust[:, None] / (in_type.sum(dim=1, keepdim=True) + added)
        weights = torch.cat([in_type, in_all], dim=1) * trusted
        ratios = torch.cat([of_type, usual], dim=1).nan_to_num(0.0)
        spread = bins.spread(logs[:, None] + ratios, weights, rows, stated.shape[0])
        shares = (1 - MARGINAL_SHARE) * spread
        shares = shares + (1 - shares.sum(dim=1, keepdim=True)) * bins.marginal
        return shares.log()

    def combined(self, logs: Tensor, expected: Tensor) -> Tensor:
        """The product of what is said here and what is expected otherwise, (rows, bins)."""
        own, other = 2 * self.powers.sigmoid()
        product: Tensor = (own * logs + other * expected).log_softmax(dim=1)
        return product


def _each_text_and_length_once(training: Training) -> NDArray[np.int64]:
    """Places among the training rows, int64 (n,): rows with the same text and length count once.

    So that leaving out a row's own ratio leaves out theirs.
    """
    if training.repeated_texts is None:
        return np.arange(len(training.rows))
    texts = training.repeated_texts[training.rows]
    repeated = texts > 0
    pairs = np.stack([texts[repeated], training.lengths[repeated]])
    _, first = np.unique(pairs, axis=1, return_index=True)
    kept: NDArray[np.int64] = np.sort(
        np.concatenate([np.flatnonzero(~repeated), np.flatnonzero(repeated)[first]])
    )
    return kept


def _of_known(scores: Tensor, known: Tensor) -> Tensor:
    """Scores (rows, columns), -inf where not known, but for rows in which nothing is."""
    return scores.masked_fill(~known & known.any(dim=1, keepdim=True), -torch.inf)


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
