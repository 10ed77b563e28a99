"""Calibrated intervals, from where validation lengths lie in their predicted distributions.

Distributional conformal prediction: Chernozhukov, Wuethrich and Zhu 2021, "Distributional conformal
prediction", PNAS 118(48). If a product is exchangeable with the validation products, its length
lies in its interval with a probability of at least the level; on average over products, not for
each kind of them. So the few very long products, which no text tells, may nearly all be missed.
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
MOST_MISSES = 2.0
"""So many times the share that a level leaves out, 20% at 90%, is the most that they aim to."""
RARE = 1 / 40
"""A band of a smaller share of the training rows is not calibrated by its own: for its sake nearly
every interval would have to reach it."""
FEW = 10
"""Nor is a band of fewer validation rows, which say too little of it."""

Floats = NDArray[np.floating[Any]]


class Places(NamedTuple):
    """Where lengths lie in their predicted distributions, and among the bands of length.

    `ranks`: float (rows,), the predicted probability of at most the true length (PIT); `at_edges`:
    float (rows, edges), of at most each edge between two bands, ascending; `bands`: intp (rows,),
    the band of each true length, from 0 to the number of edges.
    """

    ranks: Floats
    at_edges: Floats
    bands: NDArray[np.intp]

    def depths(self) -> Floats:
        """How far from the middle an interval must reach to hold each length, 0 to 1/2."""
        depths: Floats = np.minimum(np.abs(self.ranks - 0.5) + _ROUNDING, 0.5)
        return depths

    def depths_by(self, band: int) -> Floats:
        """The same of an interval that reaches so far only within a band; infinite: never."""
        depths = np.where(self.bands == band, self.depths(), np.inf)
        if band > 0:  # whatever lies between the middle and a band that is reached is held too
            before = (self.bands < band) & (self.ranks >= 0.5)
            depths = np.where(before, self.at_edges[:, band - 1] - 0.5 + _ROUNDING, depths)
        if band < self.at_edges.shape[1]:
            beyond = (self.bands > band) & (self.ranks <= 0.5)
            depths = np.where(beyond, 0.5 - self.at_edges[:, band] + _ROUNDING, depths)
        return depths


@dataclass(frozen=True)
class Masses:
    """The central mass, 0 to 1, of a predicted distribution that an interval holds.

    `common`: of each; `of_bands`: what it holds of some bands' lengths, (lower, upper, mass) with
    ends in 1/100 inch, by the number of the band.
    """

    common: float
    of_bands: Mapping[int, tuple[float, float, float]]

    def ends(self, distribution: Distribution) -> Tensor:
        """Both ends of each interval: float (rows, 2), 1/100 inch."""
        low, high = distribution.interval(self.common).unbind(dim=1)
        for lower, upper, mass in self.of_bands.values():
            least, greatest = distribution.interval(mass).unbind(dim=1)
            high = torch.where(greatest >= lower, high.maximum(greatest.clamp(max=upper)), high)
            low = torch.where(least <= upper, low.minimum(least.clamp(min=lower)), low)
        return torch.stack([low, high], dim=1)

    def hold(self, places: Places) -> NDArray[np.bool_]:
        """Which lengths lie in their intervals: bool (rows,).

        A length beyond the whole range of its distribution lies in no interval.
        """
        held = np.abs(places.ranks - 0.5) <= self.common / 2
        for band, (_, _, mass) in self.of_bands.items():
            held |= places.depths_by(band) - _ROUNDING <= mass / 2
        inside: NDArray[np.bool_] = held & (places.ranks > 0) & (places.ranks < 1)
        return inside


@dataclass(frozen=True)
class Calibration:
    """Validation rows, by which intervals of any level are calibrated.

    `edges`: between bands of length, 1/100 inch; `common`: the bands that are not rare.
    """

    places: Places
    edges: tuple[float, ...]
    common: tuple[int, ...]

    def __len__(self) -> int:
        """The number of validation rows."""
        return len(self.places.ranks)

    def masses(self, level: float) -> Masses:
        """What intervals that hold a share `level` of products hold of their distributions.

        With fewer than `rows_needed(level)` rows it is everything. A higher level never holds less.
        Raises ValueError unless 0 < level < 1.
        """
        if not 0 < level < 1:
            raise ValueError(f"the level of an interval lies between 0 and 1, not at {level}")
        rank = _rank(len(self), level)
        if rank > len(self):
            return Masses(1.0, {})
        least = 1 - MOST_MISSES / MORE_MISSES * (1 - level)
        aim = max(np.sort(self._aims)[rank - 1], least)
        of_all = 2 * _at(np.sort(self.places.depths()), aim)
        ends = (0.0, *self.edges, np.inf)
        of_bands = {}
        own_aim = 1 - MORE_MISSES * (1 - aim)
        for band, own in self._of_bands.items() if own_aim > 0 else ():
            mass = 2 * _at(own, own_aim)
            if mass > of_all:
                of_bands[band] = (ends[band], ends[band + 1], mass)
        return Masses(of_all, of_bands)

    @cached_property
    def _of_bands(self) -> dict[int, Floats]:
        """The depths of each common band's own rows, ascending, unless they are too few."""
        depths, bands = self.places.depths(), self.places.bands
        found = {band: np.sort(depths[bands == band]) for band in self.common}
        return {band: own for band, own in found.items() if len(own) >= FEW}

    @cached_property
    def _aims(self) -> Floats:
        """The least aim whose interval holds each validation row: float (rows,)."""
        depths = self.places.depths()
        aims: Floats = np.searchsorted(np.sort(depths), depths) + 1.0
        aims /= len(depths) + 1
        for band, own in self._of_bands.items():
            place = np.searchsorted(own, self.places.depths_by(band)) + 1.0
            found = 1 - (1 - place / (len(own) + 1)) / MORE_MISSES
            aims = np.where(place <= len(own), np.minimum(aims, found), aims)
        return aims

    def state(self) -> dict[str, Any]:
        """Tensors and numbers for a checkpoint; `from_state` reads them back."""
        ranks, at_edges, bands = self.places
        return {
            "ranks": torch.from_numpy(ranks.astype(np.float32)),
            "at_edges": torch.from_numpy(at_edges.astype(np.float32)),
            "bands": torch.from_numpy(bands.astype(np.int64)),
            "edges": list(self.edges),
            "common": list(self.common),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """What `state` was made of."""
        places = Places(
            state["ranks"].numpy(),
            state["at_edges"].numpy(),
            state["bands"].numpy().astype(np.intp),
        )
        return cls(places, tuple(state["edges"]), tuple(state["common"]))

    @classmethod
    def without_bands(cls, ranks: Floats) -> Self:
        """By ranks alone, float (rows,): nothing is promised to bands."""
        rows = len(ranks)
        return cls(Places(ranks, np.empty((rows, 0)), np.zeros(rows, np.intp)), (), ())


def common_bands(bands: NDArray[np.intp], count: int) -> tuple[int, ...]:
    """Those of `count` bands that are not `RARE` among the bands intp (rows,) of training rows."""
    shares = np.bincount(bands, minlength=count) / max(len(bands), 1)
    return tuple(int(band) for band in np.flatnonzero(shares >= RARE))


def rows_needed(level: float) -> int:
    """The fewest validation rows from which an interval of this level is less than everything."""
    return int(np.ceil(level / (1 - level) - 1e-9))


def _rank(rows: int, level: float) -> int:
    """Which of so many ascending depths holds a share `level`: (rows + 1) * level, rounded up."""
    return int(np.ceil((rows + 1) * level - 1e-9))


def _at(depths: Floats, level: float) -> float:
    """The depth of that rank, or the greatest: float (rows,), ascending."""
    return float(depths[min(_rank(len(depths), level), len(depths)) - 1])
