"""Whether a catalogue's lengths look as if they were in another unit than is said.

Many texts state the length that is to be predicted. Where it is the label times 2.54 in row after
row, the labels are inches and not centimetres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from product_length.catalogue.text import FIELDS
from product_length.catalogue.units import MILLIMETRES, CatalogueUnit
from product_length.measurements.candidates import Candidates, parse_fields
from product_length.measurements.measurement import Subject, Unit

if TYPE_CHECKING:
    from product_length.catalogue.catalogue import Catalogue

_MAX_ROWS = 20_000
"""As many are read in about a second."""
_MAX_MEASUREMENTS = 16
_NEAR = 0.01
_LEAST_ROWS, _LEAST_SHARE = 20, 0.05
_TIMES = 3.0
"""So many times the rows that would agree by chance, or that agree with the unit that is said."""
_EXAMPLES = 3
_FACTORS = (2.54, 10.0, 25.4, 100.0)


def unit_warning(catalogue: Catalogue) -> str | None:
    """One line where lengths, all or clearly a part, look as if they were in another unit.

    Read are the lengths and texts of at most 20,000 rows, evenly spaced. None where nothing
    contradicts `catalogue.unit`, or too few texts state a length. The fault of a part of the rows
    is said with some of their ids.
    """
    count = min(len(catalogue), _MAX_ROWS)
    rows = np.arange(count) * len(catalogue) // count
    some = catalogue.take(rows)
    parsed = [
        parse_fields(batch, FIELDS, _MAX_MEASUREMENTS) for batch in some.fields().to_batches()
    ]
    stated = np.concatenate([_of_product(each) for each in parsed])
    found = _of_stated(stated, catalogue.lengths[rows].astype(np.float64), catalogue.unit)
    if found is None:
        return None
    warning, contradicting = found
    if not len(contradicting):
        return warning
    ids = some.product_ids.take(contradicting[:_EXAMPLES]).to_pylist()
    return f"{warning}; see products {', '.join(ids)}"


@dataclass(frozen=True)
class _Reading:
    """Another way to read labels. `millimetres`: how long one is then."""

    millimetres: float
    words: str
    """Of what is read, after "which is the row's own"."""
    cure: str


def _of_stated(
    stated: NDArray[np.float64], lengths: NDArray[np.float64], unit: CatalogueUnit
) -> tuple[str, NDArray[np.int64]] | None:
    """The warning, and the rows int64 (n,) that it is of; no rows where it is of all of them.

    stated: (rows, n), millimetres, NaN for none; lengths: (rows,), in `unit`.
    """
    stating = np.flatnonzero(~np.isnan(stated).all(axis=1))
    if len(stating) < _LEAST_ROWS:
        return None
    logs, labels = np.log(stated[stating]), np.log(lengths[stating])

    def agree(labels: NDArray[np.float64], millimetres: float) -> NDArray[np.bool_]:
        wanted = labels + np.log(millimetres)
        near: NDArray[np.bool_] = (np.abs(logs - wanted[:, None]) < _NEAR).any(axis=1)
        return near

    said = np.zeros(len(logs), np.bool_)
    if unit.millimetres is not None:
        said = agree(labels, unit.millimetres)
    readings = _other_readings(unit)
    others = [agree(labels, each.millimetres) & ~said for each in readings]
    best = int(np.argmax([each.sum() for each in others]))
    reading, other = readings[best], others[best]
    shuffled = np.random.default_rng(0).permutation(labels)
    by_chance = int(agree(shuffled, reading.millimetres).sum())
    count, in_said = int(other.sum()), int(said.sum())
    if count < max(_LEAST_ROWS, _LEAST_SHARE * len(stating), _TIMES * by_chance):
        return None
    counted = (
        f"{len(stating):,} texts state a length, which is the row's own in {unit} in {in_said:,} "
        f"cases, {reading.words} in {count:,}"
    )
    if count >= _TIMES * in_said and in_said < _LEAST_SHARE * len(stating):
        return f"data.unit={unit.name} looks wrong: {counted}; {reading.cure}", stating[:0]
    share = count / (count + in_said)
    return (
        f"data.unit={unit.name} looks wrong for about {share:.0%} of the rows: {counted}; bring "
        "all lengths to one unit",
        stating[other],
    )


def _other_readings(unit: CatalogueUnit) -> list[_Reading]:
    """The other units, and mistakes in a conversion, whatever unit came of them."""
    found = [
        _Reading(millimetres, f"in {CatalogueUnit.named(name)}", f"set data.unit={name}")
        for name, millimetres in MILLIMETRES.items()
        if millimetres != unit.millimetres
    ]
    if unit.millimetres is not None:
        for factor in _FACTORS:
            found += [
                _Reading(
                    unit.millimetres * factor,
                    f"multiplied by {factor:g}",
                    f"multiply all lengths by {factor:g}",
                ),
                _Reading(
                    unit.millimetres / factor,
                    f"divided by {factor:g}",
                    f"divide all lengths by {factor:g}",
                ),
            ]
    return found


def _of_product(candidates: Candidates) -> NDArray[np.float64]:
    """Lengths of the product, stated with a unit: float64 (rows, n), millimetres, NaN for none."""
    of_product = (candidates.subjects == Subject.PRODUCT) & (candidates.units != Unit.MISSING)
    return np.where(of_product, candidates.values.astype(np.float64), np.nan)
