"""Streaming reader of catalogues: CSV (plain, gzip, zip) and Parquet, in batches of rows.

Strings come as they stand in the file, every row in order, whatever the size of the file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from product_length.catalogue.config import Columns
from product_length.catalogue.csv_file import csv_columns, read_csv
from product_length.catalogue.parquet_file import parquet_columns, read_parquet
from product_length.catalogue.raw_batch import RawBatch
from product_length.catalogue.source_file import check_file, is_parquet

__all__ = ["RawBatch", "check_source", "read_batches", "read_column_names"]


def read_column_names(path: Path, escape: str | None = None) -> list[str]:
    """Names of a file's columns, in its order; `escape` as in `read_batches`.

    Raises UserError for a fault of the file or its header.
    """
    check_file(path)
    return parquet_columns(path) if is_parquet(path) else csv_columns(path, escape)


def read_batches(
    path: Path,
    columns: Columns,
    *,
    with_lengths: bool,
    escape: str | None = None,
    block_bytes: int | None = None,
) -> Iterator[RawBatch]:
    """Rows of a catalogue in order, a bounded number at a time.

    A column without a name is read as empty. `with_lengths=False` neither needs nor reads the
    length column. `escape` is the character that CSV writes before a quote inside a quoted field,
    where it does not double it. `block_bytes` is how much CSV becomes one batch. Faults in the
    file, its header or any row raise UserError naming file, row and column; the ones of the file
    and its header at once, the others when they are reached.
    """
    check_file(path)
    names = columns.model_dump()
    if not with_lengths:
        del names["length"]
    wanted = {key: name for key, name in names.items() if name is not None}
    if is_parquet(path):
        batches = read_parquet(path, wanted)
    else:
        batches = read_csv(path, wanted, escape, block_bytes)
    return batches if len(wanted) == len(names) else _completed(batches, list(names))


def check_source(
    path: Path, columns: Columns, *, with_lengths: bool, escape: str | None = None
) -> None:
    """Look at a file and its header, in milliseconds; the arguments as in `read_batches`.

    Raises UserError unless the file is there, can be read, is what its name says and has the
    columns and a row.
    """
    read_batches(path, columns, with_lengths=with_lengths, escape=escape)


def _completed(batches: Iterator[RawBatch], keys: Sequence[str]) -> Iterator[RawBatch]:
    """The batches with an empty column for each of `keys` that they lack."""
    for batch in batches:
        empty = pa.array([""] * len(batch.rows), pa.string())
        there = dict(zip(batch.rows.schema.names, batch.rows.columns, strict=True))
        rows = pa.RecordBatch.from_arrays([there.get(key, empty) for key in keys], names=list(keys))
        yield replace(batch, rows=rows)
