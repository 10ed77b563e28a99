"""Parquet files, read a few thousand rows at a time and brought to text."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from product_length.errors import UserError
from product_length.shortage import memory_ran_out, out_of_memory
from product_length.tables.batch import TableBatch, as_batch
from product_length.tables.undecodable import first_undecodable, undecodable

BATCH_ROWS = 16_384
_LARGEST_WHOLE = 2.0**63
_SAVE = "write its strings as UTF-8"


class ParquetFile:
    """A Parquet file whose columns are known. Raises UserError when it is damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with pq.ParquetFile(path) as file:
                self._schema = file.schema_arrow
                self._rows = file.metadata.num_rows
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from error
        self.names: tuple[str, ...] = tuple(self._schema.names)
        self.has_rows = self._rows > 0

    def read(
        self, text: Sequence[str], numbers: Sequence[str], block_bytes: int | None = None
    ) -> Iterator[TableBatch]:
        """Batches of at most BATCH_ROWS rows; see `Table.read`. `block_bytes` changes nothing."""
        del block_bytes
        for names, number in ((text, False), (numbers, True)):
            for name in names:
                _check_type(self.path, name, self._schema.field(name).type, number=number)
        return self._batches(text, numbers)

    def _batches(self, text: Sequence[str], numbers: Sequence[str]) -> Iterator[TableBatch]:
        path, first, size = self.path, 1, self.path.stat().st_size
        try:
            with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
                wanted = list(dict.fromkeys([*text, *numbers]))
                for batch in file.iter_batches(BATCH_ROWS, columns=wanted):
                    done = first - 1 + len(batch)
                    texts = [_text(batch.column(name), path, first, name) for name in text]
                    known = [_number(batch.column(name), path, first, name) for name in numbers]
                    yield TableBatch(
                        as_batch(text, texts, len(batch)),
                        as_batch(numbers, known, len(batch)),
                        first,
                        size * done // self._rows,
                    )
                    first = done + 1
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from error


def _check_type(path: Path, name: str, kind: pa.DataType, *, number: bool) -> None:
    """Raise UserError unless the column can be read as text, or as numbers."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if _is_bytes(kind) or is_number(kind) or pa.types.is_null(kind):
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
            raise undecodable(path, first_row + index, column, values[index].as_py(), _SAVE)
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


def _number(values: pa.Array, path: Path, first_row: int, column: str) -> pa.Array:
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
