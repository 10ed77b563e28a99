"""Calibrated intervals, from where validation lengths lie in their predicted distributions.

Distributional conformal prediction: Chernozhukov, Wuethrich and Zhu 2021, "Distributional conformal
prediction", PNAS 118(48). If a product is exchangeable with the validation products, its length
lies in its interval with a probability of at least the level; on average over products, not for
each kind of them. So the few very long products, which no text announces, may nearly all be missed.
Hence each band of length that is not rare is calibrated by its own validation rows too, at a lower
level (label-conditional conformal prediction: Vovk 2012, "Conditional validity of inductive
conformal predictors", ACML). An interval reaches from the least to the greatest length that either
asks for, and both aim lower by as much as they hold together beyond the level.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self

from product_length.decision.distribution import Distribution

_ROUNDING = 1e-5
"""Sums of float32 probabilities differ by less; so much more mass an interval holds."""
MORE_MISSES = 1.5
"""Of a band that is not rare, intervals aim to miss so many times the share of all lengths."""
MAX_MISSES = 2.0
"""So many times the share that a level leaves out, 20% at 90%, is the largest that they aim at."""
RARE = 1 / 40
"""A band of a smaller share of the training rows is not calibrated by its own: for its sake nearly
every interval would have to reach it."""
FEW = 10
"""Nor is a band of fewer validation rows, which say too little of it."""

Floats = NDArray[np.floating[Any]]


class PitValues(NamedTuple):
    """Probability integral transforms: predicted probabilities of at most some lengths, 0 to 1.

    `of_lengths`: float (rows,), of each true length; `of_edges`: float (rows, edges), of each edge
    between two bands of length, ascending; `bands`: intp (rows,), the band of each true length,
    from 0 to the number of edges.
    """

    of_lengths: Floats
    of_edges: Floats
    bands: NDArray[np.intp]

    def scores(self) -> Floats:
        """Nonconformity score of each length, float (rows,): |PIT - 1/2|, 0 to 1/2.

        The central interval of twice that mass is the narrowest that holds the length.
        """
        scores: Floats = np.minimum(np.abs(self.of_lengths - 0.5) + _ROUNDING, 0.5)
        return scores

    def scores_within(self, band: int) -> Floats:
        """The same of an interval that reaches so far only within a band; infinite: never."""
        scores = np.where(self.bands == band, self.scores(), np.inf)
        if band > 0:  # whatever lies between the middle and a band that is reached is held too
            before = (self.bands < band) & (self.of_lengths >= 0.5)
            scores = np.where(before, self.of_edges[:, band - 1] - 0.5 + _ROUNDING, scores)
        if band < self.of_edges.shape[1]:
            beyond = (self.bands > band) & (self.of_lengths <= 0.5)
            scores = np.where(beyond, 0.5 - self.of_edges[:, band] + _ROUNDING, scores)
        return scores


@dataclass(frozen=True)
class Coverage:
    """Nominal coverage of intervals: the central mass, 0 to 1, that each holds of its distribution.

    `common`: of each; `of_bands`: what it holds of some bands' lengths, (lower, upper, mass) with
    ends in the catalogue's unit, by the number of the band.
    """

    common: float
    of_bands: Mapping[int, tuple[float, float, float]]

    def ends(self, distribution: Distribution) -> Tensor:
        """Both ends of each interval: float (rows, 2), in the catalogue's unit."""
        low, high = distribution.interval(self.common).unbind(dim=1)
        for lower, upper, mass in self.of_bands.values():
            least, greatest = distribution.interval(mass).unbind(dim=1)
            high = torch.where(greatest >= lower, high.maximum(greatest.clamp(max=upper)), high)
            low = torch.where(least <= upper, low.minimum(least.clamp(min=lower)), low)
        return torch.stack([low, high], dim=1)

    def holds(self, pit: PitValues) -> NDArray[np.bool_]:
        """Which lengths lie in their intervals: bool (rows,).

        A length beyond the whole range of its distribution lies in no interval.
        """
        held = np.abs(pit.of_lengths - 0.5) <= self.common / 2
        for band, (_, _, mass) in self.of_bands.items():
            held |= pit.scores_within(band) - _ROUNDING <= mass / 2
        inside: NDArray[np.bool_] = held & (pit.of_lengths > 0) & (pit.of_lengths < 1)
        return inside


@dataclass(frozen=True)
class Calibration:
    """Validation rows, by which intervals of any level are calibrated.

    `edges`: between bands of length, in the catalogue's unit; `common`: the bands that are not
    rare.
    """

    pit: PitValues
    edges: tuple[float, ...]
    common: tuple[int, ...]

    def __len__(self) -> int:
        """The number of validation rows."""
        return len(self.pit.of_lengths)

    def coverage(self, level: float) -> Coverage:
        """The nominal coverage with which intervals hold a share `level` of products.

        With fewer than `rows_needed(level)` rows it is 1. A higher level never has less.
        Raises ValueError unless 0 < level < 1.
        """
        if not 0 < level < 1:
            raise ValueError(f"the level of an interval lies between 0 and 1, not at {level}")
        rank = _rank(len(self), level)
        if rank > len(self):
            return Coverage(1.0, {})
        least = 1 - MAX_MISSES / MORE_MISSES * (1 - level)
        aim = max(np.sort(self._aims)[rank - 1], least)
        common = 2 * _quantile(np.sort(self.pit.scores()), aim)
        ends = (0.0, *self.edges, np.inf)
        of_bands = {}
        band_aim = 1 - MORE_MISSES * (1 - aim)
        for band, scores in self._band_scores.items() if band_aim > 0 else ():
            mass = 2 * _quantile(scores, band_aim)
            if mass > common:
                of_bands[band] = (ends[band], ends[band + 1], mass)
        return Coverage(common, of_bands)

    @cached_property
    def _band_scores(self) -> dict[int, Floats]:
        """The scores of each common band's own rows, ascending, unless they are too few."""
        scores, bands = self.pit.scores(), self.pit.bands
        found = {band: np.sort(scores[bands == band]) for band in self.common}
        return {band: own for band, own in found.items() if len(own) >= FEW}

    @cached_property
    def _aims(self) -> Floats:
        """The least aim whose interval holds each validation row: float (rows,)."""
        scores = self.pit.scores()
        aims: Floats = np.searchsorted(np.sort(scores), scores) + 1.0
        aims /= len(scores) + 1
        for band, own in self._band_scores.items():
            rank = np.searchsorted(own, self.pit.scores_within(band)) + 1.0
            found = 1 - (1 - rank / (len(own) + 1)) / MORE_MISSES
            aims = np.where(rank <= len(own), np.minimum(aims, found), aims)
        return aims

    def state(self) -> dict[str, Any]:
        """Tensors and numbers for a checkpoint; `from_state` reads them back."""
        return {
            "of_lengths": torch.from_numpy(self.pit.of_lengths.astype(np.float32)),
            "of_edges": torch.from_numpy(self.pit.of_edges.astype(np.float32)),
            "bands": torch.from_numpy(self.pit.bands.astype(np.int64)),
            "edges": list(self.edges),
            "common": list(self.common),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The calibration whose `state` this was."""
        of_lengths, of_edges = state["of_lengths"].numpy(), state["of_edges"].numpy()
        pit = PitValues(of_lengths, of_edges, state["bands"].numpy().astype(np.intp))
        return cls(pit, tuple(state["edges"]), tuple(state["common"]))


def common_bands(bands: NDArray[np.intp], count: int) -> tuple[int, ...]:
    """Those of `count` bands that are not `RARE` among the bands intp (rows,) of training rows."""
    shares = np.bincount(bands, minlength=count) / max(len(bands), 1)
    return tuple(int(band) for band in np.flatnonzero(shares >= RARE))


def rows_needed(level: float) -> int:
    """The fewest validation rows from which an interval of this level is less than everything."""
    return int(np.ceil(level / (1 - level) - 1e-9))


def _rank(rows: int, level: float) -> int:
    """Which of so many ascending scores holds a share `level`: (rows + 1) * level, rounded up."""
    return int(np.ceil((rows + 1) * level - 1e-9))


def _quantile(scores: Floats, level: float) -> float:
    """The score of that rank, or the greatest: float (rows,), ascending."""
    return float(scores[min(_rank(len(scores), level), len(scores)) - 1])
