"""What a product's text states beside its true length: nothing, that length, or others only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from product_length.catalogue.products import Products
from product_length.catalogue.text import FIELDS
from product_length.measurements.candidates import parse_fields

NO_LENGTH, TRUE_LENGTH, OTHER_LENGTHS = "no length", "the true length", "other lengths only"
KINDS = (TRUE_LENGTH, OTHER_LENGTHS, NO_LENGTH)
WITHIN = 0.02
"""A stated length is the true one when it differs by no more than this share of it."""
_MOST_MEASUREMENTS = 16


def what_texts_state(products: Products, lengths: NDArray[np.float32]) -> list[str] | None:
    """One of `KINDS` for each product; None where the catalogue's unit is no length.

    `lengths`: float32 (rows,), true ones, in the catalogue's unit.
    """
    millimetres = products.unit.millimetres
    if millimetres is None:
        return None
    names = tuple(name for name in FIELDS if name in products.recipe.fields)
    parsed = [
        parse_fields(batch, names, _MOST_MEASUREMENTS).values
        for batch in products.fields().to_batches()
    ]
    values = np.concatenate(parsed) if parsed else np.empty((0, _MOST_MEASUREMENTS))
    true = lengths.astype(np.float64)[:, None] * millimetres
    is_true = (np.abs(values - true) <= WITHIN * true).any(axis=1)
    is_any = ~np.isnan(values).all(axis=1)
    kinds = np.where(is_true, 0, np.where(is_any, 1, 2))
    return [KINDS[kind] for kind in kinds.tolist()]
