"""The lengths that a product's own text and columns state, in the catalogue's unit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from product_length.catalogue.products import Products
from product_length.catalogue.text import FIELDS
from product_length.catalogue.units import MILLIMETRES, unit_in_name
from product_length.measurements.candidates import Candidates, parse_fields
from product_length.measurements.measurement import Role, Subject

_MOST = 16


@dataclass(frozen=True)
class StatedLength:
    """One stated length: `value` in the catalogue's unit, and where it stands.

    `role`: which side it is, as far as the text says; `column`: the name of the column of numbers
    that holds it, "" where a text does.
    """

    value: float
    role: Role
    is_package: bool
    column: str = ""

    @property
    def side(self) -> str:
        """What it measures, in a word or two."""
        if self.column:
            return self.column
        return "size" if self.role is Role.NONE else self.role.name.lower()


def stated_lengths(products: Products, rows: NDArray[np.int64]) -> list[list[StatedLength]]:
    """What each of some rows, int64 (n,), ascending, states; empty where the unit is no length.

    Measurements of other things, as of a screen, are left out. Columns of numbers count where their
    names say a unit of length, as `height_cm` does.
    """
    unit = products.unit
    if unit.millimetres is None:
        return [[] for _ in rows]
    some = products.take(rows)
    found: list[list[StatedLength]] = []
    names = [name for name in FIELDS if name in products.recipe.fields]
    for batch in some.fields().to_batches():
        candidates = parse_fields(batch, names, _MOST)
        found += [_of_text(candidates, row, unit.millimetres) for row in range(len(candidates))]
    for name in some.number_names:
        named = unit_in_name(name)
        if named is None:
            continue
        values = some.number(name) * (MILLIMETRES[named.name] / unit.millimetres)
        for each, value in zip(found, values.tolist(), strict=True):
            if np.isfinite(value) and value > 0:
                each.append(StatedLength(value, Role.NONE, is_package=False, column=name))
    return found


def _of_text(candidates: Candidates, row: int, millimetres: float) -> list[StatedLength]:
    return [
        StatedLength(each.value / millimetres, each.role, each.subject is Subject.PACKAGE)
        for _, each in candidates.stated(row)
        if each.subject is not Subject.OTHER
    ]
