"""What is written of each product: its id, the predicted length, the interval, what is kept."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from product_length.catalogue.column_types import column_types
from product_length.catalogue.file_columns import FileColumns
from product_length.catalogue.products import Products
from product_length.errors import ConfigError
from product_length.prediction.config import PredictedData
from product_length.prediction.read_columns import ROW

INTERVAL = ("LOWER", "UPPER")
REASONS = "REASONS"


def check_names(
    columns: FileColumns, target: str, *, interval: bool, reasons: bool = False
) -> None:
    """Raise ConfigError when two columns that are written would have one name.

    `target`: the name of the predicted length.
    """
    written = {ROW: "the number of each row"}
    if columns.product_id is not None:
        written = {columns.product_id: "the id of each product"}
    predicted = {target: "the predicted length"}
    predicted |= dict.fromkeys(INTERVAL if interval else (), "an end of the interval")
    predicted |= {REASONS: "the reasons"} if reasons else {}
    for name, what in predicted.items():
        if name in written:
            raise ConfigError(
                f"data.columns.product_id={name}: the output has {what} under that name; rename "
                "that column of the table"
            )
        written[name] = what
    for name in columns.keep:
        if name in written:
            raise ConfigError(
                f"keep={name}: the output has {written[name]} under that name; leave it out of "
                "keep, or rename that column of the table"
            )


def output_schema(
    data: PredictedData,
    products: Products,
    columns: FileColumns,
    target: str,
    *,
    interval: bool,
    reasons: bool = False,
) -> pa.Schema:
    """Names and types of what is written, in order; the id and what is kept as in the table.

    Raises UserError for a fault of the file.
    """
    texts = {name: products.kept(name) for name in columns.keep}
    if columns.product_id is not None:
        texts[columns.product_id] = products.product_ids
    types = column_types(data.path, texts, data.as_written())
    named = columns.product_id or ROW
    return pa.schema(
        [(named, types.get(named, pa.int64()))]
        + [(name, pa.float32()) for name in (target, *(INTERVAL if interval else ()))]
        + ([(REASONS, pa.string())] if reasons else [])
        + [(name, types[name]) for name in columns.keep]
    )


def rows_to_write(
    products: Products,
    keep: Sequence[str],
    lengths: Sequence[NDArray[np.float32]],
    reasons: Sequence[str] | None = None,
) -> list[pa.Array]:
    """The columns of some products, as `output_schema` has them: strings, and float32 lengths."""
    texts = [products.product_ids, *(products.kept(name) for name in keep)]
    product_ids, *kept = (each.combine_chunks() for each in texts)
    said = [] if reasons is None else [pa.array(reasons, pa.string())]
    return [product_ids, *map(pa.array, lengths), *said, *kept]
