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


def parquet_columns(path: Path) -> list[str]:
    """Names of a Parquet file's columns, in its order. Raises UserError when it is damaged."""
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


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
    """Raise UserError unless the column can be read as text, or as numbers."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if _is_bytes(kind) or _is_number(kind) or pa.types.is_null(kind):
        return
    if not number and any(is_one(kind) for is_one in _OTHER_TEXTS):
        return
    raise UserError(
        f"{path}: column {name!r} holds {kind}; expected {'numbers' if number else 'text'}"
    )


_OTHER_TEXTS = (
    pa.types.is_boolean,
    pa.types.is_date,
    pa.types.is_time,
    pa.types.is_timestamp,
)
"""Kinds that are no lengths, but have one usual spelling: true, 2024-12-31, 23:59:59."""


def _is_bytes(kind: pa.DataType) -> bool:
    kinds = [pa.string(), pa.large_string(), pa.string_view()]
    kinds += [pa.binary(), pa.large_binary(), pa.binary_view()]
    return kind in kinds or bool(pa.types.is_fixed_size_binary(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _text(values: pa.Array, path: Path, first_row: int, column: str) -> pa.StringArray:
    """Strings, "" where missing. No digit is lost: a number's text reads back as the number."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if values.type == pa.uuid():
        values = pa.array([value and str(value) for value in values.to_pylist()], pa.string())
    elif isinstance(values.type, pa.BaseExtensionType):
        values = values.storage
    if _is_bytes(values.type):
        values = values.cast(pa.large_binary()).cast(pa.binary())
        index = first_undecodable(values)
        if index is not None:
            raise undecodable(path, first_row + index, column, values[index].as_py())
    elif pa.types.is_floating(values.type):
        values = _float_text(values)
    elif pa.types.is_decimal(values.type):
        values = _decimal_text(values)
    return values.cast(pa.string()).fill_null("")


def _float_text(values: pa.FloatingPointArray) -> pa.StringArray:
    """Whole numbers as digits without a point, others as the shortest text; nan is missing."""
    doubles = values.cast(pa.float64())
    texts = values.cast(pa.string())
    if pa.types.is_float16(values.type):  # of which pyarrow writes too many digits
        texts = pa.array(values.to_numpy(zero_copy_only=False).astype(str))
    whole = pc.and_(pc.equal(doubles, pc.trunc(doubles)), pc.less(pc.abs(doubles), _LARGEST_WHOLE))
    digits = pc.if_else(whole, doubles, None).cast(pa.int64()).cast(pa.string())
    return pc.if_else(pc.is_nan(doubles), None, pc.coalesce(digits, texts))


def _decimal_text(values: pa.Array) -> pa.StringArray:
    """All digits, with as many after the point as the column has."""
    texts = values.cast(pa.string())
    tiny = pc.match_substring(texts, "E")  # 1E-9
    if pc.any(tiny).as_py():
        plain = [value if value is None else f"{value:f}" for value in values.to_pylist()]
        texts = pa.array(plain, pa.string())
    return texts


def _length(values: pa.Array, path: Path, first_row: int, column: str) -> pa.Array:
    """Numbers as float64, text as it stands; null where missing."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if isinstance(values.type, pa.BaseExtensionType):
        values = values.storage
    if _is_bytes(values.type):
        known = values.is_valid()
        return pc.if_else(known, _text(values, path, first_row, column), None)
    return values.cast(pa.float64(), safe=False)


def _damaged(path: Path, error: BaseException) -> UserError:
    if memory_ran_out(error):
        return out_of_memory(error)
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
    return UserError(f"{path}: is not a sound Parquet file ({reason}); write or fetch it again")
