"""Errors of groups of products: by type, by training rows of the type, by what texts state."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from product_length.evaluation.metrics import FloatArray, absolute_percentage_errors
from product_length.evaluation.predictions import Predictions
from product_length.evaluation.records import Resampling
from product_length.evaluation.resampling import Mean, interval, resample
from product_length.evaluation.stated import KINDS

# Products by how many training rows have their type: name, and the greatest such number.
_FREQUENCIES = (("0–2", 2), ("3–20", 20), ("21–200", 200), (">200", np.inf))


@dataclass(frozen=True)
class ErrorGroup:
    """Errors of some rows, all fractions but `rows` and `bias`.

    `low`, `high`: the interval of `mape`, None for few rows; `share`: of the sum of all absolute
    percentage errors; `bias`: the median of predicted over true lengths.
    """

    name: str
    rows: int
    mape: float
    low: float | None
    high: float | None
    median_ape: float
    share: float
    bias: float


def by_type_rows(found: Predictions, resampling: Resampling) -> list[ErrorGroup]:
    """By how many training rows have the product's type; empty where that is not known."""
    if found.facts is None:
        return []
    groups = [(f"{name} rows", rows) for name, rows in by_frequency(found.facts.type_rows)]
    return _groups(found, groups, resampling)


def by_statement(found: Predictions, resampling: Resampling) -> list[ErrorGroup]:
    """By what the products' texts state; empty where that is not known."""
    if found.facts is None or found.facts.stated is None:
        return []
    stated = np.array([kind or "" for kind in found.facts.stated])
    return _groups(found, [(kind, stated == kind) for kind in KINDS], resampling)


def by_type(found: Predictions, resampling: Resampling, most: int) -> list[ErrorGroup]:
    """The types with the largest shares of all errors, largest first."""
    errors = absolute_percentage_errors(found.lengths, found.predictions)
    names, codes = np.unique(np.asarray(found.types.to_pylist(), dtype=str), return_inverse=True)
    if len(names) < 2:
        return []
    worst = np.argsort(-np.bincount(codes, weights=errors), kind="stable")[:most]
    groups = [(str(names[code]) or "(none)", codes == code) for code in worst.tolist()]
    return _groups(found, groups, resampling)


def _groups(
    found: Predictions, groups: Sequence[tuple[str, NDArray[np.bool_]]], resampling: Resampling
) -> list[ErrorGroup]:
    some = [(name, rows) for name, rows in groups if rows.any()]
    if not some:
        return []
    errors = absolute_percentage_errors(found.lengths, found.predictions)
    samples = resample(
        [Mean(errors, rows) for _, rows in some],
        len(errors),
        resamples=resampling.resamples,
        seed=resampling.seed,
    )
    return [
        _group(name, rows, errors, found, interval(of, int(rows.sum()), resampling.confidence))
        for (name, rows), of in zip(some, samples, strict=True)
    ]


def _group(
    name: str,
    rows: NDArray[np.bool_],
    errors: FloatArray,
    found: Predictions,
    ends: tuple[float | None, float | None],
) -> ErrorGroup:
    ratios = found.predictions[rows] / found.lengths[rows]
    return ErrorGroup(
        name=name,
        rows=int(rows.sum()),
        mape=float(errors[rows].mean()),
        low=ends[0],
        high=ends[1],
        median_ape=float(np.median(errors[rows])),
        share=float(errors[rows].sum() / errors.sum()) if errors.any() else 0.0,
        bias=float(np.median(ratios)),
    )


def by_frequency(rows_of_type: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Which rows have a type of so many training rows, by the number in words, fewest first."""
    below = -1.0
    for name, most in _FREQUENCIES:
        yield name, (rows_of_type > below) & (rows_of_type <= most)
        below = most
