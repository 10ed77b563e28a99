"""Products without lengths, to predict for: every row of a file, none left out."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import Columns, TextRecipe
from product_length.catalogue.product_file import ProductFile, write_products
from product_length.catalogue.products import Products
from product_length.catalogue.raw_batch import RawBatch, absent_column, shown_columns
from product_length.catalogue.reader import read_column_names
from product_length.catalogue.source import FileSource
from product_length.catalogue.text import (
    CLEANING_VERSION,
    FIELDS,
    clean_fields,
    clean_types,
    join_fields,
    string_keys,
)

_FORMAT = 1  # of the file below; raise it when it changes
_PRODUCTS = "products.arrow"
_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("product_id", "product_type", *FIELDS)]
    + [("text_key", pa.uint64())]
)


def without_absent(
    path: Path,
    columns: Columns,
    recipe: TextRecipe,
    needed: Collection[str],
    escape: str | None = None,
) -> tuple[Columns, str | None]:
    """The columns that a file has, and in words which it lacks, None where it lacks none.

    Texts and the type may be lacking, but not those in `needed` (keys of data.columns), nor every
    field that the recipe joins: then all columns are given back, and reading raises UserError, as
    it does without ids. `escape` as in `reader.read_batches`. Raises UserError for a fault of the
    file or its header.
    """
    present = read_column_names(path, escape)
    wanted = {key: name for key, name in columns.model_dump(exclude={"length"}).items() if name}
    absent = [key for key, name in wanted.items() if name not in present]
    texts = [field for field in recipe.fields if field in wanted and field not in absent]
    if not absent or {"product_id", *needed} & set(absent) or not texts:
        return columns, None
    lacking = ", ".join(absent_column(key, wanted, present) for key in absent)
    return columns.model_copy(update=dict.fromkeys(absent)), (
        f"{path}: {lacking}: read as empty; the file has: {shown_columns(present)}"
    )


def open_unlabelled(
    path: Path,
    columns: Columns,
    recipe: TextRecipe,
    store: ArtefactStore,
    escape: str | None = None,
) -> Products:
    """The products of a file, whose length column is not looked at; cleaned once, kept in `store`.

    `escape` as in `reader.read_batches`. Raises UserError for any fault of the file.
    """
    source = FileSource(path, columns, with_lengths=False, escape=escape)

    def clean(raw: RawBatch) -> pa.RecordBatch:
        fields = clean_fields(raw.rows, recipe)
        keys = pa.array(string_keys(join_fields(fields, recipe)))
        types = clean_types(raw.rows.column("product_type"))
        columns = [raw.rows.column("product_id"), types, *fields.columns, keys]
        return pa.RecordBatch.from_arrays(columns, schema=_SCHEMA)

    def make(folder: Path) -> Mapping[str, Any]:
        return {"rows": write_products(source, clean, _SCHEMA, folder / _PRODUCTS)}

    made_from = {
        "format": _FORMAT,
        "cleaning": CLEANING_VERSION,
        "recipe": recipe.model_dump(mode="json"),
        "source": source.identity(),
    }
    products = ProductFile.open(store.folder("unlabelled", made_from, make).path / _PRODUCTS)
    return Products(
        product_ids=products.column("product_id"),
        types=products.column("product_type"),
        text_keys=products.column("text_key").to_numpy(),
        recipe=recipe,
        stored=products,
        stored_rows=np.arange(len(products)),
    )
