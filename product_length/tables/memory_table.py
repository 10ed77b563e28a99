"""A table in memory, read as one in a file is."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from product_length.tables.arrow_columns import BATCH_ROWS, check_type, numbers_of, text_of
from product_length.tables.batch import TableBatch, as_batch
from product_length.tables.config import AUTO
from product_length.tables.decimals import Decimal, DecimalEvidence
from product_length.tables.table import DECIMAL_ROWS


class MemoryTable:
    """An Arrow table. `name`: what messages call it; `decimal`: see `TableOptions`."""

    def __init__(self, table: pa.Table, name: str, decimal: str = AUTO) -> None:
        self.name = name
        self.names: tuple[str, ...] = tuple(table.column_names)
        self._table = table
        self._decimal = decimal

    def read(
        self, text: Sequence[str], numbers: Sequence[str], block_bytes: int | None = None
    ) -> Iterator[TableBatch]:
        """Batches of at most BATCH_ROWS rows; see `Table.read`. `block_bytes` changes nothing."""
        del block_bytes
        for names, number in ((text, False), (numbers, True)):
            for name in names:
                check_type(self.name, name, self._table.schema.field(name).type, number=number)
        return self._batches(text, numbers)

    def decimal(self, numbers: Sequence[str]) -> Decimal:
        """The decimal mark of columns of numbers that are written as text.

        Raises UserError when the first rows leave it open or contradict each other.
        """
        if self._decimal != AUTO:
            return "," if self._decimal == "," else "."
        evidence = DecimalEvidence()
        for batch in MemoryTable(self._table.slice(0, DECIMAL_ROWS), self.name).read([], numbers):
            evidence.add(batch.numbers, batch.first_row)
        return evidence.decide(self.name, [])

    def _batches(self, text: Sequence[str], numbers: Sequence[str]) -> Iterator[TableBatch]:
        for start in range(0, len(self._table), BATCH_ROWS):
            part, first = self._table.slice(start, BATCH_ROWS), start + 1
            columns = {
                name: part.column(name).combine_chunks()
                for name in dict.fromkeys([*text, *numbers])
            }
            texts = [text_of(columns[name], self.name, first, name) for name in text]
            known = [numbers_of(columns[name], self.name, first, name) for name in numbers]
            rows = len(part)
            yield TableBatch(as_batch(text, texts, rows), as_batch(numbers, known, rows), first, 0)
