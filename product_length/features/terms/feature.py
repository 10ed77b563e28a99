"""The words of each product's title that say most of its length."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tqdm import tqdm
from typing_extensions import Self, override

from product_length.catalogue.products import Products
from product_length.catalogue.vocabulary import Strings, as_column
from product_length.features.columns import Columns
from product_length.features.expert import Expert
from product_length.features.feature import Feature, Fitted, Training
from product_length.features.terms.config import TermsOptions
from product_length.features.terms.expert import TermsExpert
from product_length.features.terms.index import Pairs, TermIndex
from product_length.loss.bin_grid import BinGrid

log = logging.getLogger(__name__)

_CHUNK_ROWS = 65_536


@dataclass(frozen=True)
class TermsFeature(Feature):
    """Terms of each row, int32 (rows, 1 + 2 * top_k), 0 = none, see `TermIndex.encode`.

    `members`: all terms of training rows, by which they are counted; None from a checkpoint.
    """

    options: TermsOptions
    index: TermIndex
    members: Pairs | None = None
    name = "terms"

    @classmethod
    def fit(cls, options: TermsOptions, training: Training) -> Fitted | None:
        """Find the terms in training rows, and those of every row.

        Without the feature of types, words are counted in the whole catalogue only.
        """
        products, rows = training.products, training.rows
        if len(rows) < options.min_train_rows:
            log.info(
                "terms: not counted, %s training rows are fewer than "
                "features.terms.min_train_rows=%d",
                f"{len(rows):,}",
                options.min_train_rows,
            )
            return None
        fields = products.recipe.fields
        field = "title" if "title" in fields else fields[0]
        texts = _texts(products, field)
        by_type = "types" in training.columns
        types = as_column(products.types if by_type else pa.nulls(len(products), pa.string()))
        places = pa.array(rows)
        of_train, train_types = texts.take(places), types.take(places)
        log.info("terms: counting the words of %s training rows …", f"{len(rows):,}")
        index = TermIndex.fit(field, of_train, train_types, training.lengths, options)
        column = _encoded(index, texts, types)
        log.info(
            "terms: %d words, %d terms; %.1f%% of the rows have one, %.1f%% one within their type",
            index.words.size - 1,
            index.entries,
            100 * float((column[:, 1] > 0).mean()),
            100 * float((column[:, 1 + options.top_k] > 0).mean()),
        )
        return cls(options, index, index.members(of_train, train_types)), column

    @override
    def transform(self, products: Products, columns: Columns) -> NDArray[np.int32]:
        """The terms of each product."""
        return self.index.encode(_texts(products, self.index.field), products.types)

    @override
    def expert(self, bins: BinGrid, width: int) -> Expert:
        """The type's lengths, reweighed by each word."""
        return TermsExpert(bins, width, self.index, self.members, tilt=self.options.tilt)

    @override
    def state(self) -> dict[str, Any]:
        """The index."""
        return self.index.state()

    @classmethod
    def from_state(cls, options: TermsOptions, state: Mapping[str, Any]) -> Self:
        """The feature whose `state` this was."""
        return cls(options, TermIndex.from_state(state))


def _texts(products: Products, field: str) -> pa.ChunkedArray:
    """A field of all rows, in memory, read some rows at a time."""
    pieces = [
        piece
        for start in range(0, len(products), _CHUNK_ROWS)
        for piece in products.fields(start, start + _CHUNK_ROWS).column(field).chunks
    ]
    return pa.chunked_array(pieces, pa.string())


def _encoded(index: TermIndex, texts: pa.ChunkedArray, types: Strings) -> NDArray[np.int32]:
    column = np.empty((len(texts), 1 + 2 * index.top_k), np.int32)
    starts = range(0, len(texts), _CHUNK_ROWS)
    for start in tqdm(starts, desc="finding terms", disable=None, leave=False):
        some = texts.slice(start, _CHUNK_ROWS)
        column[start : start + len(some)] = index.encode(some, types.slice(start, _CHUNK_ROWS))
    return column
