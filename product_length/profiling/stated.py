"""What texts state of a product's size, and how its label compares with it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from product_length.catalogue.catalogue import Catalogue
from product_length.evaluation.wording import shortened
from product_length.measurements.measurement import Role, Subject, Unit
from product_length.profiling.sample import Sample

NEAR = 0.01
"""A label is a stated length that is within so much of it, relative."""
_SLIPS = {
    2.54: "centimetres taken for inches",
    1 / 2.54: "inches taken for centimetres",
    10.0: "millimetres taken for centimetres, or a decimal mark lost",
    1 / 10: "centimetres taken for millimetres, or a digit lost",
    25.4: "millimetres taken for inches",
    1 / 25.4: "inches taken for millimetres",
    100.0: "centimetres taken for metres, or a decimal mark lost",
    1 / 100: "metres taken for centimetres, or two digits lost",
    12.0: "inches taken for feet",
    1 / 12: "feet taken for inches",
    30.48: "centimetres taken for feet",
    1 / 30.48: "feet taken for centimetres",
    39.37: "inches taken for metres",
    1 / 39.37: "metres taken for inches",
}
"""Factors from a stated length to the label, and the mistakes that they come of."""
_SHUFFLES = 5
_ASIDE = (0.93, 0.96, 1.04, 1.07)
"""Beside a factor, where no mistake leads to: what is there is there by chance."""
_LEAST_ROWS = 10
_LEAST_SHARE = 0.0005
_TIMES, _DEVIATIONS = 2.0, 4.0
"""A pile is so many times what chance explains, and so many of its deviations (Poisson) above."""
_EXAMPLES = 5
_TEXT_LETTERS = 100
_BINS_A_DECADE, _DECADES = 60, 2
UNNAMED = "no side named"


@dataclass(frozen=True)
class SideFigures:
    """A side, or another choice among what a text states. `rows`: of the sample that state it.

    `is_label`: share of these rows whose label is it, within 1%.
    """

    name: str
    rows: int
    is_label: float


@dataclass(frozen=True)
class SlipExample:
    """A row whose label is so many times what its text states, both in the catalogue's unit."""

    product_id: str
    text: str
    stated: float
    length: float


@dataclass(frozen=True)
class UnitSlip:
    """Labels that are `factor` times a stated length while none of the stated ones is the label.

    `rows`: of the sample; `by_chance`: as many would be expected without any mistake. `in_words`:
    the mistakes that lead to the factor. `stands_out`: whether they are more than chance.
    """

    factor: float
    in_words: str
    rows: int
    by_chance: float
    stands_out: bool
    examples: tuple[SlipExample, ...]


@dataclass(frozen=True)
class StatedFigures:
    """Of the sample, `sampled` rows. Counted are lengths of the product with a unit.

    `stating`: rows that state one; `without_unit`, `package`: rows with a size without a unit, of
    the package. `is_label`: of the stating rows, those one of whose lengths is the label within 1%,
    None where the catalogue's unit is no length. `ratio_edges` and `ratios`: a histogram of
    label/stated, over all pairs of a label and a length in the texts of the other stating rows.
    """

    sampled: int
    stating: int
    without_unit: int
    package: int
    is_label: int | None
    sides: tuple[SideFigures, ...]
    units: dict[str, int]
    ratio_edges: tuple[float, ...]
    ratios: tuple[int, ...]
    slips: tuple[UnitSlip, ...]


def stated_figures(catalogue: Catalogue, sample: Sample) -> StatedFigures:
    """Of the texts of a sample of a catalogue."""
    found = sample.candidates
    there = ~np.isnan(found.values)
    of_product = there & (found.subjects == Subject.PRODUCT)
    measured = of_product & (found.units != Unit.MISSING)
    stating = measured.any(axis=1)
    millimetres = catalogue.unit.millimetres
    edges: NDArray[np.float64] = np.zeros(0)
    counts: NDArray[np.int64] = np.zeros(0, np.int64)
    is_label, sides, slips = None, [], []
    lengths = catalogue.exact_lengths[sample.rows]
    if millimetres is not None:
        logs = np.log(np.where(measured, found.values.astype(np.float64), np.nan) / millimetres)
        ratios = np.log(lengths)[:, None] - logs
        stated = _any_near(ratios, 1.0)
        is_label = int(stated.sum())
        sides = list(_sides(ratios, logs, found.roles, found.places))
        places = np.flatnonzero(stating)
        slips = _slips(catalogue, sample.rows[places], logs[places], lengths[places])
        edges = 10 ** (
            np.arange(-_DECADES * _BINS_A_DECADE, _DECADES * _BINS_A_DECADE + 1) / _BINS_A_DECADE
        )
        # Bins have their factor in the middle, so that 1 is not on an edge.
        edges = edges[:-1] * 10 ** (0.5 / _BINS_A_DECADE)
        counts = np.histogram(np.exp(ratios[measured & ~stated[:, None]]), edges)[0]
    return StatedFigures(
        sampled=len(lengths),
        stating=int(stating.sum()),
        without_unit=int((of_product & (found.units == Unit.MISSING)).any(axis=1).sum()),
        package=int((there & (found.subjects == Subject.PACKAGE)).any(axis=1).sum()),
        is_label=is_label,
        sides=tuple(sides),
        units={
            unit.name.lower(): rows
            for unit in Unit
            if unit is not Unit.MISSING
            and (rows := int((measured & (found.units == unit)).any(axis=1).sum()))
        },
        ratio_edges=tuple(edges.tolist()),
        ratios=tuple(counts.tolist()),
        slips=tuple(slips),
    )


def _any_near(ratios: NDArray[np.float64], factor: float) -> NDArray[np.bool_]:
    """Which rows have one of ln(label/stated), float64 (rows, n), near ln(factor): bool (rows,)."""
    near: NDArray[np.bool_] = (np.abs(ratios - np.log(factor)) < NEAR).any(axis=1)
    return near


def _sides(
    ratios: NDArray[np.float64],
    logs: NDArray[np.float64],
    roles: NDArray[np.uint8],
    places: NDArray[np.uint8],
) -> Iterator[SideFigures]:
    """Each named side, and the longest, the shortest and the first of what is stated."""
    known = ~np.isnan(logs)
    chosen = {
        role.name.lower() if role is not Role.NONE else UNNAMED: known & (roles == role)
        for role in Role
    }
    high = np.where(known, logs, -np.inf).max(axis=1, keepdims=True)
    low = np.where(known, logs, np.inf).min(axis=1, keepdims=True)
    chosen["the longest of all"] = known & (logs == high)
    chosen["the shortest of all"] = known & (logs == low)
    chosen["the first of all"] = known & (np.cumsum(known, axis=1) == 1)
    in_chain = known & (places > 0)
    # The first number of `10 x 20 x 5 cm` has place 0, as one that stands alone: it is the one
    # ahead of a second one.
    begins = np.zeros_like(known)
    begins[:, :-1] = known[:, :-1] & (places[:, 1:] == 1) & known[:, 1:]
    chosen["the first of a chain (10 x 20 x 5)"] = begins
    chosen["another one of a chain"] = in_chain
    for name, mask in chosen.items():
        rows = mask.any(axis=1)
        if rows.any():
            near = (np.abs(ratios) < NEAR) & mask
            count = int(rows.sum())
            yield SideFigures(name, count, float(near.any(axis=1).sum() / count))


def _slips(
    catalogue: Catalogue,
    rows: NDArray[np.int64],
    logs: NDArray[np.float64],
    lengths: NDArray[np.float64],
) -> list[UnitSlip]:
    """Of rows int64 (n,) that state a length: ln of what is stated (n, most), labels (n,)."""
    stating, labels = len(rows), np.log(lengths)
    unlike = np.flatnonzero(~_any_near(labels[:, None] - logs, 1.0))
    rows, logs, labels, lengths = rows[unlike], logs[unlike], labels[unlike], lengths[unlike]
    if not len(rows):
        return []
    found = labels[:, None] - logs
    generator = np.random.default_rng(0)
    shuffled = [generator.permutation(labels)[:, None] - logs for _ in range(_SHUFFLES)]
    slips = []
    for factor, in_words in _SLIPS.items():
        near = _any_near(found, factor)
        beside = np.mean([_any_near(found, factor * each).sum() for each in _ASIDE])
        mixed = np.mean([_any_near(each, factor).sum() for each in shuffled])
        count, chance = int(near.sum()), float(max(beside, mixed))
        least = max(_LEAST_ROWS, _LEAST_SHARE * stating, _TIMES * chance)
        slips.append(
            UnitSlip(
                factor=factor,
                in_words=in_words,
                rows=count,
                by_chance=chance,
                stands_out=count >= max(least, chance + _DEVIATIONS * chance**0.5),
                examples=_examples(catalogue, rows, found, lengths, near, factor),
            )
        )
    return sorted(slips, key=lambda slip: -slip.rows)


def _examples(
    catalogue: Catalogue,
    rows: NDArray[np.int64],
    ratios: NDArray[np.float64],
    lengths: NDArray[np.float64],
    near: NDArray[np.bool_],
    factor: float,
) -> tuple[SlipExample, ...]:
    places = np.flatnonzero(near)[:_EXAMPLES]
    off = np.abs(ratios[places] - np.log(factor))
    nearest = np.take_along_axis(
        ratios[places], np.nan_to_num(off, nan=np.inf).argmin(axis=1)[:, None], axis=1
    )[:, 0]
    texts = catalogue.texts_of(rows[places]) if len(places) else []
    ids = catalogue.product_ids.take(rows[places]).to_pylist() if len(places) else []
    return tuple(
        SlipExample(each, shortened(text, _TEXT_LETTERS), float(length / np.exp(ratio)), length)
        for each, text, length, ratio in zip(
            ids, texts, lengths[places].tolist(), nearest.tolist(), strict=True
        )
    )
