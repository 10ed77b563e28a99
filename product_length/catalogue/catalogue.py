"""The products of a catalogue, memory-mapped: what every later stage reads."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from product_length.catalogue.config import TextRecipe
from product_length.catalogue.text import FIELDS, join_fields
from product_length.catalogue.validate import ReadingReport


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Usable products of the track, in source order."""

    product_ids: pa.ChunkedArray
    """string (rows,)."""
    types: pa.ChunkedArray
    """string (rows,); "" where the source has none."""
    lengths: NDArray[np.float32]
    """float32 (rows,), 1/100 inch: positive and finite."""
    text_keys: NDArray[np.uint64]
    """uint64 (rows,), xxh3_64 of the text: equal keys, identical texts."""
    split: NDArray[np.uint8]
    """uint8 (rows,): TRAIN, VAL or TEST of catalogue.split."""
    row_numbers: NDArray[np.int64]
    """int64 (rows,), ascending; 1 = first data row of the source."""
    fingerprint: str
    """sha256 hex over ids, texts, types and lengths: another one, another catalogue."""
    reading: ReadingReport
    """What became of each row of the source."""
    recipe: TextRecipe
    """How fields became texts."""
    products: "ProductFile" = field(repr=False)
    """The stored fields of all rows of the source that could be used by some track."""
    stored_rows: NDArray[np.int64] = field(repr=False)
    """int64 (rows,), ascending: where the rows are in `products`."""
    usable_rows: NDArray[np.int64] = field(repr=False)
    """int64 (n,), ascending: where the usable rows of every track are in `products`."""

    def __len__(self) -> int:
        return len(self.lengths)

    def rows(self, split: int) -> NDArray[np.int64]:
        """Indices of the rows of one split, int64, ascending."""
        return np.flatnonzero(self.split == split)

    def texts(self, start: int = 0, stop: int | None = None) -> list[str]:
        """Texts of the rows [start, stop), joined by the recipe; read from disk now."""
        return self._joined(self.stored_rows[start:stop])

    def texts_of(self, rows: NDArray[np.int64]) -> list[str]:
        """Texts of some rows, int64 (n,), ascending; read from disk now."""
        return self._joined(self.stored_rows[rows])

    def usable_texts(self, start: int, stop: int) -> list[str]:
        """Texts of `usable_rows[start:stop]`; read from disk now."""
        return self._joined(self.usable_rows[start:stop])

    def usable_keys(self) -> NDArray[np.uint64]:
        """Text keys of `usable_rows`, uint64 (n,)."""
        keys: NDArray[np.uint64] = self.products.column("text_key").to_numpy()[self.usable_rows]
        return keys

    def places(self) -> NDArray[np.int64]:
        """Where the rows of this track are in `usable_rows`, int64 (rows,), ascending."""
        return np.searchsorted(self.usable_rows, self.stored_rows)

    def fields(self, start: int = 0, stop: int | None = None) -> pa.Table:
        """Cleaned title, bullet_points and description of the rows [start, stop), strings.

        "" where missing; all three whatever the recipe joins.
        """
        schema = pa.schema([(name, pa.string()) for name in FIELDS])
        return pa.Table.from_batches(self._fields(start, stop), schema=schema)

    def _fields(self, start: int, stop: int | None) -> Iterator[pa.RecordBatch]:
        return self.products.pick(self.stored_rows[start:stop], list(FIELDS))

    def _joined(self, stored_rows: NDArray[np.int64]) -> list[str]:
        texts: list[str] = []
        for batch in self.products.pick(stored_rows, list(FIELDS)):
            texts += join_fields(batch, self.recipe).to_pylist()
        return texts


class ProductFile:
    """An uncompressed Arrow IPC file, memory-mapped: reading it takes no memory of its own."""

    def __init__(self, path: Path) -> None:
        self._table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        lengths = [len(chunk) for chunk in self._table.column(0).chunks]
        self._starts = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))

    def __len__(self) -> int:
        return int(self._table.num_rows)

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
            at = end

    def pick_column(self, rows: NDArray[np.int64], name: str) -> pa.ChunkedArray:
        """One column at `rows`; still on disk where the rows are all there are."""
        if len(rows) == len(self):
            return self.column(name)
        chunks = [batch.column(0) for batch in self.pick(rows, [name])]
        return pa.chunked_array(chunks, type=self._table.schema.field(name).type)


def fingerprint_of(
    id_keys: NDArray[np.uint64],
    text_keys: NDArray[np.uint64],
    type_keys: NDArray[np.uint64],
    lengths: NDArray[np.float32],
) -> str:
    """sha256 hex of the rows, each given by the xxh3_64 of its strings and its length (rows,)."""
    if not len(id_keys) == len(text_keys) == len(type_keys) == len(lengths):
        raise ValueError("columns of a catalogue are of one length")
    digest = hashlib.sha256(b"product_length catalogue 1\n")
    for keys in (id_keys, text_keys, type_keys):
        digest.update(np.ascontiguousarray(keys, dtype="<u8").data)
    digest.update(np.ascontiguousarray(lengths, dtype="<f4").data)
    return digest.hexdigest()
