"""Cells of a table that each state one length, as `30 cm`, `12"` or `5' 6 1/2"`."""

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from product_length.measurements.measurement import Unit
from product_length.measurements.parser import measurements_of_plain
from product_length.measurements.quantities import quantities
from product_length.measurements.spelling import spell_out

NAME_OF = {
    Unit.MILLIMETRE: "mm",
    Unit.CENTIMETRE: "cm",
    Unit.METRE: "m",
    Unit.INCH: "inch",
    Unit.FOOT: "ft",
    Unit.YARD: "yard",
}
"""Names in catalogue.units.MILLIMETRES of the units that texts write."""

_METRE = re.compile(r"([0-9][0-9.,' ]*)M\.?")
_SIGN = re.compile(r"(?:[<>≤≥±]|^\W*[-–—])\s*$")
"""Ahead of a number: it is a limit, a tolerance or below zero."""
_MEMO_CELLS = 65_536


class CellLength(NamedTuple):
    """The length that a cell states."""

    millimetres: float
    unit: str
    """As it was written, a name in catalogue.units.MILLIMETRES."""


class CellLengths(NamedTuple):
    """The lengths that a column of cells states."""

    millimetres: NDArray[np.float64]
    """float64 (rows,); NaN where a cell does not state one length, or is missing."""
    units: pa.Array
    """string (rows,), as they were written, names in catalogue.units.MILLIMETRES; null likewise."""


@lru_cache(_MEMO_CELLS)
def read_cell(text: str) -> CellLength | None:
    """The length of a cell that states one, with its unit, and has no other number; else None.

    None for `30`, `30 x 20 cm`, `30-40 cm`, `Pack of 2, 30 cm`, `-30 cm` and `> 30 cm`. A tolerance
    may follow: `30 ± 1 cm` is 30 cm.
    """
    plain = " ".join(spell_out(text).split())
    if metres := _METRE.fullmatch(plain):
        plain = f"{metres[1]}m"  # in other texts an M can be a size
    numbers = quantities(plain)
    if len(numbers) != 1:
        return None
    [number] = numbers
    ahead, behind = plain[: number.start], plain[number.end :]
    if _has_digit(ahead) or _has_digit(behind) or _SIGN.search(ahead):
        return None
    stated = measurements_of_plain(plain, 2)
    if len(stated) != 1 or stated[0].unit is Unit.MISSING:
        return None
    return CellLength(stated[0].value, NAME_OF[stated[0].unit])


def read_cells(column: pa.Array | pa.ChunkedArray) -> CellLengths:
    """The lengths of cells, string (rows,), see `read_cell`; equal cells are read once."""
    encoded = pc.dictionary_encode(column)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    found = [None if cell is None else read_cell(cell) for cell in encoded.dictionary.to_pylist()]
    lengths = pa.array([each and each.millimetres for each in found], pa.float64())
    units = pa.array([each and each.unit for each in found], pa.string())
    millimetres = lengths.take(encoded.indices).fill_null(np.nan)
    return CellLengths(millimetres.to_numpy(), units.take(encoded.indices))


def _has_digit(text: str) -> bool:
    return any(char.isnumeric() for char in text)
