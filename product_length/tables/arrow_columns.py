"""The columns of Arrow data, in a file or in memory, brought to text or to numbers."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from product_length.errors import UserError
from product_length.tables.undecodable import first_undecodable, undecodable

BATCH_ROWS = 16_384
_LARGEST_WHOLE = 2.0**63
_SAVE = "write its strings as UTF-8"


def check_type(table: Path | str, name: str, kind: pa.DataType, *, number: bool) -> None:
    """Raise UserError unless a column of that type can be read as text, or as numbers.

    `table`: what it is called in messages.
    """
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if _is_bytes(kind) or is_number(kind) or pa.types.is_null(kind):
        return
    if not number and any(is_one(kind) for is_one in _OTHER_TEXTS):
        return
    raise UserError(
        f"{table}: column {name!r} holds {kind}; expected {'numbers' if number else 'text'}"
    )


_OTHER_TEXTS = (
    pa.types.is_boolean,
    pa.types.is_date,
    pa.types.is_time,
    pa.types.is_timestamp,
)
"""Kinds that are no numbers, but have one usual spelling: true, 2024-12-31, 23:59:59."""


def _is_bytes(kind: pa.DataType) -> bool:
    kinds = [pa.string(), pa.large_string(), pa.string_view()]
    kinds += [pa.binary(), pa.large_binary(), pa.binary_view()]
    return kind in kinds or bool(pa.types.is_fixed_size_binary(kind))


def is_number(kind: pa.DataType) -> bool:
    """Whether values of a type are numbers."""
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def text_of(values: pa.Array, table: Path | str, first_row: int, column: str) -> pa.StringArray:
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
            raise undecodable(table, first_row + index, column, values[index].as_py(), _SAVE)
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


def numbers_of(values: pa.Array, table: Path | str, first_row: int, column: str) -> pa.Array:
    """Numbers as float64, text as it stands; null where missing."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if isinstance(values.type, pa.BaseExtensionType):
        values = values.storage
    if _is_bytes(values.type):
        known = values.is_valid()
        return pc.if_else(known, text_of(values, table, first_row, column), None)
    return values.cast(pa.float64(), safe=False)
