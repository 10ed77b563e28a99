"""A table in memory, read as one in a file is."""

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
from typing_extensions import Self

from product_length.tables.arrow_columns import BATCH_ROWS, check_type, numbers_of, text_of
from product_length.tables.batch import TableBatch, as_batch
from product_length.tables.config import AUTO
from product_length.tables.decimals import Decimal, DecimalEvidence
from product_length.tables.table import DECIMAL_ROWS


class MemoryTable:
    """Columns that `select` gives as Arrow, by their names, only when they are read.

    `name`: what messages call the table; `decimal`: see `TableOptions`.
    """

    def __init__(
        self,
        names: Sequence[str],
        select: Callable[[list[str]], pa.Table],
        name: str,
        decimal: str = AUTO,
    ) -> None:
        self.name = name
        self.names = tuple(names)
        self._select = select
        self._decimal = decimal

    @classmethod
    def of(cls, table: pa.Table, name: str, decimal: str = AUTO) -> Self:
        """An Arrow table."""
        return cls(table.column_names, table.select, name, decimal)

    def read(
        self, text: Sequence[str], numbers: Sequence[str], block_bytes: int | None = None
    ) -> Iterator[TableBatch]:
        """Batches of at most BATCH_ROWS rows; see `Table.read`. `block_bytes` changes nothing."""
        del block_bytes
        table = self._select(list(dict.fromkeys([*text, *numbers])))
        for names, number in ((text, False), (numbers, True)):
            for name in names:
                check_type(self.name, name, table.schema.field(name).type, number=number)
        return self._batches(table, text, numbers)

    def decimal(self, numbers: Sequence[str]) -> Decimal:
        """The decimal mark of columns of numbers that are written as text.

        Raises UserError when the first rows leave it open or contradict each other.
        """
        if self._decimal != AUTO:
            return "," if self._decimal == "," else "."
        evidence = DecimalEvidence()
        if numbers:
            first = self._select(list(numbers)).slice(0, DECIMAL_ROWS)
            for batch in self._batches(first, [], numbers):
                evidence.add(batch.numbers, batch.first_row)
        return evidence.decide(self.name, [])

    def _batches(
        self, table: pa.Table, text: Sequence[str], numbers: Sequence[str]
    ) -> Iterator[TableBatch]:
        for start in range(0, len(table), BATCH_ROWS):
            part, first = table.slice(start, BATCH_ROWS), start + 1
            columns = {name: part.column(name).combine_chunks() for name in part.column_names}
            texts = [text_of(columns[name], self.name, first, name) for name in text]
            known = [numbers_of(columns[name], self.name, first, name) for name in numbers]
            rows = len(part)
            yield TableBatch(as_batch(text, texts, rows), as_batch(numbers, known, rows), first, 0)
