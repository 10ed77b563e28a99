"""The columns of a table as the fields of products, a bounded number of rows at a time.

Strings come as they stand in the file, every row in order, whatever the size of the file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from product_length.catalogue.file_columns import FileColumns
from product_length.catalogue.stored_names import keep_column
from product_length.catalogue.text import join_texts
from product_length.tables.batch import TableBatch
from product_length.tables.config import TableOptions
from product_length.tables.open_table import open_table
from product_length.tables.table import ReadableTable


@dataclass(frozen=True)
class RawBatch:
    """Consecutive rows of a source, as they stand there.

    rows: columns product_id, title, bullet_points, description, product_type: string, "" where
    missing; length: string or float64 as the source has it, null where missing (absent when read
    without lengths); what is kept, string, see `keep_column`. numbers: by name, string or float64
    each (rows,), null where missing. categories: by name, string (rows,), "" where missing.
    decimal: the mark of decimals in strings that are numbers. first_row: the number of the first
    row; 1 = first data row. bytes_read: of the files on disk, so far.
    """

    rows: pa.RecordBatch
    numbers: Mapping[str, pa.Array]
    categories: Mapping[str, pa.StringArray]
    decimal: str
    first_row: int
    bytes_read: int


def read_products(
    table: ReadableTable, columns: FileColumns, block_bytes: int | None = None
) -> Iterator[RawBatch]:
    """Rows of a table in order, a bounded number at a time.

    A field without a column is read as empty, one of several columns as their texts joined by
    spaces; a product without an id column is called by the number of its row. `block_bytes` is how
    much CSV becomes one batch. Faults in the header or any row raise UserError naming file, row and
    column; the ones of the header at once, the others when they are reached.
    """
    columns.check(table.name, table.names)
    decimal = table.decimal(columns.as_numbers)
    batches = table.read(columns.as_text, columns.as_numbers, block_bytes)
    return (_assembled(batch, columns, decimal) for batch in batches)


def check_source(path: Path, columns: FileColumns, written: TableOptions) -> None:
    """Look at a table and its first rows, in milliseconds.

    Raises UserError unless it is there, can be read and has the columns and a row.
    """
    read_products(open_table(path, written), columns)


def _assembled(batch: TableBatch, columns: FileColumns, decimal: str) -> RawBatch:
    rows = len(batch)
    empty = pa.array([""] * rows, pa.string())

    def text(name: str | None) -> pa.StringArray:
        return empty if name is None else batch.text.column(name)

    fields = {"product_id": text(columns.product_id)}
    if columns.product_id is None:
        numbers = pa.array(range(batch.first_row, batch.first_row + rows), pa.int64())
        fields["product_id"] = numbers.cast(pa.string())
    for field, names in columns.fields.items():
        fields[field] = join_texts([text(name) for name in names] or [empty], " ")
    fields["product_type"] = text(columns.product_type)
    fields |= {keep_column(name): text(name) for name in columns.keep}
    if columns.length is not None:
        fields["length"] = batch.numbers.column(columns.length)
    unknown = pa.nulls(rows, pa.string())
    return RawBatch(
        rows=pa.RecordBatch.from_pydict(fields),
        numbers={
            key: unknown if name is None else batch.numbers.column(name)
            for key, name in columns.numbers.items()
        },
        categories={key: text(name) for key, name in columns.categories.items()},
        decimal=decimal,
        first_row=batch.first_row,
        bytes_read=batch.bytes_read,
    )
