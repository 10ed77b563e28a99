"""Columns of categories: codes from a vocabulary of each column's training rows."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from typing_extensions import Self, override

from product_length.catalogue.products import Products
from product_length.catalogue.units import CatalogueUnit
from product_length.catalogue.vocabulary import Vocabulary
from product_length.features.categories.config import CategoriesOptions
from product_length.features.categories.encoder import CategoriesEncoder
from product_length.features.columns import Columns
from product_length.features.encoder import Encoder
from product_length.features.expert import Expert
from product_length.features.feature import Feature, Fitted, Training
from product_length.features.group_lengths import GroupLengths, group_words
from product_length.features.reason import Group, Reason, in_quotes
from product_length.features.values_expert import ValuesExpert
from product_length.loss.bin_grid import BinGrid
from product_length.unseen import distinct_types

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CategoryColumn:
    """Codes of a column's values: 0 rare or unseen, the last one missing, one for each other.

    `seen`: all values of training rows, however rare, without "". `some_missing`: whether at least
    `min_rows` training rows have no value; else a missing one has code 0. `lengths`: of the
    training rows of each code; None from a checkpoint that was written without.
    """

    name: str
    vocabulary: Vocabulary
    seen: tuple[str, ...]
    some_missing: bool
    lengths: GroupLengths | None = None

    @classmethod
    def fit(
        cls, name: str, values: pa.ChunkedArray, lengths: NDArray[np.float32], min_rows: int
    ) -> Self:
        """From the values of training rows, string (rows,), "" where missing, and their lengths."""
        missing = int(_are_missing(values).sum())
        vocabulary = Vocabulary.fit(values, min_rows)
        column = cls(name, vocabulary, tuple(distinct_types(values)), missing >= min_rows)
        every = np.arange(len(lengths))
        found = GroupLengths.fit(column.encode(values), every, lengths, column.size)
        return replace(column, lengths=found)

    @property
    def size(self) -> int:
        """Number of codes."""
        return self.vocabulary.size + self.some_missing

    def encode(self, values: pa.ChunkedArray) -> NDArray[np.int32]:
        """The code of each value, string (rows,): int32 (rows,)."""
        codes = self.vocabulary.encode(values).astype(np.int32)
        if self.some_missing:
            codes[_are_missing(values)] = self.size - 1
        return codes

    def group(self, value: str, code: int, unit: CatalogueUnit) -> Group | None:
        """The training rows with a value; None for a rare, unseen or missing one."""
        if self.lengths is None or not value or code == 0:
            return None
        return self.lengths.group(code, self.name, value, unit)

    def unseen(self, values: pa.ChunkedArray) -> dict[str, NDArray[np.bool_]]:
        """Rows, bool (rows,), with a value, or without one, that training does not prepare for."""
        missing = _are_missing(values)
        known = pc.is_in(values, value_set=pa.array(self.seen, values.type))
        new = ~(known.to_numpy(zero_copy_only=False) | missing)
        found = {f"have a value in {self.name} that training did not have": new}
        if not self.some_missing:
            found[f"have no value in {self.name}, as hardly any training row"] = missing
        return found


@dataclass(frozen=True)
class CategoriesFeature(Feature):
    """Codes int32 (rows, n), of the values in each column, see `CategoryColumn`."""

    options: CategoriesOptions
    columns: tuple[CategoryColumn, ...]
    name = "categories"

    @classmethod
    def fit(cls, options: CategoriesOptions, training: Training) -> Fitted | None:
        """A vocabulary of each column's training values, and the codes of every row's.

        None where the table has no such columns.
        """
        products = training.products
        if not products.category_names:
            return None
        of_training = products.take(training.rows)
        feature = cls(
            options,
            tuple(
                CategoryColumn.fit(
                    name, of_training.category(name), training.lengths, options.min_rows
                )
                for name in products.category_names
            ),
        )
        column = feature.transform(products, {})
        shown = [
            f"{each.name} ({each.vocabulary.size - 1} with {options.min_rows} or more training "
            f"rows; {share:.1%} of the rows share one vector)"
            for each, share in zip(feature.columns, (column == 0).mean(axis=0), strict=True)
        ]
        log.info("categories: %s", ", ".join(shown))
        return feature, column

    @override
    def transform(self, products: Products, columns: Columns) -> NDArray[np.int32]:
        """The codes of each product's values."""
        found = [each.encode(products.category(each.name)) for each in self.columns]
        return np.stack(found, axis=1)

    @override
    def encoder(self) -> Encoder:
        """A learned vector for each code of each column."""
        return CategoriesEncoder(self.sizes, self.options.width, self.options.dropout)

    @override
    def expert(self, bins: BinGrid, width: int) -> Expert | None:
        """The lengths of the training rows with the same values."""
        return ValuesExpert(bins, width, self.name, self.sizes) if self.options.expert else None

    @property
    def sizes(self) -> list[int]:
        """Number of codes of each column."""
        return [each.size for each in self.columns]

    @override
    def unseen(self, products: Products, column: NDArray[Any]) -> Mapping[str, NDArray[np.bool_]]:
        """Rows with a value, or without one, that training does not prepare for."""
        found: dict[str, NDArray[np.bool_]] = {}
        for each in self.columns:
            found |= each.unseen(products.category(each.name))
        return found

    @override
    def choices(self) -> Mapping[str, Sequence[str]]:
        """The values of each column that have a code of their own."""
        return {each.name: each.vocabulary.names for each in self.columns}

    @override
    def reasons(self, products: Products, columns: Columns) -> list[Reason | None]:
        """How many training rows have each value, and how long they are."""
        values = [products.category(each.name).to_pylist() for each in self.columns]
        codes = columns[self.name].tolist()
        return [
            self._reason(of_row, of_codes, products.unit)
            for of_row, of_codes in zip(zip(*values, strict=True), codes, strict=True)
        ]

    def _reason(
        self, values: Sequence[str], codes: Sequence[int], unit: CatalogueUnit
    ) -> Reason | None:
        parts, groups = [], []
        for column, value, code in zip(self.columns, values, codes, strict=True):
            if not value:
                continue
            group = column.group(value, code, unit)
            said = "too few training rows to count" if code == 0 else ""
            if group is not None:
                groups.append(group)
                said = group_words(group, unit)
            parts.append(f"{column.name} {in_quotes(value)}" + (f": {said}" if said else ""))
        return Reason(self.name, "; ".join(parts), groups=tuple(groups)) if parts else None

    @override
    def state(self) -> dict[str, Any]:
        """Strings and truth values only."""
        return {
            "columns": [
                {
                    "name": each.name,
                    "vocabulary": each.vocabulary.state(),
                    "seen": list(each.seen),
                    "some_missing": each.some_missing,
                    "lengths": None if each.lengths is None else each.lengths.state(),
                }
                for each in self.columns
            ]
        }

    @classmethod
    def from_state(cls, options: CategoriesOptions, state: Mapping[str, Any]) -> Self:
        """The feature whose `state` this was."""
        columns = tuple(
            CategoryColumn(
                each["name"],
                Vocabulary.from_state(each["vocabulary"]),
                tuple(each["seen"]),
                each["some_missing"],
                GroupLengths.from_state(each.get("lengths")),
            )
            for each in state["columns"]
        )
        return cls(options, columns)


def _are_missing(values: pa.ChunkedArray) -> NDArray[np.bool_]:
    missing: NDArray[np.bool_] = pc.equal(values, "").to_numpy(zero_copy_only=False)
    return missing
