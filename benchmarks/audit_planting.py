"""Labels changed on purpose: a copy of a catalogue in which some rows have slips that are known."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from product_length.auditing.stated import StatedLength, stated_lengths
from product_length.auditing.written_numbers import digits_of, with_lost_digit, written
from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.units import CatalogueUnit
from product_length.writing import write_text

FACTORS = {"2.54": 2.54, "10": 10.0, "25.4": 25.4, "100": 100.0}
OTHER_SIDE, PACKAGE, LOST_DIGIT = "another side", "the package", "a digit lost"
OTHER_LABEL = "another product's label"
_LEAST_CHANGE = 0.05
"""Relative: a label that is nearer to the old one is not wrong."""
_SAME = 0.02


@dataclass(frozen=True)
class Planted:
    """One changed label, in the catalogue's unit; `row`: 1 is the first data row of the table."""

    row: int
    kind: str
    before: float
    after: float


def plant(catalogue: Catalogue, share: float, seed: int) -> list[Planted]:
    """Change so many labels: each kind of slip as often, as far as there are rows that allow it.

    Where rows lack, another product's label takes their place.
    """
    generator = np.random.default_rng(seed)
    wanted = round(share * len(catalogue))
    rows = np.arange(len(catalogue))
    stated = stated_lengths(catalogue, rows)
    order = generator.permutation(rows).tolist()
    kinds = [*(f"× or ÷ {name}" for name in FACTORS), OTHER_SIDE, PACKAGE, LOST_DIGIT, OTHER_LABEL]
    found: dict[int, Planted] = {}
    # What few rows allow first.
    for kind in [PACKAGE, OTHER_SIDE, LOST_DIGIT, *kinds]:
        count = sum(each.kind == kind for each in found.values())
        quota = -(-wanted // len(kinds)) if kind != OTHER_LABEL else wanted
        for row in order:
            if count >= quota or len(found) >= wanted:
                break
            if row in found:
                continue
            after = _changed(catalogue, row, kind, stated[row], generator)
            before = float(catalogue.exact_lengths[row])
            if after is None or abs(after / before - 1) < _LEAST_CHANGE:
                continue
            found[row] = Planted(int(catalogue.row_numbers[row]), kind, before, after)
            count += 1
    return sorted(found.values(), key=lambda each: each.row)


def _changed(
    catalogue: Catalogue,
    row: int,
    kind: str,
    stated: Sequence[StatedLength],
    generator: np.random.Generator,
) -> float | None:
    before = float(catalogue.exact_lengths[row])
    if kind == OTHER_LABEL:
        return float(generator.choice(catalogue.exact_lengths))
    if kind == LOST_DIGIT:
        return _without_a_digit(before, catalogue.unit, generator)
    if kind in (OTHER_SIDE, PACKAGE):
        sides = [each.value for each in stated if each.is_package is (kind == PACKAGE)]
        if kind == OTHER_SIDE and not any(abs(each / before - 1) < _SAME for each in sides):
            return None  # which side the label is must be known
        others = [each for each in sides if abs(each / before - 1) > 2 * _LEAST_CHANGE]
        return float(generator.choice(others)) if others else None
    factor = FACTORS[kind.removeprefix("× or ÷ ")]
    return before * factor if generator.random() < 0.5 else before / factor


def _without_a_digit(
    length: float, unit: CatalogueUnit, generator: np.random.Generator
) -> float | None:
    """The number as it was most briefly written, with one digit left out."""
    forms = [each for each in written(length, unit) if len(digits_of(each[0])) >= 2]
    if not forms:
        return None
    number, size = min(forms, key=lambda each: len(digits_of(each[0])))
    left = sorted(with_lost_digit(number))
    return float(generator.choice([float(each) for each in left])) * size if left else None


def write_planted(
    table: Path, column: str, planted: Sequence[Planted], copy: Path, truth: Path
) -> None:
    """Write a copy of a CSV with changed labels, and what was changed as JSON."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for each in planted:
        rows[each.row - 1][column] = format(each.after, ".10g")
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    write_text(copy, text.getvalue())
    write_text(truth, json.dumps([asdict(each) for each in planted], indent=1) + "\n")


def read_planted(truth: Path) -> list[Planted]:
    """What `write_planted` changed."""
    return [Planted(**each) for each in json.loads(truth.read_text(encoding="utf-8"))]
