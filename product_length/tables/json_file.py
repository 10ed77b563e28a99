"""JSON: one object a line, or an array of objects."""

import io
import json
import logging
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from product_length.errors import UserError
from product_length.tables.batch import TableBatch, as_batch
from product_length.tables.cells import Cell, number_column, text_column, text_of
from product_length.tables.dialect import UTF8
from product_length.tables.utf8_file import open_utf8

log = logging.getLogger(__name__)

BATCH_ROWS = 4096
HEADER_ROWS = 5000
"""The keys of so many rows are the columns."""
_LARGEST_ARRAY = 1 << 30
_SHOWN = 5
_EXPECTED = "expected one object a line (JSON Lines), or an array of objects"

Row = dict[str, Any]


class JsonFile:
    """A file of objects, whose keys may differ; `parent.child` is the key of one within another.

    Raises UserError unless its first rows are objects.
    """

    def __init__(self, path: Path, encoding: str = UTF8) -> None:
        self.path = path
        self._encoding = encoding
        names: dict[str, None] = {}
        self.has_rows = False
        rows = self._rows()
        for _, row, _ in islice(rows, HEADER_ROWS):
            names.update(dict.fromkeys(row))
            self.has_rows = True
        rows.close()
        self.names: tuple[str, ...] = tuple(names)

    def read(
        self, text: Sequence[str], numbers: Sequence[str], block_bytes: int | None = None
    ) -> Iterator[TableBatch]:
        """Batches of at most BATCH_ROWS rows; see `Table.read`. `block_bytes` changes nothing."""
        del block_bytes
        unread: Counter[str] = Counter()
        known, rows, first = set(self.names), self._rows(), 1
        while block := list(islice(rows, BATCH_ROWS)):
            if first > HEADER_ROWS - BATCH_ROWS:
                unread.update(key for _, row, _ in block for key in row.keys() - known)
            columns = {name: self._column(name, block) for name in {*text, *numbers}}
            yield TableBatch(
                as_batch(text, [text_column(columns[name]) for name in text], len(block)),
                as_batch(numbers, [number_column(columns[name]) for name in numbers], len(block)),
                first,
                block[-1][2],
            )
            first += len(block)
        if unread:
            shown = ", ".join(f"{key!r} ({count:,})" for key, count in unread.most_common(_SHOWN))
            more = ", …" if len(unread) > _SHOWN else ""
            log.warning(
                "%s: keys that no row before %s has are not read: %s%s",
                self.path, f"{HEADER_ROWS + 1:,}", shown, more,
            )  # fmt: skip

    def _column(self, name: str, block: Sequence[tuple[int, Row, int]]) -> list[Cell]:
        return [_cell(row.get(name), self.path, number, name) for number, row, _ in block]

    def _rows(self) -> Generator[tuple[int, Row, int], None, None]:
        """Number of the row from 1, its keys and values, and the bytes on disk read so far."""
        with open_utf8(self.path, self._encoding) as file:
            lines: io.BufferedReader[Any] = io.BufferedReader(file)
            start = lines.peek(1 << 12).lstrip(b"\xef\xbb\xbf \t\r\n")
            values = self._array(lines) if start.startswith(b"[") else self._lines(lines)
            for number, (place, value) in enumerate(values, start=1):
                if not isinstance(value, dict):
                    raise UserError(
                        f"{self.path}: row {number}{place} is {_kind(value)}; {_EXPECTED}"
                    )
                if any(type(each) is dict for each in value.values()):
                    value = _flat(value, self.path, number)
                yield number, value, min(file.position, file.size)
            file.warn_of_mixture()

    def _lines(self, lines: "io.BufferedReader[Any]") -> Iterator[tuple[str, Any]]:
        row = 0
        for number, line in enumerate(lines, start=1):
            content = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
            if not content:
                continue
            row += 1
            place = f" (line {number})"
            try:
                value = json.loads(content.decode())
            except ValueError as error:
                raise UserError(
                    f"{self.path}: row {row}{place} is no sound JSON ({_reason(error)}); "
                    f"{_EXPECTED}"
                ) from error
            yield place, value

    def _array(self, lines: "io.BufferedReader[Any]") -> Iterator[tuple[str, Any]]:
        content = lines.read(_LARGEST_ARRAY + 1)
        if len(content) > _LARGEST_ARRAY:
            raise UserError(
                f"{self.path}: an array of more than 1 GiB; write one object a line (JSON Lines)"
            )
        try:
            values = json.loads(content.decode("utf-8-sig"))
        except ValueError as error:
            line = f" in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
            raise UserError(
                f"{self.path}: no sound JSON{line} ({_reason(error)}); {_EXPECTED}"
            ) from error
        return (("", value) for value in values)


def _flat(row: Row, path: Path, number: int) -> Row:
    """One level: the keys of an object within the row come behind its own key and a point."""
    flat: Row = {}
    for key, value in row.items():
        inner = _flat(value, path, number) if isinstance(value, dict) else {}
        within = {f"{key}.{name}": each for name, each in inner.items()}
        for name, each in within.items() if isinstance(value, dict) else [(key, value)]:
            if name in flat:
                raise UserError(f"{path}: row {number} has two values for {name!r}; rename one")
            flat[name] = each
    return flat


def _cell(value: Any, path: Path, row: int, name: str) -> Cell:
    if not isinstance(value, list):
        return value  # type: ignore[no-any-return]
    if any(isinstance(each, (list, dict)) for each in value):
        raise UserError(
            f"{path}: row {row}, column {name!r}: a list of {_kind(value[0])}s; expected text, "
            "or a list of texts"
        )
    return " ".join(filter(None, map(text_of, value)))


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return kinds.get(type(value), "null" if value is None else "a number")


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    return "not UTF-8; set data.encoding="
