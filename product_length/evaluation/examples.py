"""The products that a run predicted best and worst, kept with their texts for people to read."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from product_length.errors import UserError
from product_length.evaluation.metrics import FloatArray
from product_length.evaluation.records import Record
from product_length.writing import write_text

EXAMPLES_FILE = "examples.json"
SHOWN = 12
"""Products among the best, and among the worst."""
TEXT_CHARACTERS = 400


class Example(Record):
    """One product: `length`, `prediction` and the interval's ends in the catalogue's unit.

    `row`: its place among the predictions of its split; `ape`: a fraction; `text` may be cut;
    `reasons`: why it got its length, in plain words.
    """

    split: str
    row: int
    product_id: str
    product_type: str
    text: str
    length: float
    prediction: float
    ape: float
    low: float | None = None
    high: float | None = None
    stated: str | None = None
    reasons: str = ""


_EXAMPLES = TypeAdapter(list[Example])


def sampled_rows(rows: int, count: int) -> NDArray[np.int64]:
    """At most `count` of `rows` row numbers, ascending; the same ones every time."""
    chosen = np.random.default_rng(0).choice(rows, size=min(rows, count), replace=False)
    return np.sort(chosen).astype(np.int64)


def best_and_worst(errors: FloatArray, most: int = SHOWN) -> NDArray[np.int64]:
    """Rows of the smallest errors, best first, then of the largest, worst first; no row twice."""
    order = np.argsort(errors, kind="stable")
    some = min(most, len(order) // 2)
    return np.concatenate([order[:some], order[::-1][:some]])


def write_examples(folder: Path, examples: Sequence[Example]) -> Path:
    """Write the examples of a run folder. Raises UserError when they cannot be written."""
    lines = [json.dumps(each.model_dump(), ensure_ascii=False) for each in examples]
    return write_text(folder / EXAMPLES_FILE, "[\n" + ",\n".join(lines) + "\n]\n")


def load_examples(folder: Path) -> list[Example]:
    """The examples of a run folder, none where it has none. Raises UserError for damage."""
    path = folder / EXAMPLES_FILE
    try:
        return _EXAMPLES.validate_json(path.read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, ValidationError) as error:
        raise UserError(f"{path}: damaged ({str(error).splitlines()[0]}); run it again") from error
