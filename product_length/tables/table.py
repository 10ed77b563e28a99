"""A table in one file, or in several of one header."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from product_length.tables.batch import TableBatch
from product_length.tables.config import AUTO
from product_length.tables.decimals import Decimal, DecimalEvidence

DECIMAL_ROWS = 5000
"""So many first rows of a file say how its decimals are written."""
_DECIMAL_FILES = 16


class ReadableTable(Protocol):
    """What products are read from: a table in files, or in memory. `names`: the header."""

    name: str
    names: tuple[str, ...]

    def read(
        self, text: Sequence[str], numbers: Sequence[str], block_bytes: int | None = None
    ) -> Iterator[TableBatch]:
        """See `Table.read`."""
        ...

    def decimal(self, numbers: Sequence[str]) -> Decimal:
        """See `Table.decimal`."""
        ...


class TableFile(Protocol):
    """One file of a table."""

    path: Path
    names: tuple[str, ...]
    has_rows: bool

    def read(
        self, text: Sequence[str], numbers: Sequence[str], block_bytes: int | None = None
    ) -> Iterator[TableBatch]:
        """Batches of rows, numbered within the file."""
        ...


class Table:
    """One file, or several of one header, whose header was read."""

    def __init__(
        self,
        name: str,
        parts: Sequence[TableFile],
        notes: Sequence[str],
        decimal: str,
        assumed: Sequence[Decimal],
    ) -> None:
        self.name = name
        self.names = parts[0].names
        """The header, in order."""
        self.notes = tuple(notes)
        """In words what was found out of how the table is written, and is unusual."""
        self.files = tuple(part.path for part in parts)
        self.total = sum(path.stat().st_size for path in self.files)
        """Bytes on disk."""
        self._parts = parts
        self._decimal = decimal
        self._assumed = assumed
        self._found: dict[tuple[str, ...], Decimal] = {}

    def with_rows(self) -> tuple[list[Path], list[Path]]:
        """The files that have rows, and those that have a header alone."""
        full = [part.path for part in self._parts if part.has_rows]
        return full, [part.path for part in self._parts if not part.has_rows]

    def read(
        self, text: Sequence[str], numbers: Sequence[str], block_bytes: int | None = None
    ) -> Iterator[TableBatch]:
        """All rows in order, a bounded number at a time; columns by name, the first of each.

        A column may be asked for as text and as numbers. `block_bytes` is how much CSV becomes one
        batch. Raises UserError naming file, row and column; for columns of a kind that cannot be
        read at once, for rows when they are reached.
        """
        unknown = {*text, *numbers} - set(self.names)
        if unknown:
            raise ValueError(f"{self.name}: no columns {sorted(unknown)}")
        first = self._parts[0].read(text, numbers, block_bytes)
        return self._joined(first, text, numbers, block_bytes)

    def decimal(self, numbers: Sequence[str]) -> Decimal:
        """The decimal mark of columns of numbers, from the options or the first rows.

        Raises UserError when the rows leave it open or contradict each other.
        """
        if self._decimal != AUTO:
            return "," if self._decimal == "," else "."
        if tuple(numbers) not in self._found:
            self._found[tuple(numbers)] = self._find_decimal(numbers)
        return self._found[tuple(numbers)]

    def _find_decimal(self, numbers: Sequence[str]) -> Decimal:
        evidence = DecimalEvidence()
        step = -(-len(self._parts) // _DECIMAL_FILES)
        for part in self._parts[::step] if numbers else ():
            rows = 0
            batches = part.read([], numbers)
            for batch in batches:
                evidence.add(batch.numbers.slice(0, DECIMAL_ROWS - rows), batch.first_row)
                rows += len(batch)
                if rows >= DECIMAL_ROWS:
                    break
            batches.close()  # type: ignore[attr-defined]
        return evidence.decide(self.name, self._assumed)

    def _joined(
        self,
        first: Iterator[TableBatch],
        text: Sequence[str],
        numbers: Sequence[str],
        block_bytes: int | None,
    ) -> Iterator[TableBatch]:
        rows = size = 0
        for part in self._parts:
            batches = first if part is self._parts[0] else part.read(text, numbers, block_bytes)
            count = 0
            for batch in batches:
                count = batch.first_row - 1 + len(batch)
                yield replace(
                    batch, first_row=rows + batch.first_row, bytes_read=size + batch.bytes_read
                )
            rows += count
            size += part.path.stat().st_size
