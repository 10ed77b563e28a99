"""The products of a catalogue, memory-mapped: what every later stage reads."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from product_length.catalogue.products import Products
from product_length.catalogue.units import HUNDREDTH_INCH, CatalogueUnit
from product_length.catalogue.validate import ReadingReport


@dataclass(frozen=True, eq=False)
class Catalogue(Products):
    """Usable products within the range of lengths, in source order, with their lengths."""

    exact_lengths: NDArray[np.float64]
    """float64 (rows,), in `unit`, as they were read: positive and finite."""
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

    @cached_property
    def lengths(self) -> NDArray[np.float32]:
        """float32 (rows,), in `unit`: positive and finite."""
        return self.exact_lengths.astype(np.float32)

    @cached_property
    def model_lengths(self) -> NDArray[np.float32]:
        """float32 (rows,), in the model's unit, see `CatalogueUnit.in_model_units`.

        From exact lengths: those that were rounded in another unit would differ in the last bit,
        and training makes per cents of that.
        """
        return (self.exact_lengths * self.unit.in_model_units).astype(np.float32)

    def rows(self, split: int) -> NDArray[np.int64]:
        """Indices of the rows of one split, int64, ascending."""
        return np.flatnonzero(self.split == split)

    def usable_texts(self, rows: NDArray[np.int64]) -> list[str]:
        """Texts of `usable_rows` at some places, int64 (n,), ascending; read from disk now."""
        return self.stored.texts(self.usable_rows[rows], self.recipe)

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
    unit: CatalogueUnit,
) -> str:
    """sha256 hex of the rows, each given by the xxh3_64 of its strings and its length (rows,)."""
    if not len(id_keys) == len(text_keys) == len(type_keys) == len(lengths):
        raise ValueError("columns of a catalogue are of one length")
    # The first format was of one unit; its fingerprints stay.
    first = "1" if unit == HUNDREDTH_INCH else f"2 {unit}"
    digest = hashlib.sha256(f"product_length catalogue {first}\n".encode())
    for keys in (id_keys, text_keys, type_keys):
        digest.update(np.ascontiguousarray(keys, dtype="<u8").data)
    digest.update(np.ascontiguousarray(lengths, dtype="<f4").data)
    return digest.hexdigest()
