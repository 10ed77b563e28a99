"""A batch of a table's rows, as they stand in the file."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class TableBatch:
    """Consecutive rows of a table."""

    text: pa.RecordBatch
    """The columns asked for as text: string, "" where missing."""
    numbers: pa.RecordBatch
    """The columns asked for as numbers: float64 where the file has numbers, else string as it
    stands; null where missing, or "" as CSV has it."""
    first_row: int
    """Number of the first row; 1 = first data row of the table."""
    bytes_read: int
    """Bytes on disk read so far, for a progress bar."""

    def __len__(self) -> int:
        return len(self.text) or len(self.numbers)


def as_batch(names: Sequence[str], columns: Sequence[pa.Array], rows: int) -> pa.RecordBatch:
    """A batch of named columns, and with so many rows where there is no column."""
    if columns:
        return pa.RecordBatch.from_arrays(list(columns), names=list(names))
    return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))
