"""The products of a catalogue, memory-mapped: what every later stage reads."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from product_length.catalogue.config import TextRecipe
from product_length.catalogue.product_file import ProductFile
from product_length.catalogue.text import FIELDS
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
    products: ProductFile = field(repr=False)
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
        return self.products.texts(stored_rows, self.recipe)


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
