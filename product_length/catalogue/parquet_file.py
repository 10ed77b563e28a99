"""Parquet catalogues, read a few thousand rows at a time and brought to text."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from product_length.catalogue.raw_batch import (
    RawBatch,
    find_columns,
    first_undecodable,
    undecodable,
)
from product_length.errors import UserError
from product_length.shortage import memory_ran_out, out_of_memory

BATCH_ROWS = 16_384
_LARGEST_WHOLE = 2.0**63


def read_parquet(path: Path, wanted: dict[str, str]) -> Iterator[RawBatch]:
    """Rows of a Parquet file; `wanted` are the file's column names by key of data.columns."""
    try:
        file = pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
        schema = file.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    try:
        find_columns(path, wanted, schema.names)
        if not file.metadata.num_rows:
            raise UserError(f"{path}: the file holds columns but no rows")
        for key, name in wanted.items():
            _check_type(path, name, schema.field(name).type, number=key == "length")
    except UserError:
        file.close()
        raise
    return _read_rows(path, file, wanted)


def _read_rows(path: Path, file: pq.ParquetFile, wanted: dict[str, str]) -> Iterator[RawBatch]:
    first, total, size = 1, file.metadata.num_rows, path.stat().st_size
    with file:
        try:
            for batch in file.iter_batches(BATCH_ROWS, columns=list(wanted.values())):
                arrays = []
                for key, name in wanted.items():
                    convert = _length if key == "length" else _text
                    arrays.append(convert(batch.column(name), path, first, name))
                done = first - 1 + len(batch)
                rows = pa.RecordBatch.from_arrays(arrays, names=list(wanted))
                yield RawBatch(rows, first, size * done // total)
                first = done + 1
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from error


def _check_type(path: Path, name: str, kind: pa.DataType, *, number: bool) -> None:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if _is_bytes(kind) or _is_number(kind) or pa.types.is_null(kind):
        return
    raise UserError(
        f"{path}: column {name!r} holds {kind}; expected {'numbers' if number else 'text'}"
    )


def _is_bytes(kind: pa.DataType) -> bool:
    kinds = (pa.string(), pa.large_string(), pa.string_view())
    return kind in (*kinds, pa.binary(), pa.large_binary(), pa.binary_view())


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _text(values: pa.Array, path: Path, first_row: int, column: str) -> pa.StringArray:
    """Strings, "" where missing; whole numbers without a decimal point."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if _is_bytes(values.type):
        values = values.cast(pa.large_binary()).cast(pa.binary())
        index = first_undecodable(values)
        if index is not None:
            raise undecodable(path, first_row + index, column, values[index].as_py())
    elif pa.types.is_floating(values.type) or pa.types.is_decimal(values.type):
        values = values.cast(pa.float64(), safe=False)
        known = pc.is_finite(values)
        whole = pc.and_(pc.equal(values, pc.trunc(values)), pc.less(pc.abs(values), _LARGEST_WHOLE))
        digits = pc.if_else(whole, values, None).cast(pa.int64()).cast(pa.string())
        values = pc.if_else(known, pc.coalesce(digits, values.cast(pa.string())), None)
    return values.cast(pa.string()).fill_null("")


def _length(values: pa.Array, path: Path, first_row: int, column: str) -> pa.Array:
    """Numbers as float64, text as it stands; null where missing."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if _is_bytes(values.type):
        known = values.is_valid()
        return pc.if_else(known, _text(values, path, first_row, column), None)
    return values.cast(pa.float64(), safe=False)


def _damaged(path: Path, error: BaseException) -> UserError:
    if memory_ran_out(error):
        return out_of_memory(error)
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
    return UserError(f"{path}: is not a sound Parquet file ({reason}); write or fetch it again")
