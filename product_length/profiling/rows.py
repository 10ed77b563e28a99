"""What became of the rows of a source: kept, or dropped, and why."""

from dataclasses import dataclass

import numpy as np

from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.cell_lengths import MILLIMETRE
from product_length.catalogue.config import DataOptions
from product_length.catalogue.validate import EXAMPLES


@dataclass(frozen=True)
class DroppedRows:
    """Rows left out for one reason. `first_rows`: numbers of some, 1 = first data row.

    `examples`: lengths, or repeated ids, as the file has them; none where something is missing.
    """

    reason: str
    rows: int
    first_rows: tuple[int, ...]
    examples: tuple[str, ...]


@dataclass(frozen=True)
class RowFigures:
    """Of all rows read. `notes`: other peculiarities with how many cells or rows have them."""

    read: int
    kept: int
    dropped: tuple[DroppedRows, ...]
    notes: dict[str, int]


OUTSIDE = "outside of data.min_length and data.max_length"


def row_figures(catalogue: Catalogue, data: DataOptions) -> RowFigures:
    """From the report that reading has left, with lengths of rows outside of a range."""
    reading = catalogue.reading
    dropped = [
        DroppedRows(reason, rows.count, rows.first_rows, rows.examples)
        for reason, rows in sorted(
            reading.dropped.items(), key=lambda each: (-each[1].count, each[0])
        )
    ]
    outside = reading.outside_range
    if outside.count:
        dropped.append(
            DroppedRows(
                OUTSIDE, outside.count, outside.first_rows, _lengths_outside(catalogue, data)
            )
        )
    kept = {name: n for name, n in reading.counted.items() if not name.startswith("without ")}
    notes = {name: n for name, n in (*kept.items(), *reading.not_numbers.items()) if n}
    return RowFigures(reading.rows_read, reading.rows_kept, tuple(dropped), notes)


def _lengths_outside(catalogue: Catalogue, data: DataOptions) -> tuple[str, ...]:
    """Lengths of the first rows outside of the range, as numbers in the catalogue's unit."""
    rows = np.setdiff1d(catalogue.usable_rows, catalogue.stored_rows)[:EXAMPLES]
    lengths = catalogue.stored.pick_column(rows, "length").to_numpy()
    if data.unit_said() is None:  # stored in millimetres
        lengths = lengths / catalogue.unit.in_unit(MILLIMETRE)
    return tuple(f"{length:g}" for length in lengths.tolist())
