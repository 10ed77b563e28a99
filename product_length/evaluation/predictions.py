"""Predictions of val and test rows as Parquet, one row per product."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from product_length.errors import UserError
from product_length.evaluation.metrics import absolute_percentage_errors
from product_length.evaluation.quantity import Quantity
from product_length.writing import write_whole

# Typed loosely: pyarrow's stubs do not know a ChunkedArray of any type.
Strings = Sequence[str] | Any


@dataclass(frozen=True)
class ProductFacts:
    """What is known of the products of a split beside their lengths.

    `ends`: float (rows, 2), of the interval that a run reports, in the catalogue's unit, None
    without predicted distributions; `type_rows`: int64 (rows,), training rows of the product's
    type; `stated`: what its text states (`stated.KINDS`), None where the unit is no length or the
    row is not among those that were looked at.
    """

    type_rows: NDArray[np.int64]
    ends: NDArray[np.floating[Any]] | None = None
    stated: Sequence[str | None] | None = None


@dataclass(frozen=True)
class Predictions:
    """What one run predicted for one split, in the order of the catalogue.

    `lengths`, `predictions`, `oracle`: float64 (rows,), in the catalogue's unit; `oracle` and
    `facts` are None where unknown.
    """

    product_ids: Any
    types: Any
    lengths: NDArray[np.float64]
    predictions: NDArray[np.float64]
    oracle: NDArray[np.float64] | None = None
    facts: ProductFacts | None = None


def predictions_path(folder: Path, split: str) -> Path:
    """Where a run folder keeps the predictions of a split ("val" or "test")."""
    return folder / f"predictions_{split}.parquet"


def write_predictions(
    folder: Path,
    split: str,
    *,
    product_ids: Strings,
    types: Strings,
    lengths: ArrayLike,
    predictions: ArrayLike,
    quantity: Quantity,
    oracle: ArrayLike | None = None,
    facts: ProductFacts | None = None,
) -> Path:
    """Write PRODUCT_ID, PRODUCT_TYPE_ID, length, prediction, ape (fraction), and what is known of
    oracle, low and high (of the interval), type_rows, stated.

    Strings and arrays have shape (rows,); lengths, predictions and oracle are in the catalogue's
    unit and keep their dtype. The file's metadata say which unit (`unit`) and which column the
    lengths come from (`target`). Raises ValueError for unequal shapes or lengths and
    predictions that are not positive and finite, UserError when the file cannot be written.
    """
    y, p = np.asarray(lengths), np.asarray(predictions)
    columns = {
        "PRODUCT_ID": _strings(product_ids),
        "PRODUCT_TYPE_ID": _strings(types),
        "length": y,
        "prediction": p,
        "ape": absolute_percentage_errors(y, p),
    }
    if oracle is not None:
        columns["oracle"] = np.asarray(oracle)
    if facts is not None:
        if facts.ends is not None:
            columns |= {"low": facts.ends[:, 0], "high": facts.ends[:, 1]}
        columns["type_rows"] = facts.type_rows
        if facts.stated is not None:
            columns["stated"] = pa.array(facts.stated, type=pa.string())
    sizes = {name: len(column) for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"columns of unequal size: {sizes}")
    metadata = {"target": quantity.target, "unit": str(quantity.unit)}
    table = pa.table(columns).replace_schema_metadata(metadata)
    return write_whole(
        predictions_path(folder, split),
        lambda path: pq.write_table(table, path, compression="zstd"),
    )


def load_predictions(folder: Path, split: str) -> Predictions:
    """Read back what `write_predictions` wrote.

    Raises UserError when the file is missing, damaged, or not such a file.
    """
    path = predictions_path(folder, split)
    try:
        table = pq.read_table(path)
        lengths = _numbers(table, "length")
        predictions = _numbers(table, "prediction")
        absolute_percentage_errors(lengths, predictions)
        return Predictions(
            product_ids=table.column("PRODUCT_ID").combine_chunks(),
            types=table.column("PRODUCT_TYPE_ID").combine_chunks(),
            lengths=lengths,
            predictions=predictions,
            oracle=_numbers(table, "oracle") if "oracle" in table.column_names else None,
            facts=_facts(table),
        )
    except FileNotFoundError:
        raise UserError(f"{path}: not there, the run is incomplete; run it again") from None
    except KeyError as error:
        raise UserError(f"{path}: not a file of predictions ({error.args[0]})") from error
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: damaged, run it again ({reason})") from error


def _facts(table: Any) -> ProductFacts | None:
    names = table.column_names
    if "type_rows" not in names:  # of an earlier version
        return None
    ends = None
    if "low" in names:
        ends = np.stack([_numbers(table, "low"), _numbers(table, "high")], axis=1)
    stated = table.column("stated").to_pylist() if "stated" in names else None
    return ProductFacts(table.column("type_rows").to_numpy(), ends, stated)


def _strings(values: Strings) -> Any:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values.cast(pa.string())
    return pa.array(list(map(str, values)), type=pa.string())


def _numbers(table: Any, name: str) -> NDArray[np.float64]:
    column: NDArray[np.float64] = table.column(name).to_numpy().astype(np.float64)
    return column
