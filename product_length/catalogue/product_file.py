"""Cleaned rows of a catalogue on disk, in an Arrow file that is read through memory mapping."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tqdm import tqdm

from product_length.catalogue.config import TextRecipe
from product_length.catalogue.reader import RawBatch
from product_length.catalogue.source import ProductSource
from product_length.catalogue.text import FIELDS, join_fields
from product_length.mapped_memory import MappedMemory


class ProductFile:
    """A table of products, memory-mapped as a rule: reading it takes no memory of its own."""

    def __init__(self, table: pa.Table, mapped: MappedMemory | None = None) -> None:
        self._table = table
        self._mapped = mapped
        lengths = [len(chunk) for chunk in self._table.column(0).chunks]
        self._starts = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))

    @classmethod
    def open(cls, path: Path) -> "ProductFile":
        """An uncompressed Arrow IPC file."""
        whole = pa.memory_map(str(path)).read_buffer()
        mapped = MappedMemory(np.frombuffer(whole, np.uint8))
        return cls(pa.ipc.open_file(pa.BufferReader(whole)).read_all(), mapped)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    @property
    def names(self) -> list[str]:
        """Of the stored columns."""
        return list(self._table.schema.names)

    def column(self, name: str) -> pa.ChunkedArray:
        """A stored column, whole, still on disk."""
        return self._table.column(name)

    def pick(self, rows: NDArray[np.int64], names: list[str]) -> Iterator[pa.RecordBatch]:
        """Columns at `rows`, ascending int64 indices, a stored batch at a time.

        Whole columns are never brought together: 32-bit offsets end at 2 GiB of text.
        """
        table = self._table.select(names)
        at = 0
        while at < len(rows):
            chunk = int(np.searchsorted(self._starts, rows[at], side="right")) - 1
            end = int(np.searchsorted(rows, self._starts[chunk + 1]))
            first, last = int(rows[at]), int(rows[end - 1])
            part = table.slice(first, last - first + 1).to_batches()
            if len(part) != 1:
                raise RuntimeError("a slice of one stored batch is one batch")
            wanted = rows[at:end] - first
            dense = len(wanted) == last - first + 1
            yield part[0] if dense else part[0].take(pa.array(wanted))
            if self._mapped is not None:
                self._mapped.read(part[0].nbytes)
            at = end

    def pick_column(self, rows: NDArray[np.int64], name: str) -> pa.ChunkedArray:
        """One column at `rows`; still on disk where the rows are all there are."""
        if len(rows) == len(self):
            return self.column(name)
        chunks = [batch.column(0) for batch in self.pick(rows, [name])]
        return pa.chunked_array(chunks, type=self._table.schema.field(name).type)

    def texts(self, rows: NDArray[np.int64], recipe: TextRecipe) -> list[str]:
        """The texts of rows, ascending int64 (n,), joined by the recipe; read from disk now."""
        texts: list[str] = []
        for batch in self.pick(rows, list(FIELDS)):
            texts += join_fields(batch, recipe).to_pylist()
        return texts


def write_products(
    source: ProductSource,
    clean: Callable[[RawBatch], pa.RecordBatch],
    schema: pa.Schema,
    path: Path,
) -> int:
    """Write what `clean` makes of a source's batches, under a progress bar; returns rows read."""
    rows_read = 0
    started = time.monotonic()
    with (
        pa.OSFile(str(path), "wb") as sink,
        pa.ipc.new_file(sink, schema) as writer,
        tqdm(
            total=source.total,
            desc="reading catalogue",
            unit=source.unit,
            unit_scale=source.unit == "B",
            disable=None,
            leave=False,
        ) as bar,
    ):
        for raw, done in source.batches():
            batch = clean(raw)
            if len(batch):
                writer.write_batch(batch)
            rows_read += len(raw.rows)
            bar.update(min(done, source.total) - bar.n)
            bar.set_postfix_str(f"{rows_read / (time.monotonic() - started):,.0f} rows/s")
    return rows_read
