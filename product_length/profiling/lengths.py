"""How the lengths of a catalogue are distributed, and the round numbers that they are."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from product_length.catalogue.units import MILLIMETRES, CatalogueUnit

Lengths = NDArray[np.float64]

_QUANTILES = (0.01, 0.05, 0.25, 0.50, 0.75, 0.95, 0.99)
_BINS_A_DECADE = 20
_MOST_COMMON = 20
_DIGITS = 5
"""Lengths that agree to so many digits are one value: 393.7 and 393.700787 are 10 cm both."""
_MOST_DECIMALS, _USUALLY = 6, 0.9
_OFF = 0.0005
"""A length is on a grid that is off by so much of a step: 393.7 is 10 cm, which are 393.7008."""
_PRECISION = 1e-7
"""Of a length that went through float32, relative."""
_MOST_BY_CHANCE = 0.2
"""A grid that more lengths would lie on by chance says nothing."""
_CM, _INCH = 10.0, MILLIMETRES["inch"]
_STEPS = {
    "whole metres": 100 * _CM,
    "whole decimetres": 10 * _CM,
    "whole centimetres": _CM,
    "half centimetres": _CM / 2,
    "whole millimetres": _CM / 10,
    "whole feet": 12 * _INCH,
    "whole inches": _INCH,
    "half inches": _INCH / 2,
    "quarters of an inch": _INCH / 4,
    "eighths of an inch": _INCH / 8,
    "tenths of an inch": _INCH / 10,
    "hundredths of an inch": _INCH / 100,
}
"""Grids by name: millimetres from one value to the next."""


@dataclass(frozen=True)
class CommonValue:
    """A length that many rows have, in the catalogue's unit, to five digits."""

    length: float
    rows: int


@dataclass(frozen=True)
class Grid:
    """Round numbers. `step`: from one to the next, in the catalogue's unit.

    `share`: of rows on the grid; `by_chance`: that would be on it if lengths were not round.
    """

    name: str
    step: float
    share: float
    by_chance: float


@dataclass(frozen=True)
class LengthFigures:
    """Lengths of all rows kept, in the catalogue's unit.

    `edges` and `rows`: a histogram, twenty bins a decade. `values`: distinct lengths, to five
    digits; `values_of_half`, `values_of_nine_tenths`: the fewest that make up so many rows.
    """

    least: float
    greatest: float
    quantiles: dict[str, float]
    edges: tuple[float, ...]
    rows: tuple[int, ...]
    values: int
    values_of_half: int
    values_of_nine_tenths: int
    most_common: tuple[CommonValue, ...]
    grids: tuple[Grid, ...]


def length_figures(lengths: Lengths, unit: CatalogueUnit) -> LengthFigures:
    """Figures of lengths float64 (rows,), one at least, positive, in `unit`."""
    edges, rows = _histogram(lengths)
    values, counts = np.unique(to_digits(lengths, _DIGITS), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    reached = np.cumsum(counts[order])
    return LengthFigures(
        least=float(lengths.min()),
        greatest=float(lengths.max()),
        quantiles={f"{share:g}": float(np.quantile(lengths, share)) for share in _QUANTILES},
        edges=tuple(edges.tolist()),
        rows=tuple(rows.tolist()),
        values=len(values),
        values_of_half=_fewest(reached, 0.5),
        values_of_nine_tenths=_fewest(reached, 0.9),
        most_common=tuple(
            CommonValue(float(values[at]), int(counts[at])) for at in order[:_MOST_COMMON]
        ),
        grids=tuple(_grids(lengths, unit)),
    )


def to_digits(values: Lengths, digits: int) -> Lengths:
    """Positive numbers, float64 (n,), rounded to so many digits."""
    places = digits - 1 - np.floor(np.log10(values))
    # Dividing by a power of ten is exact to the last bit, multiplying by 0.001 is not.
    up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
    rounded: Lengths = np.round(values * up / down) * down / up
    return rounded


def _histogram(lengths: Lengths) -> tuple[Lengths, NDArray[np.int64]]:
    """Edges float64 (bins + 1,) and rows int64 (bins,); the edges hold all lengths."""
    places = np.floor(np.log10(lengths) * _BINS_A_DECADE).astype(np.int64)
    first = int(places.min())
    rows = np.bincount(places - first)
    return 10.0 ** ((first + np.arange(len(rows) + 1)) / _BINS_A_DECADE), rows


def _fewest(reached: NDArray[np.int64], share: float) -> int:
    return int(np.searchsorted(reached, share * reached[-1])) + 1


def _grids(lengths: Lengths, unit: CatalogueUnit) -> Iterator[Grid]:
    last = _last_decimal(lengths)
    for name, step in _steps(unit).items():
        multiple = step / last
        # A length on a grid of multiples of its last decimal has not been rounded.
        is_rounded = multiple < 0.5 or abs(multiple - round(multiple)) > 1e-6
        within = max(last / 2 if is_rounded else 0.0, _OFF * step)
        by_chance = min(1.0, max(2 * within, last) / step)
        if by_chance <= _MOST_BY_CHANCE and step <= lengths.max():
            off = np.abs(lengths - np.round(lengths / step) * step)
            on = off <= np.maximum(within * (1 + 1e-6), _PRECISION * lengths)
            yield Grid(name, step, float((on & (lengths > step / 2)).mean()), by_chance)


def _steps(unit: CatalogueUnit) -> dict[str, float]:
    """From one value of each grid to the next, in the catalogue's unit."""
    if unit.millimetres is None:
        return {f"multiples of {step:g} {unit}": step for step in (100.0, 10.0, 1.0, 0.1, 0.01)}
    return {name: step / unit.millimetres for name, step in _STEPS.items()}


def _last_decimal(lengths: Lengths) -> float:
    """Of lengths as they are usually written: 0.01 where 90% have at most two decimals."""
    for decimals in range(_MOST_DECIMALS):
        off = np.abs(lengths - np.round(lengths, decimals))
        if (off <= 1e-9 * lengths).mean() >= _USUALLY:
            return float(10.0**-decimals)
    return float(10.0**-_MOST_DECIMALS)
