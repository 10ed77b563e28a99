"""CSV catalogues: pyarrow parses, this module finds the columns and names the faults."""

import csv
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from product_length.catalogue.content import HEAD_BYTES
from product_length.catalogue.csv_faults import find_fault, quotes_are_sound, strict_rows
from product_length.catalogue.raw_batch import (
    RawBatch,
    find_columns,
    first_undecodable,
    undecodable,
)
from product_length.catalogue.source_file import SourceFile, check_packed, unreadable
from product_length.errors import UserError

# A block should fit the processor's cache: 1 MiB parses a third faster than 8 MiB.
BLOCK_BYTES = 1 << 20
LARGEST_ROW_BYTES = 64 << 20
"""A row that does not fit is taken for a quote that nobody closed."""


@dataclass(frozen=True)
class _Header:
    names: list[str]
    records: int
    """Records up to and with the header, blank lines included."""
    escape: str | None
    """The character that takes the meaning from the one after it, if there is one."""


def read_csv(
    path: Path, wanted: dict[str, str], escape: str | None = None, block_bytes: int | None = None
) -> Iterator[RawBatch]:
    """Rows of a CSV file; the arguments as in `reader.read_batches`."""
    header = _read_header(path, escape)
    positions = find_columns(path, wanted, header.names)
    return _read_rows(path, header, positions, block_bytes or BLOCK_BYTES)


def csv_columns(path: Path, escape: str | None) -> list[str]:
    """Names of a CSV file's columns, in its order. Raises UserError for a fault of its header."""
    return _read_header(path, escape).names


def _read_header(path: Path, escape: str | None) -> _Header:
    with SourceFile(path) as file:
        check_packed(path, file.read(HEAD_BYTES))
    with strict_rows(path, LARGEST_ROW_BYTES, escape) as reader:
        names: list[str] = []
        records = 0
        try:
            while not names:
                names = next(reader)
                records += 1
        except StopIteration:
            raise UserError(f"{path}: the file holds only blank lines; expected a header") from None
        except csv.Error as error:
            raise UserError(f"{path}: the header is broken ({error}); fix line 1") from error
        try:
            has_rows = any(reader)
        except csv.Error:
            has_rows = True  # a broken one: reported with its number when the rows are read
    for name in names:
        if not name.isprintable() and any("\udc80" <= letter <= "\udcff" for letter in name):
            raise UserError(f"{path}: the header is not UTF-8 ({name!r}); save the file as UTF-8")
    if not has_rows:
        raise UserError(f"{path}: the file holds a header but no rows")
    return _Header(names, records, escape)


def _read_rows(
    path: Path, header: _Header, positions: dict[str, int], block_bytes: int
) -> Iterator[RawBatch]:
    done = 0
    for size in (block_bytes, max(block_bytes, LARGEST_ROW_BYTES)):
        try:
            for batch in _parse(path, header, positions, size, pa.string()):
                last_row = batch.first_row + len(batch.rows) - 1
                if last_row > done:
                    rows = batch.rows.slice(done + 1 - batch.first_row)
                    yield RawBatch(rows, done + 1, batch.bytes_read)
                    done = last_row
            return
        except OSError as error:  # noqa: PERF203
            raise unreadable(path, error) from error
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error) or size >= LARGEST_ROW_BYTES:
                raise _explain(path, header, positions, size, error) from error


def _explain(
    path: Path, header: _Header, positions: dict[str, int], block_bytes: int, error: Exception
) -> UserError:
    message = str(error).splitlines()[0]
    fault = None
    if "UTF8" in message:
        fault = _find_undecodable(path, header, positions, block_bytes)
    fault = fault or find_fault(path, len(header.names), LARGEST_ROW_BYTES, header.escape)
    return fault or UserError(f"{path}: cannot be parsed as CSV: {message}")


def _parse(
    path: Path, header: _Header, positions: dict[str, int], block_bytes: int, kind: pa.DataType
) -> Iterator[RawBatch]:
    wanted = [str(position) for position in positions.values()]
    rows = 0
    # Another thread checks the quotes meanwhile; a broken one is reported before the rows end.
    with SourceFile(path) as file, ThreadPoolExecutor(1) as checker:
        quotes: Future[None] = checker.submit(_check_quotes, path, header)
        # Through Python only where it must be: pyarrow takes a gzip file cut short for a whole one.
        source = pa.PythonFile(file, mode="r") if file.is_compressed else pa.OSFile(str(path))
        reader = pa.csv.open_csv(
            source,
            read_options=pa.csv.ReadOptions(
                block_size=block_bytes,
                column_names=[str(position) for position in range(len(header.names))],
                skip_rows_after_names=header.records,
            ),
            parse_options=pa.csv.ParseOptions(
                newlines_in_values=True, escape_char=header.escape or False
            ),
            convert_options=pa.csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, kind),
            ),
        )
        with source, reader:
            for count, batch in enumerate(reader, start=1):
                if quotes.done():
                    quotes.result()
                named = pa.RecordBatch.from_arrays(batch.columns, names=list(positions))
                read = file.position if file.is_compressed else count * block_bytes
                yield RawBatch(named, rows + 1, min(read, file.size))
                rows += len(batch)
        quotes.result()


def _check_quotes(path: Path, header: _Header) -> None:
    """Raise UserError where a quote is broken, which pyarrow lets pass."""
    if not quotes_are_sound(path, header.escape):
        fault = find_fault(path, len(header.names), LARGEST_ROW_BYTES, header.escape)
        raise fault or UserError(f"{path}: a quote is broken; quote fields as RFC 4180 says")


def _find_undecodable(
    path: Path, header: _Header, positions: dict[str, int], block_bytes: int
) -> UserError | None:
    for batch in _parse(path, header, positions, block_bytes, pa.binary()):
        faults = {
            key: index
            for key, values in zip(batch.rows.schema.names, batch.rows.columns, strict=True)
            if (index := first_undecodable(values)) is not None
        }
        if faults:
            key = min(faults, key=lambda name: faults[name])
            value = batch.rows.column(key)[faults[key]].as_py()
            column = header.names[positions[key]]
            return undecodable(path, batch.first_row + faults[key], column, value)
    return None
