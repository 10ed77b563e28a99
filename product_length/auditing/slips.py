"""How a label may have become wrong, and how probable each way is for each row.

Each kind of slip makes another label of the true length. The probability of a label by a slip is
that of the true lengths from which the slip makes it, under what is predicted for the product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from product_length.auditing.label_probability import (
    SAME,
    WINDOWS,
    Floats,
    LabelCounts,
    Predicted,
    label_probability,
)
from product_length.auditing.stated import StatedLength
from product_length.auditing.written_numbers import before_lost_digit, with_lost_digit, written
from product_length.catalogue.units import CatalogueUnit

Kind = Literal[
    "another product's label",
    "× 2.54",
    "÷ 2.54",
    "× 10",
    "÷ 10",
    "× 25.4",
    "÷ 25.4",
    "× 100",
    "÷ 100",
    "another side",
    "the package",
    "a digit lost",
]
OTHER_LABEL: Kind = "another product's label"
OTHER_SIDE: Kind = "another side"
PACKAGE: Kind = "the package"
LOST_DIGIT: Kind = "a digit lost"
FACTORS: dict[Kind, float] = {
    "× 2.54": 2.54,
    "÷ 2.54": 1 / 2.54,
    "× 10": 10.0,
    "÷ 10": 0.1,
    "× 25.4": 25.4,
    "÷ 25.4": 1 / 25.4,
    "× 100": 100.0,
    "÷ 100": 0.01,
}
"""How many times the true length the label is."""
Probability = Callable[[NDArray[np.int64], Floats], Floats]
"""Of labels, ln float64 (m,), for rows int64 (m,)."""
_OF_LENGTHS: frozenset[Kind] = frozenset(("× 2.54", "÷ 2.54", "× 25.4", "÷ 25.4"))
"""Slips between units of length."""
_STATED = 0.01
"""In log length: so near a label is a length that is stated."""
_TRUTH_IS_STATED = 0.7
"""Where the label is another side, the true one is stated too this often."""
_DIFFERENT = 0.05
"""In log length: two lengths that are nearer are one, written in two ways."""


def kinds_of(unit: CatalogueUnit) -> tuple[Kind, ...]:
    """The kinds of slips that can befall a label in this unit."""
    factors = [kind for kind in FACTORS if unit.is_length or kind not in _OF_LENGTHS]
    return (OTHER_LABEL, *factors, OTHER_SIDE, PACKAGE, LOST_DIGIT)


@dataclass(frozen=True)
class Explained:
    """How probable each row's label is if it is right, and by each kind of slip.

    `right`: float64 (rows,); `by_slip`: float64 (rows, kinds); `corrected`: float64 (rows, kinds),
    ln of the true length that the slip speaks for most, NaN where it names none.
    """

    kinds: tuple[Kind, ...]
    right: Floats
    by_slip: Floats
    corrected: Floats

    def put(self, rows: NDArray[np.int64], some: Explained) -> None:
        """Set some rows, int64 (n,), in place."""
        self.right[rows], self.by_slip[rows] = some.right, some.by_slip
        self.corrected[rows] = some.corrected


def explain(
    predicted: Predicted,
    lengths: Floats,
    counts: LabelCounts,
    unit: CatalogueUnit,
    stated: Sequence[Sequence[StatedLength]] | None = None,
) -> Explained:
    """Of rows with these labels, float64 (rows,), and what each of them states.

    Without `stated` only by slips that need no look at the text or at digits, which is fast.
    """
    kinds, logs = kinds_of(unit), np.log(lengths)
    rows = np.arange(len(logs))
    by_slip = np.zeros((len(logs), len(kinds)))
    corrected = np.full((len(logs), len(kinds)), np.nan)
    sides = _table([[each.value for each in some] for some in stated or [()] * len(logs)])

    def probability(at: NDArray[np.int64], some: Floats) -> Floats:
        is_stated = np.any(np.abs(sides[at] - some[:, None]) <= _STATED, axis=1)
        return label_probability(predicted, at, some, counts, own=logs[at], is_stated=is_stated)

    for column, kind in enumerate(kinds):
        if kind in FACTORS:
            true = logs - np.log(FACTORS[kind])
            by_slip[:, column], corrected[:, column] = probability(rows, true), true
        elif kind == OTHER_LABEL:
            by_slip[:, column] = _of_any_product(logs, counts)
        elif stated is not None:
            by_slip[:, column], corrected[:, column] = (
                _by_lost_digit(logs, unit, counts, probability)
                if kind == LOST_DIGIT
                else _by_side(predicted, logs, stated, is_package=kind == PACKAGE)
            )
    return Explained(kinds, probability(rows, logs), by_slip, corrected)


def is_near(length: float, other: float) -> bool:
    """Whether two lengths of one unit are the same, as near as texts state them."""
    return abs(float(np.log(length / other))) <= _STATED


def _of_any_product(logs: Floats, counts: LabelCounts) -> Floats:
    """The probability of the label among those of the other rows: float64 (rows,)."""
    others = len(counts.logs) - 1
    found = np.zeros(len(logs))
    for half in WINDOWS:
        near = counts.count(logs, half) - 1 + 1 / len(counts.logs)
        found += near / others * counts.share(logs, half, logs) / len(WINDOWS)
    return found


def _table(values: Sequence[Sequence[float]]) -> Floats:
    """ln of some values of each row, float64 (rows, most), infinite where a row has no more."""
    most = max((len(some) for some in values), default=0)
    table = np.full((len(values), most), np.inf)
    for row, some in enumerate(values):
        table[row, : len(some)] = np.log(some)
    return table


def _by_side(
    predicted: Predicted,
    logs: Floats,
    stated: Sequence[Sequence[StatedLength]],
    *,
    is_package: bool,
) -> tuple[Floats, Floats]:
    """That the label is a stated length which is not the product's, and the true one, ln."""
    found, corrected = np.zeros(len(logs)), np.full(len(logs), np.nan)
    for row, some in enumerate(stated):
        own = np.log([each.value for each in some if each.is_package is is_package])
        hits = np.abs(own - logs[row]) <= _STATED
        if not hits.any():
            continue
        every = np.log([each.value for each in some if not each.is_package])
        others = np.unique(np.round(every[np.abs(every - logs[row]) > _DIFFERENT], 3))
        at = np.full(len(others) + 1, row)
        mass = predicted.near(at, np.append(others, logs[row]), WINDOWS[-1])
        other_mass = float(mass[:-1].sum())
        chance = hits.sum() / len(own)
        true = _TRUTH_IS_STATED * other_mass + (1 - _TRUTH_IS_STATED) * (1 - mass[-1])
        found[row] = chance * true
        if other_mass > 0:
            corrected[row] = others[int(mass[:-1].argmax())]
    return found, corrected


def _by_lost_digit(
    logs: Floats, unit: CatalogueUnit, counts: LabelCounts, probability: Probability
) -> tuple[Floats, Floats]:
    """That one digit of the true length was not typed, and the true one, ln."""
    values, places = np.unique(logs, return_inverse=True)
    true, weights, sizes = [], [], []
    for value in values.tolist():
        found = _before_lost_digit(float(np.exp(value)), unit)
        true += [each for each, _ in found]
        weights += [weight for _, weight in found]
        sizes.append(len(found))
    by_slip, corrected = np.zeros(len(logs)), np.full(len(logs), np.nan)
    # Of each row the numbers that its label may come from, all rows one after the other.
    counts_of = np.array(sizes)[places]
    if not counts_of.sum():
        return by_slip, corrected
    starts = np.cumsum(sizes) - sizes
    inside = np.arange(counts_of.sum()) - np.repeat(np.cumsum(counts_of) - counts_of, counts_of)
    source = np.repeat(starts[places], counts_of) + inside
    at, some = np.repeat(np.arange(len(logs)), counts_of), np.log(true)[source]
    # A true length is one that the catalogue has: nobody types a rare one, and wrong.
    known = counts.count(some, SAME) > 0
    at, some, source = at[known], some[known], source[known]
    each = probability(at, some) * np.array(weights)[source]
    np.add.at(by_slip, at, each)
    order = np.argsort(each, kind="stable")  # the most probable of a row is the last to be set
    corrected[at[order]] = some[order]
    return by_slip, corrected


@lru_cache(maxsize=100_000)
def _before_lost_digit(length: float, unit: CatalogueUnit) -> tuple[tuple[float, float], ...]:
    """The lengths that may have lost a digit so, and the probability of this loss for each."""
    found: dict[float, float] = {}
    for number, size in written(length, unit):
        for longer in before_lost_digit(number):
            true = float(longer) * size
            forms = max(len(written(true, unit)), 1)
            weight = 1 / len(with_lost_digit(longer)) / forms
            found[true] = found.get(true, 0.0) + weight
    return tuple(found.items())
