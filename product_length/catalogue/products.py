"""Products as features and encoders read them: fields, types and texts, with lengths or without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from product_length.catalogue.config import TextRecipe
from product_length.catalogue.product_file import ProductFile
from product_length.catalogue.stored_names import (
    category_column,
    category_names,
    keep_column,
    number_column,
    number_names,
)
from product_length.catalogue.text import FIELDS, join_fields, string_keys
from product_length.catalogue.units import CatalogueUnit


@dataclass(frozen=True, eq=False)
class Products:
    """Some rows of a stored file of products, in its order, memory-mapped."""

    product_ids: pa.ChunkedArray
    """string (rows,)."""
    types: pa.ChunkedArray
    """string (rows,); "" where the source has none."""
    text_keys: NDArray[np.uint64]
    """uint64 (rows,), xxh3_64 of the text: equal keys, identical texts."""
    recipe: TextRecipe
    """How fields became texts."""
    unit: CatalogueUnit
    """Of lengths, those that are there or those that are to be predicted."""
    stored: ProductFile = field(repr=False)
    """The file, with the fields of all its rows."""
    stored_rows: NDArray[np.int64] = field(repr=False)
    """int64 (rows,), ascending: where the rows are in `stored`."""

    def __len__(self) -> int:
        return len(self.text_keys)

    def fields(self, start: int = 0, stop: int | None = None) -> pa.Table:
        """Cleaned title, bullet_points and description of the rows [start, stop), strings.

        "" where missing; all three whatever the recipe joins.
        """
        schema = pa.schema([(name, pa.string()) for name in FIELDS])
        return pa.Table.from_batches(self._fields(start, stop), schema=schema)

    def texts(self, start: int = 0, stop: int | None = None) -> list[str]:
        """Texts of the rows [start, stop), joined by the recipe; read from disk now."""
        return self.stored.texts(self.stored_rows[start:stop], self.recipe)

    def texts_of(self, rows: NDArray[np.int64]) -> list[str]:
        """Texts of some rows, int64 (n,), ascending; read from disk now."""
        return self.stored.texts(self.stored_rows[rows], self.recipe)

    def joined(self) -> pa.ChunkedArray:
        """The texts of all rows, string (rows,), in memory: for a part of a file."""
        texts = [join_fields(batch, self.recipe) for batch in self._fields(0, None)]
        return pa.chunked_array(texts, pa.string())

    def heads(self, characters: int) -> pa.ChunkedArray:
        """The first characters of each product's first field that is not empty, string (rows,)."""
        heads = []
        for batch in self._fields(0, None):
            shown = batch.column(self.recipe.fields[0])
            for name in self.recipe.fields[1:]:
                shown = pc.if_else(pc.equal(shown, ""), batch.column(name), shown)
            heads.append(pc.utf8_slice_codeunits(shown, 0, characters))
        return pa.chunked_array(heads, pa.string())

    def with_texts(self, rows: NDArray[np.int64], field: str, texts: pa.StringArray) -> Products:
        """Products like those at `rows`, int64 (n,), repeats allowed, with other cleaned texts.

        `texts`: string (n,), of one field; in memory, so for a part of a file.
        """
        names = self.stored.names
        batches = self.stored.pick(self.stored_rows, names)
        places = pa.array(rows)
        table = pa.Table.from_batches(batches).take(places).combine_chunks()
        table = table.set_column(names.index(field), field, texts)
        joined = [join_fields(each, self.recipe) for each in table.select(FIELDS).to_batches()]
        return Products(
            self.product_ids.take(places),
            self.types.take(places),
            string_keys(pa.concat_arrays(joined)) if joined else np.empty(0, np.uint64),
            self.recipe,
            self.unit,
            ProductFile(table),
            np.arange(len(rows)),
        )

    @property
    def number_names(self) -> tuple[str, ...]:
        """The columns of `data.columns.numbers` that are stored, in their order."""
        return number_names(self.stored.names)

    @property
    def category_names(self) -> tuple[str, ...]:
        """The columns of `data.columns.categories` that are stored, in their order."""
        return category_names(self.stored.names)

    def number(self, name: str) -> NDArray[np.float64]:
        """One of `data.columns.numbers`, float64 (rows,); NaN where missing or not in the file."""
        column = number_column(name)
        if column not in self.stored.names:
            return np.full(len(self), np.nan)
        values = self.stored.pick_column(self.stored_rows, column)
        numbers: NDArray[np.float64] = values.to_numpy()
        return numbers

    def category(self, name: str) -> pa.ChunkedArray:
        """One of `data.columns.categories`, string (rows,); "" where missing or not in the file."""
        column = category_column(name)
        if column not in self.stored.names:
            return pa.chunked_array([[""] * len(self)], pa.string())
        return self.stored.pick_column(self.stored_rows, column)

    def kept(self, name: str) -> pa.ChunkedArray:
        """A column that is only handed on, string (rows,) as it stands in the file."""
        return self.stored.pick_column(self.stored_rows, keep_column(name))

    def take(self, rows: NDArray[np.int64]) -> Products:
        """Some of the rows, int64 (n,), ascending."""
        places = pa.array(rows)
        return Products(
            self.product_ids.take(places),
            self.types.take(places),
            self.text_keys[rows],
            self.recipe,
            self.unit,
            self.stored,
            self.stored_rows[rows],
        )

    def part(self, rows: slice) -> Products:
        """Consecutive rows, nothing copied."""
        start, stop, _ = rows.indices(len(self))
        return Products(
            self.product_ids.slice(start, stop - start),
            self.types.slice(start, stop - start),
            self.text_keys[rows],
            self.recipe,
            self.unit,
            self.stored,
            self.stored_rows[rows],
        )

    def _fields(self, start: int, stop: int | None) -> Iterator[pa.RecordBatch]:
        return self.stored.pick(self.stored_rows[start:stop], list(FIELDS))


def one_product(text: str, recipe: TextRecipe, unit: CatalogueUnit) -> Products:
    """A product without id and type whose every field is `text`, in memory."""
    table = pa.table({name: pa.array([text], pa.string()) for name in FIELDS})
    empty = pa.chunked_array([[""]], pa.string())
    return Products(
        empty, empty, np.ones(1, np.uint64), recipe, unit, ProductFile(table), np.zeros(1, np.int64)
    )
