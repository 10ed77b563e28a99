"""Cheap baselines, fitted on training rows, that every model has to beat.

constant          the weighted median of the training lengths with weights 1/length, which is the
                  constant with the least MAPE
type_median       the same within the product type; types with too few training rows, unseen and
                  empty types fall back to the constant
neighbour_median  the same over the nearest training products, a neighbour counting more the more
                  similar it is
tfidf_ridge       ridge regression of ln(length) on TF-IDF of the text, times the scale that is
                  best for MAPE; the scale comes from held-out folds of the training rows

All predictions are float64, in the catalogue's unit.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from product_length.catalogue.vocabulary import Strings, Vocabulary, as_column
from product_length.features.neighbours.columns import similarity_weights
from product_length.features.neighbours.index import Neighbours
from product_length.weighted_median import (
    weighted_median,
    weighted_median_by_code,
    weighted_median_rows,
)

log = logging.getLogger(__name__)

Lengths = NDArray[np.float64]
Rows = NDArray[np.int64]
# Row numbers int64 (n,) -> their n texts.
Texts = Callable[[Rows], Sequence[str]]

MIN_TYPE_ROWS = 5
"""Training rows that a type needs for a median of its own."""
_PREDICTED_ROWS = 16_384


@dataclass(frozen=True)
class Baselines:
    """Fitted baselines by name, and why a baseline is not among them."""

    predictors: Mapping[str, Callable[[Rows], Lengths]]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def predict(self, rows: Rows) -> dict[str, Lengths]:
        """Lengths float64 (n,), catalogue's unit, by each baseline for rows int64 (n,)."""
        return {name: predictor(rows) for name, predictor in self.predictors.items()}


def fit_baselines(
    *,
    texts: Texts,
    types: Strings,
    lengths: NDArray[np.floating[Any]],
    groups: NDArray[np.uint64],
    train_rows: Rows,
    neighbours: Neighbours | None,
    seed: int,
    min_type_rows: int = MIN_TYPE_ROWS,
    max_text_rows: int = 50_000,
) -> Baselines:
    """Fit all baselines on the training rows; the lengths of other rows are not looked at.

    `texts`: gives the texts of rows. `types`: strings (rows,). `lengths`: float (rows,), in the
    catalogue's unit. `groups`: uint64 (rows,), equal for rows with the same text. `train_rows`:
    int64 (n,), ascending. `neighbours`: of all rows, places in the order of `train_rows`; None when
    the run has none. `max_text_rows`: the most training rows that the ridge is fitted on, sampled
    by `seed`. Raises ValueError when there is no training row, or when the arrays do not match.
    """
    if not len(lengths) == len(types) == len(groups):
        raise ValueError(
            f"lengths ({len(lengths)}), types ({len(types)}) and groups ({len(groups)}) must cover "
            "the same rows"
        )
    if neighbours is not None and len(neighbours.rows) != len(lengths):
        raise ValueError(f"neighbours of {len(neighbours.rows)} rows for {len(lengths)} rows")
    # Not at the top: the other baselines, which a profile has too, need no torch.
    from product_length.evaluation.tfidf_ridge import TooFewTextsError, fit_tfidf_ridge

    known = lengths[train_rows].astype(np.float64)
    if not len(known):
        raise ValueError("no training rows to fit a baseline on")
    constant = weighted_median(known, 1 / known)
    predictors: dict[str, Callable[[Rows], Lengths]] = {
        "constant": lambda rows: np.full(len(rows), constant),
        "type_median": type_median(types, known, 1 / known, train_rows, min_type_rows),
    }
    left_out = {}
    if neighbours is None:
        left_out["neighbour_median"] = "the run has no neighbours (features=knn finds them)"
    else:
        predictors["neighbour_median"] = neighbour_median(neighbours, known, 1 / known)
    chosen = _sample(len(known), max_text_rows, seed)
    try:
        rows = train_rows[chosen]
        of_texts = fit_tfidf_ridge(texts(rows), known[chosen], groups[rows], seed)
        predictors["tfidf_ridge"] = _in_blocks("tfidf_ridge", lambda asked: of_texts(texts(asked)))
    except TooFewTextsError as error:
        left_out["tfidf_ridge"] = str(error)
    return Baselines(predictors, left_out)


def type_median(
    types: Strings,
    known: Lengths,
    weights: NDArray[np.float64],
    train_rows: Rows,
    min_rows: int = MIN_TYPE_ROWS,
) -> Callable[[Rows], Lengths]:
    """Predictor of the weighted median within a row's type, where `min_rows` training rows have it.

    `types`: strings (rows,). `known`, `weights`: float64 (n,), lengths in the catalogue's unit and
    their weights, of `train_rows`, int64 (n,): weights 1/length are for MAPE, equal ones for median
    APE. Other types get the weighted median of all training rows.
    """
    column = as_column(types)
    vocabulary = Vocabulary.fit(column.take(train_rows), min_rows)
    codes = vocabulary.encode(column)
    medians = weighted_median_by_code(known, weights, codes[train_rows], vocabulary.size)
    medians[0] = weighted_median(known, weights)
    return lambda rows: medians[codes[rows]]


def neighbour_median(
    neighbours: Neighbours, known: Lengths, weights: NDArray[np.float64]
) -> Callable[[Rows], Lengths]:
    """Predictor of the median over the nearest training products, by similarity times weight.

    `neighbours`: of all rows; their places, and `known` and `weights`, float64 (n,), as in
    `type_median`, are in the order of the training rows. A row without neighbours gets the weighted
    median of all training rows.
    """
    constant = weighted_median(known, weights)

    def predict(rows: Rows) -> Lengths:
        near = neighbours[rows]
        medians = weighted_median_rows(
            known[near.rows], similarity_weights(near) * weights[near.rows]
        )
        return np.where(np.isnan(medians), constant, medians)

    return _in_blocks("neighbour_median", predict)


def _sample(rows: int, most: int, seed: int) -> Rows:
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _in_blocks(name: str, predict: Callable[[Rows], Lengths]) -> Callable[[Rows], Lengths]:
    """The same predictor, never on more rows at once than memory allows."""

    def predict_blocks(rows: Rows) -> Lengths:
        parts = [np.empty(0)]
        with tqdm(total=len(rows), unit=" rows", desc=name, disable=None, delay=1) as bar:
            for start in range(0, len(rows), _PREDICTED_ROWS):
                parts.append(predict(rows[start : start + _PREDICTED_ROWS]))
                bar.update(len(parts[-1]))
        return np.concatenate(parts)

    return predict_blocks
