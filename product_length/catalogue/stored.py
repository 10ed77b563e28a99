"""What is stored of a product: its fields cleaned, its numbers read, its length if it has one."""

from collections import Counter

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from product_length.catalogue.config import TextRecipe
from product_length.catalogue.file_columns import FileColumns
from product_length.catalogue.reader import RawBatch
from product_length.catalogue.stored_names import (
    category_column,
    is_kept,
    keep_column,
    number_column,
)
from product_length.catalogue.text import (
    FIELDS,
    clean_fields,
    clean_types,
    join_fields,
    string_keys,
)
from product_length.tables.numbers import parse_numbers

_EXAMPLES = 3


def product_schema(columns: FileColumns) -> pa.Schema:
    """The stored columns of products without lengths."""
    return pa.schema(
        [(name, pa.string()) for name in ("product_id", "product_type", *FIELDS)]
        + [("text_key", pa.uint64())]
        + [(number_column(name), pa.float64()) for name in columns.numbers]
        + [(category_column(name), pa.string()) for name in columns.categories]
        + [(keep_column(name), pa.string()) for name in columns.keep]
    )


class NotNumbers:
    """Counts cells of number columns that cannot be read as one."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def add(self, name: str, cells: pa.Array, wrong: NDArray[np.bool_]) -> None:
        """Count the cells (rows,) of a column that `wrong` marks."""
        count = int(wrong.sum())
        if count:
            self._counts[name] += count
            shown = self._examples.setdefault(name, [])
            if len(shown) < _EXAMPLES:
                found = cells.filter(pa.array(wrong)).slice(0, 100).unique().to_pylist()
                shown += [str(each).strip()[:40] for each in found][: _EXAMPLES - len(shown)]

    def by_column(self) -> dict[str, int]:
        """How many cells, by what is said of them."""
        return {
            f"{name}: no number, such as {', '.join(map(repr, self._examples[name]))}, "
            "read as missing": count
            for name, count in self._counts.items()
        }


def product_columns(
    raw: RawBatch, recipe: TextRecipe, not_numbers: NotNumbers
) -> dict[str, pa.Array]:
    """The columns of `product_schema`, from rows as they stand in a source."""
    fields = clean_fields(raw.rows, recipe)
    columns: dict[str, pa.Array] = {"product_id": raw.rows.column("product_id")}
    columns["product_type"] = clean_types(raw.rows.column("product_type"))
    columns |= {name: fields.column(name) for name in FIELDS}
    columns["text_key"] = pa.array(string_keys(join_fields(fields, recipe)))
    for name, cells in raw.numbers.items():
        numbers, is_number, missing = parse_numbers(cells, raw.decimal)
        not_numbers.add(name, cells, ~is_number & ~missing)
        finite = np.where(np.isfinite(numbers), numbers, np.nan)
        columns[number_column(name)] = pa.array(finite)
    for name, values in raw.categories.items():
        columns[category_column(name)] = clean_types(values)
    for name in raw.rows.schema.names:
        if is_kept(name):
            columns[name] = raw.rows.column(name)
    return columns
