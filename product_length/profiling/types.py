"""Product types by rows, and how much the lengths within one differ."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.vocabulary import as_column
from product_length.evaluation.baselines import MIN_TYPE_ROWS
from product_length.weighted_median import weighted_median

_LARGEST = 300
_LOW, _MIDDLE, _HIGH = 0.1, 0.5, 0.9
_MIN_SPREAD_ROWS = 10
"""With fewer rows the spread of a type is not shown."""


@dataclass(frozen=True)
class TypeSpread:
    """One type. `median`, `low` and `high` (10 and 90% of its lengths): in the catalogue's unit.

    `spread`: high/low. `mape`: of its best constant, on the same rows.
    """

    name: str
    rows: int
    low: float
    median: float
    high: float
    spread: float
    mape: float


@dataclass(frozen=True)
class TypeFigures:
    """Types of all rows kept.

    `rare_types`: with fewer than five rows, in which there are `rare_rows`. `half`: the fewest
    types that make up half of the rows. `spread`: 90% over 10% quantile of length, of all rows;
    `spread_within`: the median, over rows, of that of their type, where it has ten rows or more.
    `largest`: the types with most rows.
    """

    types: int
    rows_without: int
    rare_types: int
    rare_rows: int
    half: int
    spread: float
    spread_within: float | None
    largest: tuple[TypeSpread, ...]


def type_figures(catalogue: Catalogue) -> TypeFigures | None:
    """Of all rows of a catalogue; None where no row has a type."""
    encoded = as_column(catalogue.types).combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    codes = encoded.indices.to_numpy().astype(np.int64)
    without = codes == names.index("") if "" in names else np.zeros(len(codes), np.bool_)
    if without.all():
        return None
    lengths = catalogue.exact_lengths
    order = np.lexsort((lengths, codes))
    groups = [
        (names[codes[rows[0]]], lengths[rows])
        for rows in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
        if not without[rows[0]]
    ]
    groups.sort(key=lambda group: (-len(group[1]), group[0]))
    sizes = np.array([len(values) for _, values in groups])
    rare = sizes < MIN_TYPE_ROWS
    return TypeFigures(
        types=len(groups),
        rows_without=int(without.sum()),
        rare_types=int(rare.sum()),
        rare_rows=int(sizes[rare].sum()),
        half=int(np.searchsorted(np.cumsum(sizes), sizes.sum() / 2)) + 1,
        spread=_spread(np.sort(lengths)),
        spread_within=_spread_within([values for _, values in groups], sizes),
        largest=tuple(_of_type(name, values) for name, values in groups[:_LARGEST]),
    )


def _spread(ascending: NDArray[np.float64]) -> float:
    low, high = np.quantile(ascending, (_LOW, _HIGH))
    return float(high / low)


def _spread_within(groups: list[NDArray[np.float64]], sizes: NDArray[np.int64]) -> float | None:
    """The median over rows of the spread of their type; types with few rows are left out."""
    many = sizes >= _MIN_SPREAD_ROWS
    if not many.any():
        return None
    spreads = np.array([_spread(group) for group in groups if len(group) >= _MIN_SPREAD_ROWS])
    return weighted_median(spreads, sizes[many])


def _of_type(name: str, ascending: NDArray[np.float64]) -> TypeSpread:
    low, median, high = np.quantile(ascending, (_LOW, _MIDDLE, _HIGH))
    best = weighted_median(ascending, 1 / ascending)
    return TypeSpread(
        name=name,
        rows=len(ascending),
        low=float(low),
        median=float(median),
        high=float(high),
        spread=float(high / low),
        mape=float(np.abs(best / ascending - 1).mean()),
    )
