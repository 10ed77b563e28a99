"""The products of a catalogue, memory-mapped: what every later stage reads."""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from product_length.catalogue.products import Products
from product_length.catalogue.validate import ReadingReport


@dataclass(frozen=True, eq=False)
class Catalogue(Products):
    """Usable products within the range of lengths, in source order, with their lengths."""

    lengths: NDArray[np.float32]
    """float32 (rows,), 1/100 inch: positive and finite."""
    split: NDArray[np.uint8]
    """uint8 (rows,): TRAIN, VAL or TEST of catalogue.split."""
    row_numbers: NDArray[np.int64]
    """int64 (rows,), ascending; 1 = first data row of the source."""
    fingerprint: str
    """sha256 hex over ids, texts, types and lengths: another one, another catalogue."""
    reading: ReadingReport
    """What became of each row of the source."""
    usable_rows: NDArray[np.int64] = field(repr=False)
    """int64 (n,), ascending: rows of `stored` that are usable in some range of lengths."""

    def rows(self, split: int) -> NDArray[np.int64]:
        """Indices of the rows of one split, int64, ascending."""
        return np.flatnonzero(self.split == split)

    def usable_texts(self, start: int, stop: int) -> list[str]:
        """Texts of `usable_rows[start:stop]`; read from disk now."""
        return self.stored.texts(self.usable_rows[start:stop], self.recipe)

    def usable_keys(self) -> NDArray[np.uint64]:
        """Text keys of `usable_rows`, uint64 (n,)."""
        keys: NDArray[np.uint64] = self.stored.column("text_key").to_numpy()[self.usable_rows]
        return keys

    def places(self) -> NDArray[np.int64]:
        """Where the rows of this catalogue are in `usable_rows`, int64 (rows,), ascending."""
        return np.searchsorted(self.usable_rows, self.stored_rows)


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
