"""What a run's page shows of single products: facts of all that were scored, examples in full."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.split import TRAIN
from product_length.catalogue.vocabulary import rows_of_type
from product_length.evaluation.examples import (
    TEXT_CHARACTERS,
    Example,
    best_and_worst,
    sampled_rows,
)
from product_length.evaluation.intervals import LEVEL
from product_length.evaluation.metrics import absolute_percentage_errors
from product_length.evaluation.predictions import ProductFacts
from product_length.evaluation.stated import what_texts_state
from product_length.features.columns import Columns
from product_length.prediction.predictor import Predictor
from product_length.prediction.reasons import reason_lines
from product_length.training.predict import intervals_of

MOST_PARSED = 20_000
"""Products of a split whose texts are read for the lengths that they state; of more a sample."""


def product_facts(
    catalogue: Catalogue,
    splits: Mapping[str, NDArray[np.int64]],
    predictor: Predictor,
    raw: Mapping[str, Tensor],
) -> dict[str, ProductFacts]:
    """Of each split: `splits`: row numbers int64 (n,) by name; `raw`: (n, outputs) by name."""
    train_types = catalogue.types.take(catalogue.rows(TRAIN))
    found = {}
    for split, rows in splits.items():
        ends = None
        if predictor.calibration is not None:
            coverage = predictor.calibration.coverage(LEVEL)
            ends = intervals_of(predictor.objective, raw[split], coverage)
        type_rows = rows_of_type(catalogue.types.take(rows), train_types)
        found[split] = ProductFacts(type_rows, ends, _stated(catalogue, rows))
    return found


def examples(
    catalogue: Catalogue,
    rows: NDArray[np.int64],
    predicted: NDArray[np.float32],
    facts: ProductFacts,
    split: str,
    predictor: Predictor,
    columns: Columns,
) -> list[Example]:
    """The products of a split, row numbers int64 (n,), that were predicted best and worst.

    `predicted`: float32 (n,), in the catalogue's unit; `columns`: of the features, of all rows.
    """
    lengths = catalogue.lengths[rows]
    errors = absolute_percentage_errors(lengths, predicted)
    chosen = best_and_worst(errors)
    at_row = np.sort(rows[chosen])
    lines = reason_lines(
        predictor,
        catalogue.take(at_row),
        {name: column[at_row] for name, column in columns.items()},
        predicted,  # read for words only
        torch.device("cpu"),
        predictor.decision,
        words=False,
    )
    reasons = dict(zip(at_row.tolist(), lines, strict=True))
    found = []
    for at in chosen.tolist():
        row = int(rows[at])
        low, high = (None, None) if facts.ends is None else map(float, facts.ends[at])
        text = catalogue.texts(row, row + 1)[0]
        found.append(
            Example(
                split=split,
                row=at,
                product_id=str(catalogue.product_ids[row]),
                product_type=str(catalogue.types[row]),
                text=text if len(text) <= TEXT_CHARACTERS else text[: TEXT_CHARACTERS - 1] + "…",
                length=float(lengths[at]),
                prediction=float(predicted[at]),
                ape=float(errors[at]),
                low=low,
                high=high,
                stated=None if facts.stated is None else facts.stated[at],
                reasons=reasons[row],
            )
        )
    return found


def _stated(catalogue: Catalogue, rows: NDArray[np.int64]) -> list[str | None] | None:
    some = sampled_rows(len(rows), MOST_PARSED)
    kinds = what_texts_state(catalogue.take(rows[some]), catalogue.lengths[rows[some]])
    if kinds is None:
        return None
    stated: list[str | None] = [None] * len(rows)
    for at, kind in zip(some.tolist(), kinds, strict=True):
        stated[at] = kind
    return stated
