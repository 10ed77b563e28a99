"""CSV catalogues: pyarrow parses, this module finds the columns and names the faults."""

import csv
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from product_length.catalogue.csv_faults import find_fault, quotes_are_paired, strict_rows
from product_length.catalogue.raw_batch import (
    RawBatch,
    find_columns,
    first_undecodable,
    undecodable,
)
from product_length.catalogue.source_file import SourceFile, unreadable
from product_length.errors import UserError

# A block should fit the processor's cache: 1 MiB parses a third faster than 8 MiB.
BLOCK_BYTES = 1 << 20
_CARRIAGE_RETURN = ord("\r")
_LINE_ENDS = np.frombuffer(b"\r\n", dtype=np.uint8)
LARGEST_ROW_BYTES = 64 << 20
"""A row that does not fit is taken for a quote that nobody closed."""


@dataclass(frozen=True)
class _Header:
    names: list[str]
    records: int
    """Records up to and with the header, blank lines included."""
    lines: int
    """Lines that these records take."""


def read_csv(
    path: Path, wanted: dict[str, str], block_bytes: int | None = None
) -> Iterator[RawBatch]:
    """Rows of a CSV file; the arguments as in `reader.read_batches`."""
    header = _read_header(path)
    positions = find_columns(path, wanted, header.names)
    return _read_rows(path, header, positions, block_bytes or BLOCK_BYTES)


def csv_columns(path: Path) -> list[str]:
    """Names of a CSV file's columns, in its order. Raises UserError for a fault of its header."""
    return _read_header(path).names


def _read_header(path: Path) -> _Header:
    with SourceFile(path) as file:
        start = file.read(4)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError(f"{path}: the file is UTF-16; save it as UTF-8")
    if start.startswith(b"PAR1"):
        raise UserError(f"{path}: the file is Parquet; end its name with .parquet")
    with strict_rows(path, LARGEST_ROW_BYTES) as reader:
        names: list[str] = []
        records = 0
        try:
            while not names:
                names = next(reader)
                records += 1
        except StopIteration:
            raise UserError(f"{path}: the file holds only blank lines; expected a header") from None
        except csv.Error as error:
            raise UserError(f"{path}: the header is broken ({error}); mend line 1") from error
        lines = reader.line_num
        try:
            has_rows = any(reader)
        except csv.Error:
            has_rows = True  # a broken one: told with its number when the rows are read
    for name in names:
        if not name.isprintable() and any("\udc80" <= letter <= "\udcff" for letter in name):
            raise UserError(f"{path}: the header is not UTF-8 ({name!r}); save the file as UTF-8")
    if not has_rows:
        raise UserError(f"{path}: the file holds a header but no rows")
    return _Header(names, records, lines)


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
    fault = fault or find_fault(path, len(header.names), LARGEST_ROW_BYTES)
    return fault or UserError(f"{path}: cannot be parsed as CSV: {message}")


def _parse(
    path: Path, header: _Header, positions: dict[str, int], block_bytes: int, kind: pa.DataType
) -> Iterator[RawBatch]:
    wanted = [str(position) for position in positions.values()]
    quotes: Future[None] | None = None
    rows = 0
    # Another thread checks the quotes meanwhile; a broken one is told before the rows end.
    with SourceFile(path) as file, ThreadPoolExecutor(1) as checker:
        # Through Python only where it must be: pyarrow takes a gzip file cut short for a whole one.
        source = pa.PythonFile(file, mode="r") if file.is_compressed else pa.OSFile(str(path))
        reader = pa.csv.open_csv(
            source,
            read_options=pa.csv.ReadOptions(
                block_size=block_bytes,
                column_names=[str(position) for position in range(len(header.names))],
                skip_rows_after_names=header.records,
            ),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, kind),
            ),
        )
        with source, reader:
            for count, batch in enumerate(reader, start=1):
                if quotes is None and (len(wanted) < len(header.names) or _has_newline(batch)):
                    quotes = checker.submit(_check_quotes, path, header)
                if quotes is not None and quotes.done():
                    quotes.result()
                named = pa.RecordBatch.from_arrays(batch.columns, names=list(positions))
                read = file.position if file.is_compressed else count * block_bytes
                yield RawBatch(named, rows + 1, min(read, file.size))
                rows += len(batch)
        if quotes is not None:
            quotes.result()
        elif not file.ends_with_newline():
            _check_quotes(path, header)


def _has_newline(batch: pa.RecordBatch) -> bool:
    """Whether a value may have swallowed the start of another row."""
    for column in batch.columns:
        values = np.frombuffer(column.buffers()[2] or b"", dtype=np.uint8)
        # The least byte is found several times faster than a newline.
        if values.min(initial=255) <= _CARRIAGE_RETURN and np.isin(values, _LINE_ENDS).any():
            return True
    return False


def _check_quotes(path: Path, header: _Header) -> None:
    """Raise UserError where a broken quote hides rows in a field, which pyarrow lets pass."""
    if not quotes_are_paired(path):
        fault = find_fault(path, len(header.names), LARGEST_ROW_BYTES)
        if fault:
            raise fault


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
