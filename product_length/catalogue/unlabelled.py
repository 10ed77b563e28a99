"""Products without lengths, to predict for: every row of a file, none left out."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import TextRecipe
from product_length.catalogue.file_columns import FileColumns
from product_length.catalogue.product_file import ProductFile, write_products
from product_length.catalogue.products import Products
from product_length.catalogue.reader import RawBatch, read_products
from product_length.catalogue.source import FileSource
from product_length.catalogue.stored import NotNumbers, product_columns, product_schema
from product_length.catalogue.text import CLEANING_VERSION
from product_length.catalogue.units import CatalogueUnit
from product_length.tables.config import TableOptions
from product_length.tables.table import ReadableTable

log = logging.getLogger(__name__)

_FORMAT = 2  # of the file below; raise it when it changes
_PRODUCTS = "products.arrow"


def open_unlabelled(
    path: Path,
    columns: FileColumns,
    recipe: TextRecipe,
    unit: CatalogueUnit,
    store: ArtefactStore,
    written: TableOptions,
) -> Products:
    """The products of a file, whose length column is not looked at; cleaned once, kept in `store`.

    `unit`: of the lengths that are to be predicted; `written`: how the table is written. Raises
    UserError for any fault of the file.
    """
    source = FileSource(path, columns, written)
    schema = product_schema(columns)

    def make(folder: Path) -> Mapping[str, Any]:
        not_numbers = NotNumbers()

        def clean(raw: RawBatch) -> pa.RecordBatch:
            return pa.RecordBatch.from_pydict(product_columns(raw, recipe, not_numbers), schema)

        rows = write_products(source, clean, schema, folder / _PRODUCTS)
        return {"rows": rows, "not_numbers": not_numbers.by_column()}

    made_from = {
        "format": _FORMAT,
        "cleaning": CLEANING_VERSION,
        "recipe": recipe.model_dump(mode="json"),
        "source": source.identity(),
    }
    kept = store.folder("unlabelled", made_from, make)
    for words, count in kept.facts["not_numbers"].items():
        log.warning("warning: %s: %d cells of %s", path, count, words)
    return _products(ProductFile.open(kept.path / _PRODUCTS), recipe, unit)


def unlabelled_of(
    table: ReadableTable, columns: FileColumns, recipe: TextRecipe, unit: CatalogueUnit
) -> tuple[Products, list[str]]:
    """The same of a table that is in memory, where the products stay.

    Also in words what was not read as it stands. Raises UserError for a fault of the table.
    """
    not_numbers = NotNumbers()
    schema = product_schema(columns)
    batches = [
        pa.RecordBatch.from_pydict(product_columns(raw, recipe, not_numbers), schema)
        for raw in read_products(table, columns)
    ]
    products = _products(ProductFile(pa.Table.from_batches(batches, schema)), recipe, unit)
    return products, [f"{count} cells of {what}" for what, count in not_numbers.by_column().items()]


def _products(stored: ProductFile, recipe: TextRecipe, unit: CatalogueUnit) -> Products:
    return Products(
        product_ids=stored.column("product_id"),
        types=stored.column("product_type"),
        text_keys=stored.column("text_key").to_numpy(),
        recipe=recipe,
        unit=unit,
        stored=stored,
        stored_rows=np.arange(len(stored)),
    )
