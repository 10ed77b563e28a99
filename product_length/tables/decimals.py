"""Whether numbers that are written as text have a decimal point or a decimal comma."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

from product_length.errors import UserError
from product_length.tables.numbers import number_of

Decimal = Literal[".", ","]
_MARKS: tuple[Decimal, Decimal] = (".", ",")
_OTHER: Mapping[Decimal, Decimal] = {".": ",", ",": "."}
_CLEARLY = 20
"""So many times as many cells decide against others, which are then no numbers."""
_WORDS = {".": "a decimal point", ",": "a decimal comma"}


@dataclass
class DecimalEvidence:
    """What the cells of some columns say of their decimal mark."""

    _shown: dict[Decimal, str] = field(default_factory=dict)
    """By mark, the first cell that only reads with it, and its place."""
    _counts: Counter[Decimal] = field(default_factory=Counter)
    """By mark, the cells that only read with it."""
    _open: dict[Decimal, str] = field(default_factory=dict)
    """By the one mark in it, the first cell that reads with either decimal mark."""

    def add(self, batch: pa.RecordBatch, first_row: int) -> None:
        """Look at the text cells of columns of numbers; `first_row` is the number of the first."""
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if pa.types.is_string(column.type):
                self._add(name, column.to_pylist(), first_row)

    def _add(self, name: str, cells: Iterable[str | None], first_row: int) -> None:
        for row, cell in enumerate(cells, start=first_row):
            if cell is None or not ("." in cell or "," in cell):
                continue
            reads = [mark for mark in _MARKS if number_of(cell, mark) is not None]
            place = f"{cell.strip()!r} in row {row}, column {name!r}"
            if len(reads) == 1:
                self._shown.setdefault(reads[0], place)
                self._counts[reads[0]] += 1
            elif len(reads) == 2:
                self._open.setdefault("." if "." in cell else ",", place)

    def decide(self, name: str, assumed: Sequence[Decimal]) -> Decimal:
        """The decimal mark; a point where no cell has a mark.

        `assumed`: marks that are decimal where a cell such as 1.234 could also be read as 1234.
        Raises UserError, which calls the table `name`, when many cells contradict each other, or
        they leave it open.
        """
        if len(self._shown) > 1:
            mark, other = sorted(_MARKS, key=lambda each: -self._counts[each])
            if self._counts[mark] >= _CLEARLY * self._counts[other]:
                return mark
            raise UserError(
                f"{name}: numbers have both decimal marks: "
                f"{' and '.join(self._shown[mark] for mark in _MARKS)}; set data.decimal=. or "
                "data.decimal=, and the others are no numbers"
            )
        if self._shown:
            return next(iter(self._shown))
        undecided = {mark: place for mark, place in self._open.items() if mark not in assumed}
        if undecided:
            mark, place = next(iter(undecided.items()))
            raise UserError(
                f"{name}: {place} may have {_WORDS[mark]} or be a whole number in thousands, and "
                f"no other cell says which; set data.decimal={mark} or data.decimal={_OTHER[mark]}"
            )
        return next(iter(self._open), ".")
