"""The type that a table's columns have in its file, where the format has types."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from product_length.tables.batch import TableBatch
from product_length.tables.config import TableOptions
from product_length.tables.content import PARQUET, content_of
from product_length.tables.open_table import open_table

_NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$"
"""A number that is written as JSON has it: nothing but a number is lost by reading it as one."""
_WHOLE = r"^-?(0|[1-9]\d*)$"


def column_types(
    path: Path, texts: Mapping[str, pa.ChunkedArray], written: TableOptions
) -> dict[str, pa.DataType]:
    """The types of columns in a file, string where it has none, as in CSV.

    `texts`: what was read of each column, string (rows,), "" where missing; one that cannot be
    brought back to its type is string. Of JSON and workbooks only numbers are told from texts.
    Raises UserError for a fault of the file.
    """
    if not texts:
        return {}
    table = open_table(path, written)
    are_parquet = [content_of(file) is PARQUET for file in table.files]
    if all(are_parquet):
        types = _parquet_types(table.files, list(texts))
        return {
            name: types[name] if _can_be(column, types[name]) else pa.string()
            for name, column in texts.items()
        }
    numbers = set() if any(are_parquet) else _numbers(table.read([], list(texts)))
    return {
        name: _number_type(column) if name in numbers else pa.string()
        for name, column in texts.items()
    }


def as_type(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """Strings (rows,) as values of a type, null where they are ""."""
    missing = pa.scalar(None, pa.string())
    return pc.if_else(pc.equal(texts, ""), missing, texts).cast(kind)


def _parquet_types(files: Sequence[Path], names: Sequence[str]) -> dict[str, pa.DataType]:
    schemas = [pq.read_schema(file) for file in files]
    types = {}
    for name in names:
        kinds = {_plain(schema.field(name).type) for schema in schemas}
        types[name] = kinds.pop() if len(kinds) == 1 else pa.string()
    return types


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type of a column's values; string for those of a library's own types."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.string() if isinstance(kind, pa.BaseExtensionType) else kind


def _can_be(column: pa.ChunkedArray, kind: pa.DataType) -> bool:
    try:
        for chunk in column.chunks:
            as_type(chunk, kind)
    except pa.ArrowException:
        return False
    return True


def _numbers(batches: Iterator[TableBatch]) -> set[str]:
    """The columns whose first values are numbers in the file."""
    found: dict[str, bool] = {}
    with contextlib.closing(batches):  # type: ignore[type-var]
        for batch in batches:
            columns = dict(zip(batch.numbers.schema.names, batch.numbers.columns, strict=True))
            for name, values in columns.items():
                has_numbers = pa.types.is_floating(values.type)
                if name not in found and (not has_numbers or values.null_count < len(values)):
                    found[name] = has_numbers
            if len(found) == len(columns):
                break
    return {name for name, has_numbers in found.items() if has_numbers}


def _number_type(column: pa.ChunkedArray) -> pa.DataType:
    """Of cells that are numbers in the file's first rows."""
    if all(_match(chunk, _WHOLE) for chunk in _filled(column)):
        return pa.int64() if _can_be(column, pa.int64()) else pa.string()
    is_number = all(_match(chunk, _NUMBER) for chunk in _filled(column))
    return pa.float64() if is_number else pa.string()


def _filled(column: pa.ChunkedArray) -> Iterator[pa.Array]:
    return (chunk.filter(pc.not_equal(chunk, "")) for chunk in column.chunks)


def _match(texts: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(texts, pattern), min_count=0).as_py())
