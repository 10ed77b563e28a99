"""What is wrong with a CSV file: its quotes, checked always, and the row at fault."""

import contextlib
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from product_length.errors import UserError
from product_length.tables.dialect import Dialect, separator_words
from product_length.tables.utf8_file import open_utf8

# Small enough that the arrays stay in the processor's cache.
_BLOCK_BYTES = 1 << 18
_QUOTE = ord('"')
SET_ESCAPE = 'set data.escape="\\\\"'
_PLAIN = ord("x")  # stands for a byte that separates nothing


@contextlib.contextmanager
def strict_rows(path: Path, largest_field: int, dialect: Dialect) -> Iterator[Any]:
    """A strict `csv.reader` over the file; bytes that are not UTF-8 become lone surrogates."""
    limit = csv.field_size_limit(largest_field)
    try:
        with (
            open_utf8(path, dialect.encoding) as file,
            io.TextIOWrapper(
                io.BufferedReader(file), encoding="utf-8-sig", errors="surrogateescape", newline=""
            ) as text,
        ):
            yield _Rows(text, dialect)
    finally:
        csv.field_size_limit(limit)


class _Rows:
    """Records of a strict `csv.reader`, and whether the last one holds a backslash and a quote."""

    def __init__(self, text: io.TextIOWrapper, dialect: Dialect) -> None:
        self._lines = text
        self._lines_before = len([text.readline() for _ in range(dialect.lines_before)])
        self._reader = csv.reader(
            self._plain_lines(),
            strict=True,
            delimiter=dialect.separator,
            escapechar=dialect.escape,
        )
        self.has_backslash_quote = False

    @property
    def line_num(self) -> int:
        """Lines read so far."""
        return self._lines_before + self._reader.line_num

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        self.has_backslash_quote = False
        return next(self._reader)

    def _plain_lines(self) -> Iterator[str]:
        for line in self._lines:
            self.has_backslash_quote |= '\\"' in line
            # Python 3.10 refuses NUL, which is no fault of the file's structure.
            yield line.replace("\0", " ")


def find_fault(path: Path, fields: int, largest_field: int, dialect: Dialect) -> UserError | None:
    """The first row that is not sound CSV with `fields` fields, or None."""
    row = line = 0
    marks = separator_words(dialect.separator)
    with strict_rows(path, largest_field, dialect) as reader:
        try:
            for row, record in enumerate((record for record in reader if record), start=0):
                if len(record) != fields:
                    return UserError(
                        f"{path}: row {row} (line {line + 1}): {len(record)} fields where the "
                        f"header has {fields}; quote the fields that hold {marks} or line breaks"
                        f"{_escape_hint(reader, dialect.escape)}"
                    )
                line = reader.line_num
        except csv.Error as error:
            if "expected after" in str(error):
                fault = "text after a closing quote; write a quote inside a quoted field twice"
            elif "limit" in str(error):
                fault = f"a field longer than {largest_field >> 20} MiB; close its quote"
            elif "end of data" in str(error):
                fault = "a quoted field that is never closed; close it or double its quote"
            else:
                fault = f"{error}; fix it"
            hint = _escape_hint(reader, dialect.escape)
            return UserError(f"{path}: row {row + 1} (line {line + 1}): {fault}{hint}")
    return None


def _escape_hint(reader: _Rows, escape: str | None) -> str:
    if escape is not None or not reader.has_backslash_quote:
        return ""
    return f"; it has a backslash before a quote: if the file is written so, {SET_ESCAPE}"


def quotes_are_sound(path: Path, dialect: Dialect, stop: Event | None = None) -> bool:
    """Whether each quoted field is closed, and followed by a separator or the end of its row.

    What comes after `stop` was set counts as sound.

    A quote inside a quoted field is doubled or stands after the escape; in a field that is not
    quoted it is text. pyarrow reads on where this is false.
    """
    check = _QuoteCheck(dialect)
    with open_utf8(path, dialect.encoding) as file:
        size = file.readinto(check.block[1:])
        # A mark of UTF-8 stands before the first field, which may be quoted, as a line end does.
        if bytes(check.block[1:4]) == b"\xef\xbb\xbf":
            check.block[1:4] = b"\n\n\n"
        while size:
            if not check.next_block(size):
                return False
            if stop is not None and stop.is_set():
                return True
            size = file.readinto(check.block[1:])
    return not (check.inside or check.cut_escape or check.escaped_line_end)


class _QuoteCheck:
    """Follows the quotes of a file block by block.

    A block in which each quote opens a field, closes one or is half of a doubled one, as in most,
    is checked as a whole, and so is one of which no quote opens a field; others quote by quote.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._beside = b'"\r\n' + dialect.separator.encode()  # what may stand beside a quoted field
        self._before = self._beside[1:]
        self._is_beside = np.zeros(256, dtype=bool)
        self._is_beside[list(self._beside)] = True
        self._buffer = bytearray(b"\n" * (1 + _BLOCK_BYTES))
        self._bytes = np.frombuffer(self._buffer, dtype=np.uint8)
        self.block = memoryview(self._buffer)
        """The byte before the block, then the block."""
        self.inside = False
        """Whether the block ends inside a quoted field."""
        self._closed_last = False  # whether the byte before the block closed a field
        self._is_quote = np.empty(_BLOCK_BYTES, dtype=bool)
        self._escape = (dialect.escape or "").encode()
        self._escaped = re.compile(re.escape(self._escape) + rb".", re.DOTALL)
        self.cut_escape = False
        """Whether the block ends in an escape, which stands before the next block's first byte."""
        self.escaped_line_end = False
        """Whether the block ends in a line end that ends no row."""

    def next_block(self, size: int) -> bool:
        """Whether the quotes in the next `size` bytes, which `block` holds, are sound so far."""
        block = self._bytes[: size + 1]
        if self._escape:
            self._blank_escaped(block)
        if self._closed_last and not self._is_beside[block[1]]:
            return False
        sound = True
        if self._buffer.find(b'"', 1, size + 1) < 0:
            self._closed_last = False
        else:
            np.equal(block[1:], _QUOTE, out=self._is_quote[:size])
            quotes = np.flatnonzero(self._is_quote[:size]) + 1
            sound = (
                self._all_paired(block, quotes)
                or self._none_opens(block, quotes)
                or self._each_sound(block, quotes.tolist())
            )
        # A quote that neither opened nor closed a field is text: the next one is not its double.
        text = block[size] == _QUOTE and not (self.inside or self._closed_last)
        block[0] = _PLAIN if text else block[size]
        return sound

    def _all_paired(self, block: NDArray[np.uint8], quotes: NDArray[np.intp]) -> bool:
        opening, closing = quotes[int(self.inside) :: 2], quotes[1 - int(self.inside) :: 2]
        closed_last = bool(len(closing)) and int(closing[-1]) == len(block) - 1
        after = block[closing[: len(closing) - closed_last] + 1]
        if not (self._is_beside[block[opening - 1]].all() and self._is_beside[after].all()):
            return False
        self.inside ^= bool(len(quotes) % 2)
        self._closed_last = closed_last
        return True

    def _none_opens(self, block: NDArray[np.uint8], quotes: NDArray[np.intp]) -> bool:
        may_open = self.inside or self._closed_last or self._is_beside[block[quotes - 1]].any()
        return not may_open

    def _each_sound(self, block: NDArray[np.uint8], quotes: list[int]) -> bool:
        content = block.tobytes()
        closed = 0 if self._closed_last else -1  # where the last field was closed
        for at in quotes:
            if self.inside:
                if at + 1 < len(content) and content[at + 1] not in self._beside:
                    return False
                self.inside, closed = False, at
            else:
                self.inside = closed == at - 1 or content[at - 1] in self._before
        self._closed_last = not self.inside and closed == len(content) - 1
        return True

    def _blank_escaped(self, block: NDArray[np.uint8]) -> None:
        """Put plain text in the place of each escape and the byte after it."""
        last = block[-1]
        if self.cut_escape:
            block[1] = _PLAIN
        content = block[1:].tobytes()
        self.cut_escape = (len(content) - len(content.rstrip(self._escape))) % 2 == 1
        blank = self._escaped.sub(bytes([_PLAIN, _PLAIN]), content)
        block[1:] = np.frombuffer(blank, dtype=np.uint8)
        self.escaped_line_end = last in b"\r\n" and block[-1] != last
