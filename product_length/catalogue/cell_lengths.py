"""Lengths that each say their own unit, as in `30 cm`."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from product_length.catalogue.units import CatalogueUnit
from product_length.catalogue.validate import checked_lengths
from product_length.measurements.cells import read_cells

MILLIMETRE = CatalogueUnit.named("mm")


class CellReader:
    """Reads cells as millimetres, and counts in which units they are written."""

    def __init__(self) -> None:
        self._written: Counter[str] = Counter()

    def read(self, cells: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Lengths float64 (rows,), mm, and the code of each fault, as `validate.parse_lengths`.

        `cells`: string or float64 (rows,), null where missing; a mere number has no unit and is
        none.
        """
        cells = cells.cast(pa.string())
        blank = pc.equal(pc.utf8_trim_whitespace(cells), "").fill_null(True)
        lengths, units = read_cells(cells)
        self._written.update(units.drop_null().to_pylist())
        return checked_lengths(
            lengths, ~np.isnan(lengths), blank.to_numpy(zero_copy_only=False), MILLIMETRE
        )

    def usual_unit(self) -> str:
        """The unit of most cells; mm without any."""
        return max(self._written, key=self._written.__getitem__, default="mm")
