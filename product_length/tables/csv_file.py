"""CSV files: pyarrow parses, this module finds the columns and names the faults."""

import csv
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pyarrow as pa
import pyarrow.csv

from product_length.errors import UserError
from product_length.tables.batch import TableBatch, as_batch
from product_length.tables.csv_faults import find_fault, quotes_are_sound, strict_rows
from product_length.tables.dialect import Dialect
from product_length.tables.source_file import unreadable
from product_length.tables.undecodable import first_undecodable, undecodable
from product_length.tables.utf8_file import open_utf8

# A block should fit the processor's cache: 1 MiB parses a third faster than 8 MiB.
BLOCK_BYTES = 1 << 20
LARGEST_ROW_BYTES = 64 << 20
"""A row that does not fit is taken for a quote that nobody closed."""
_SAVE_AS_UTF8 = "set data.encoding=cp1252 if the file is written so, or save it as UTF-8"


class CsvFile:
    """A CSV file whose header was read. Raises UserError for a fault of the header."""

    def __init__(self, path: Path, dialect: Dialect) -> None:
        self.path = path
        self._header = _read_header(path, dialect)
        self.names: tuple[str, ...] = tuple(self._header.names)
        self.has_rows = self._header.has_rows

    def read(
        self, text: Sequence[str], numbers: Sequence[str], block_bytes: int | None = None
    ) -> Iterator[TableBatch]:
        """Batches of rows, each of at most `block_bytes` of CSV; see `Table.read`."""
        wanted = {self.names.index(name): name for name in [*text, *numbers]}
        positions = list(wanted) or [0]  # rows are counted by a column
        for block in _read_rows(self.path, self._header, positions, block_bytes or BLOCK_BYTES):
            columns = dict(zip(wanted.values(), block.rows.columns, strict=False))
            yield TableBatch(
                as_batch(text, [columns[name] for name in text], len(block.rows)),
                as_batch(numbers, [columns[name] for name in numbers], len(block.rows)),
                block.first_row,
                block.bytes_read,
            )


@dataclass(frozen=True)
class _Header:
    names: list[str]
    records: int
    """Records up to and with the header, blank lines included."""
    dialect: Dialect
    has_rows: bool


@dataclass(frozen=True)
class _Block:
    """Consecutive rows of the wanted columns, in their order, by position."""

    rows: pa.RecordBatch
    first_row: int
    bytes_read: int


def _read_header(path: Path, dialect: Dialect) -> _Header:
    with strict_rows(path, LARGEST_ROW_BYTES, dialect) as reader:
        names: list[str] = []
        records = dialect.lines_before
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
            raise UserError(f"{path}: the header is not UTF-8 ({name!r}); {_SAVE_AS_UTF8}")
    return _Header(names, records, dialect, has_rows)


def _read_rows(
    path: Path, header: _Header, positions: list[int], block_bytes: int
) -> Iterator[_Block]:
    done = 0
    for size in (block_bytes, max(block_bytes, LARGEST_ROW_BYTES)):
        try:
            for batch in _parse(path, header, positions, size, pa.string()):
                last_row = batch.first_row + len(batch.rows) - 1
                if last_row > done:
                    rows = batch.rows.slice(done + 1 - batch.first_row)
                    yield _Block(rows, done + 1, batch.bytes_read)
                    done = last_row
            return
        except OSError as error:  # noqa: PERF203
            raise unreadable(path, error) from error
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error) or size >= LARGEST_ROW_BYTES:
                raise _explain(path, header, positions, size, error) from error


def _explain(
    path: Path, header: _Header, positions: list[int], block_bytes: int, error: Exception
) -> UserError:
    message = str(error).splitlines()[0]
    fault = None
    if "UTF8" in message:
        fault = _find_undecodable(path, header, positions, block_bytes)
    fault = fault or find_fault(path, len(header.names), LARGEST_ROW_BYTES, header.dialect)
    return fault or UserError(f"{path}: cannot be parsed as CSV: {message}")


def _parse(
    path: Path, header: _Header, positions: list[int], block_bytes: int, kind: pa.DataType
) -> Iterator[_Block]:
    wanted = [str(position) for position in positions]
    dialect = header.dialect
    rows, total = 0, path.stat().st_size
    # Another thread checks the quotes meanwhile; a broken one is reported before the rows end.
    with (
        open_utf8(path, dialect.encoding) as file,
        ThreadPoolExecutor(1) as checker,
        _set_at_the_end() as stop,  # by who has read enough
    ):
        quotes: Future[None] = checker.submit(_check_quotes, path, header, stop)
        # Through Python only where it must be: pyarrow takes a gzip file cut short for a whole one.
        source = pa.OSFile(str(path)) if file.is_plain else pa.PythonFile(file, mode="r")
        reader = pa.csv.open_csv(
            source,
            read_options=pa.csv.ReadOptions(
                block_size=block_bytes,
                column_names=[str(position) for position in range(len(header.names))],
                skip_rows_after_names=header.records,
            ),
            parse_options=pa.csv.ParseOptions(
                newlines_in_values=True,
                delimiter=dialect.separator,
                escape_char=dialect.escape or False,
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
                read = count * block_bytes if file.is_plain else file.position
                yield _Block(batch, rows + 1, min(read, total))
                rows += len(batch)
        quotes.result()
        file.warn_of_mixture()


@contextmanager
def _set_at_the_end() -> Iterator[Event]:
    event = Event()
    try:
        yield event
    finally:
        event.set()


def _check_quotes(path: Path, header: _Header, stop: Event) -> None:
    """Raise UserError where a quote is broken, which pyarrow lets pass; no further than `stop`."""
    if not quotes_are_sound(path, header.dialect, stop):
        fault = find_fault(path, len(header.names), LARGEST_ROW_BYTES, header.dialect)
        raise fault or UserError(f"{path}: a quote is broken; quote fields as RFC 4180 says")


def _find_undecodable(
    path: Path, header: _Header, positions: list[int], block_bytes: int
) -> UserError | None:
    for batch in _parse(path, header, positions, block_bytes, pa.binary()):
        faults = {
            place: index
            for place, values in enumerate(batch.rows.columns)
            if (index := first_undecodable(values)) is not None
        }
        if faults:
            place = min(faults, key=lambda place: faults[place])
            value = batch.rows.column(place)[faults[place]].as_py()
            column = header.names[positions[place]]
            row = batch.first_row + faults[place]
            return undecodable(path, row, column, value, _SAVE_AS_UTF8)
    return None
