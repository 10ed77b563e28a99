"""Streaming reader of catalogues: CSV (plain, gzip, zip) and Parquet, in batches of rows.

Strings come as they stand in the file, every row in order, whatever the size of the file.
"""

from collections.abc import Iterator
from pathlib import Path

from product_length.catalogue.config import Columns
from product_length.catalogue.csv_file import read_csv
from product_length.catalogue.parquet_file import read_parquet
from product_length.catalogue.raw_batch import RawBatch
from product_length.catalogue.source_file import check_file, is_parquet

__all__ = ["RawBatch", "read_batches"]


def read_batches(
    path: Path, columns: Columns, *, with_lengths: bool, block_bytes: int | None = None
) -> Iterator[RawBatch]:
    """Rows of a catalogue in order, a bounded number at a time.

    `with_lengths=False` neither needs nor reads the length column. `block_bytes` is how much CSV
    becomes one batch. Faults in the file, its header or any row raise UserError naming file, row
    and column; the ones of the file and its header at once, the others when they are reached.
    """
    check_file(path)
    names = columns.model_dump()
    if not with_lengths:
        del names["length"]
    if is_parquet(path):
        return read_parquet(path, names)
    return read_csv(path, names, block_bytes)
