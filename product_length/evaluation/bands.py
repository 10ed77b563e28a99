"""Ranges of true length, in the catalogue's unit, that errors are reported for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from product_length.catalogue.config import DemoData, FileData
from product_length.catalogue.units import HUNDREDTH_INCH, CatalogueUnit

MIN_ROWS = 10
"""Training rows that a band laid by them has at least, unless it is the only one."""
_SHARES = (0.10, 0.25, 0.50, 0.75, 0.95)
_DEMO_EDGES = (40, 100, 500, 1000, 5000)
"""Of the demo catalogue, whose lengths are distributed as the challenge's are: 1/100 inch."""
_ONLY = "all"


@dataclass(frozen=True)
class Bands:
    """Bands of true length; `edges` lie between them, ascending, in the catalogue's unit.

    Bands are closed below and open above, but the last edge still lies in the band below it: so a
    catalogue that is cut at the last edge leaves the last band empty. Without edges there is one
    band. Raises ValueError for edges that do not ascend or are not positive and finite.
    """

    edges: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not all(0 < edge < np.inf for edge in self.edges):
            raise ValueError(f"edges of bands must be positive and finite: {self.edges}")
        if any(low >= high for low, high in pairwise(self.edges)):
            raise ValueError(f"edges of bands must ascend: {self.edges}")

    @classmethod
    def by_quantiles(cls, lengths: ArrayLike) -> Bands:
        """Laid by training lengths float (rows,): about 10, 25, 50, 75 and 95% lie below the edges.

        Edges are rounded to two digits to read well. One is left out where a band would have fewer
        than `MIN_ROWS` training rows.
        """
        y = np.asarray(lengths, dtype=np.float32)
        wanted = sorted({float(f"{edge:.1e}") for edge in np.quantile(y, _SHARES)})
        edges: list[float] = []
        below_last = 0
        for edge in wanted:
            below = int(np.count_nonzero(y < np.float32(edge)))
            if below >= below_last + MIN_ROWS:
                edges.append(edge)
                below_last = below
        while edges and np.count_nonzero(y > np.float32(edges[-1])) < MIN_ROWS:
            edges.pop()
        return cls(tuple(edges))

    @property
    def names(self) -> tuple[str, ...]:
        """What the bands are called: "<40", "40–100", ">100"."""
        if not self.edges:
            return (_ONLY,)
        shown = [plain_number(edge) for edge in self.edges]
        first = f"<{shown[0]}" if len(shown) > 1 else f"≤{shown[0]}"
        return (first, *(f"{low}–{high}" for low, high in pairwise(shown)), f">{shown[-1]}")

    def __len__(self) -> int:
        return len(self.edges) + 1

    def codes(self, lengths: ArrayLike) -> NDArray[np.intp]:
        """The number of the band of each length, from 0: intp (rows,); lengths float (rows,).

        Both sides are compared in the float32 of a catalogue, where a length of 0.7 is no less than
        an edge of 0.7.
        """
        y = np.asarray(lengths, dtype=np.float32)
        edges = np.asarray(self.edges, dtype=np.float32)
        codes: NDArray[np.intp] = np.digitize(y, edges[:-1])
        if len(edges):
            codes[y > edges[-1]] += 1
        return codes

    @property
    def short_below(self) -> float | None:
        """Lengths below are short, the two lowest bands; with one edge that one, else None."""
        return self.edges[min(1, len(self.edges) - 1)] if self.edges else None

    def is_short(self, lengths: ArrayLike) -> NDArray[np.bool_]:
        """Which lengths, float (rows,), are below `short_below`: bool (rows,)."""
        below = -np.inf if self.short_below is None else self.short_below
        return np.asarray(lengths, dtype=np.float32) < np.float32(below)


def bands_of(
    data: DemoData | FileData, unit: CatalogueUnit, train_lengths: NDArray[np.float32]
) -> Bands:
    """The bands that the options name, else those of the demo, else by training rows.

    `train_lengths`: float32 (rows,), in the catalogue's `unit`.
    """
    if data.bands:
        return Bands(tuple(data.bands))
    if isinstance(data, DemoData):
        ratio = HUNDREDTH_INCH.in_unit(unit)
        return Bands(tuple(float(f"{ratio * edge:.6g}") for edge in _DEMO_EDGES))
    return Bands.by_quantiles(train_lengths)


def plain_number(value: float) -> str:
    """A number with all its digits and no more: "5000", "0.25", "1000000"."""
    return np.format_float_positional(value, trim="-")
