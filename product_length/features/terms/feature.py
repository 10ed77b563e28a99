"""The words of each product's title that say most of its length."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tqdm import tqdm
from typing_extensions import Self, override

from product_length.catalogue.products import Products
from product_length.catalogue.units import CatalogueUnit
from product_length.catalogue.vocabulary import Strings, as_column
from product_length.features.columns import Columns
from product_length.features.expert import Expert
from product_length.features.feature import Feature, Fitted, Training
from product_length.features.group_lengths import GroupLengths, group_words
from product_length.features.reason import Reason, in_quotes
from product_length.features.terms.config import TermsOptions
from product_length.features.terms.expert import TermsExpert
from product_length.features.terms.index import Pairs, TermIndex
from product_length.loss.bin_grid import BinGrid

log = logging.getLogger(__name__)

_CHUNK_ROWS = 65_536
_SHOWN = 3
"""Words that are shown of a product, and as many within its type."""


@dataclass(frozen=True)
class TermsFeature(Feature):
    """Terms of each row, int32 (rows, 1 + 2 * top_k), 0 = none, see `TermIndex.encode`.

    `members`: all terms of training rows, by which they are counted; None from a checkpoint.
    `lengths`: of the training rows of each entry, 0 of none; None from a checkpoint that was
    written without.
    """

    options: TermsOptions
    index: TermIndex
    members: Pairs | None = None
    lengths: GroupLengths | None = None
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
        members = index.members(of_train, train_types)
        lengths = GroupLengths.fit(
            members.entries, members.rows, training.lengths, index.entries + 1
        )
        return cls(options, index, members, lengths), column

    @override
    def transform(self, products: Products, columns: Columns) -> NDArray[np.int32]:
        """The terms of each product."""
        return self.index.encode(_texts(products, self.index.field), products.types)

    @override
    def expert(self, bins: BinGrid, width: int) -> Expert:
        """The type's lengths, reweighed by each word."""
        return TermsExpert(bins, width, self.index, self.members, tilt=self.options.tilt)

    @override
    def reasons(self, products: Products, columns: Columns) -> list[Reason | None]:
        """The words that say most of the length, with their training rows."""
        return [self._reason(row, products.unit) for row in columns[self.name].tolist()]

    def _reason(self, entries: Sequence[int], unit: CatalogueUnit) -> Reason | None:
        of_words, within = entries[1 : 1 + self.index.top_k], entries[1 + self.index.top_k :]
        shown = [(each, "word") for each in of_words if each][:_SHOWN]
        shown += [(each, "word within the product type") for each in within if each][:_SHOWN]
        if not shown:
            return None
        words = [in_quotes(self.index.word(each)) for each, _ in shown]
        if self.lengths is None:
            return Reason(self.name, f"known words: {', '.join(dict.fromkeys(words))}")
        groups = tuple(
            self.lengths.group(each, of, self.index.word(each), unit) for each, of in shown
        )
        said = [
            f"{group.of} {in_quotes(group.value)}: {group_words(group, unit)}" for group in groups
        ]
        return Reason(self.name, "; ".join(said), groups=groups)

    @override
    def state(self) -> dict[str, Any]:
        """The index, and how long training rows are."""
        lengths = None if self.lengths is None else self.lengths.state()
        return {**self.index.state(), "lengths": lengths}

    @classmethod
    def from_state(cls, options: TermsOptions, state: Mapping[str, Any]) -> Self:
        """The feature whose `state` this was."""
        lengths = GroupLengths.from_state(state.get("lengths"))
        return cls(options, TermIndex.from_state(state), lengths=lengths)


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
