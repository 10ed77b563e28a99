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
class Predictions:
    """What one run predicted for one split, in the order of the catalogue.

    `lengths`, `predictions`, `oracle`: float64 (rows,), in the catalogue's unit; `oracle` is
    None where unknown.
    """

    product_ids: Any
    types: Any
    lengths: NDArray[np.float64]
    predictions: NDArray[np.float64]
    oracle: NDArray[np.float64] | None = None


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
) -> Path:
    """Write PRODUCT_ID, PRODUCT_TYPE_ID, length, prediction, ape (fraction) and oracle if known.

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
    sizes = {name: len(column) for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"columns of unequal size: {sizes}")
    facts = {"target": quantity.target, "unit": str(quantity.unit)}
    table = pa.table(columns).replace_schema_metadata(facts)
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
        )
    except FileNotFoundError:
        raise UserError(f"{path}: not there, the run is incomplete; run it again") from None
    except KeyError as error:
        raise UserError(f"{path}: not a file of predictions ({error.args[0]})") from error
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: damaged, run it again ({reason})") from error


def _strings(values: Strings) -> Any:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values.cast(pa.string())
    return pa.array(list(map(str, values)), type=pa.string())


def _numbers(table: Any, name: str) -> NDArray[np.float64]:
    column: NDArray[np.float64] = table.column(name).to_numpy().astype(np.float64)
    return column
