"""Rows of the same text, and how much their labels disagree: a floor for any model."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.text import string_keys
from product_length.evaluation.wording import shortened
from product_length.weighted_median import weighted_median

SAME = 0.01
"""Lengths agree that differ by at most so much of the shorter one."""
_EXAMPLES = 10
_MAX_LENGTHS = 8
_TEXT_LETTERS = 160
_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class RepeatedText:
    """One text of several rows, the beginning of it, and distinct lengths, ascending."""

    text: str
    rows: int
    ids: tuple[str, ...]
    lengths: tuple[float, ...]


@dataclass(frozen=True)
class RepeatFigures:
    """Of all rows kept. `rows`: whose text another row has too; `texts`: distinct ones of theirs.

    `disagreeing`: share of these texts whose longest length is more than 1% above the shortest;
    `ratio`: the median of longest/shortest of those, None without any. `same_inputs_rows`: rows
    with the same text, type, numbers and categories as another. `floor`: a model that sees no more
    than these has at least this MAPE on all rows (fraction): the least that one answer for equal
    inputs allows; `floor_repeated`: on the rows with repeated inputs, None without any.
    """

    rows: int
    texts: int
    disagreeing: float
    ratio: float | None
    same_inputs_rows: int
    floor: float
    floor_repeated: float | None
    examples: tuple[RepeatedText, ...]


def repeat_figures(catalogue: Catalogue) -> RepeatFigures:
    """Of all rows of a catalogue."""
    lengths = catalogue.exact_lengths
    by_text = _groups(catalogue.text_keys)
    ratios = np.array([lengths[rows].max() / lengths[rows].min() for rows in by_text])
    apart = ratios > 1 + SAME
    by_inputs = _groups(_input_keys(catalogue))
    errors = [_least_errors(lengths[rows]) for rows in by_inputs]
    repeated = sum(map(len, by_inputs))
    return RepeatFigures(
        rows=sum(map(len, by_text)),
        texts=len(by_text),
        disagreeing=float(apart.mean()) if len(apart) else 0.0,
        ratio=float(np.median(ratios[apart])) if apart.any() else None,
        same_inputs_rows=repeated,
        floor=sum(errors) / len(lengths),
        floor_repeated=sum(errors) / repeated if repeated else None,
        examples=_examples(catalogue, by_text, ratios),
    )


def _groups(keys: NDArray[np.uint64]) -> list[NDArray[np.int64]]:
    """Rows with the same key, of keys uint64 (rows,) that more than one row has."""
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order])) + 1
    bounds = np.concatenate(([0], starts, [len(order)]))
    several = np.flatnonzero(np.diff(bounds) > 1)  # most have one row: those make no array
    return [order[bounds[at] : bounds[at + 1]] for at in several]


def _input_keys(catalogue: Catalogue) -> NDArray[np.uint64]:
    """Of all that a model sees of each row: uint64 (rows,), equal where it is the same."""
    keys = catalogue.text_keys
    texts = [catalogue.types, *map(catalogue.category, catalogue.category_names)]
    for column in texts:
        keys = _mixed(keys, np.concatenate([string_keys(chunk) for chunk in column.chunks]))
    for name in catalogue.number_names:
        keys = _mixed(keys, catalogue.number(name).view(np.uint64))
    return keys


def _mixed(keys: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One key of two: equal only where both are, as far as 64 bits can tell."""
    mixed = (keys ^ (keys >> np.uint64(32))) * _ODD + others
    mixed = (mixed ^ (mixed >> np.uint64(29))) * _ODD
    return mixed ^ (mixed >> np.uint64(32))


def _least_errors(lengths: NDArray[np.float64]) -> float:
    """The sum of relative errors of the one answer that is best for these lengths, float64 (n,)."""
    best = weighted_median(lengths, 1 / lengths)
    return float(np.abs(best / lengths - 1).sum())


def _examples(
    catalogue: Catalogue, groups: list[NDArray[np.int64]], ratios: NDArray[np.float64]
) -> tuple[RepeatedText, ...]:
    """The texts whose labels disagree most."""
    worst = np.argsort(-ratios, kind="stable")[:_EXAMPLES]
    return tuple(_example(catalogue, groups[at]) for at in worst if ratios[at] > 1 + SAME)


def _example(catalogue: Catalogue, rows: NDArray[np.int64]) -> RepeatedText:
    text = catalogue.texts_of(rows[:1])[0]
    return RepeatedText(
        text=shortened(text, _TEXT_LETTERS),
        rows=len(rows),
        ids=tuple(catalogue.product_ids.take(rows[:3]).to_pylist()),
        lengths=tuple(np.unique(catalogue.exact_lengths[rows])[:_MAX_LENGTHS].tolist()),
    )
