"""Why a label is suspected, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from product_length.auditing.slips import (
    FACTORS,
    LOST_DIGIT,
    OTHER_SIDE,
    PACKAGE,
    Kind,
    is_near,
)
from product_length.auditing.stated import StatedLength
from product_length.auditing.written_numbers import typed_without_digit
from product_length.catalogue.units import CatalogueUnit
from product_length.evaluation.quantity import Quantity

_UNITS_OF: dict[Kind, str] = {
    "× 2.54": "centimetres taken for inches, or converted twice",
    "÷ 2.54": "inches taken for centimetres",
    "× 10": "one place too many",
    "÷ 10": "one place too few",
    "× 25.4": "millimetres taken for inches, or converted twice",
    "÷ 25.4": "inches taken for millimetres",
    "× 100": "two places too many",
    "÷ 100": "two places too few",
}


def reason_for(
    label: float,
    interval_ends: tuple[float, float],
    slip: Kind | None,
    corrected: float | None,
    stated: Sequence[StatedLength],
    quantity: Quantity,
    *,
    tail: float,
    interval: float,
) -> str:
    """What is suspicious of a label, in the catalogue's unit, and which slip would explain it."""
    low, high = interval_ends
    unit = quantity.unit
    if low <= label <= high:
        where = f"lies within {unit.amount(f'{low:.4g} to {high:.4g}')}"
    else:
        side = "below" if label < low else "above"
        where = f"lies {side} {unit.amount(f'{low:.4g} to {high:.4g}')}"
    seen = f"where {100 * interval:g}% of good labels would be ({_in(tail)} so far out)"
    return f"{label:.6g} {where}, {seen}; {_slip(label, slip, corrected, stated, unit)}"


def _slip(
    label: float,
    slip: Kind | None,
    corrected: float | None,
    stated: Sequence[StatedLength],
    unit: CatalogueUnit,
) -> str:
    true = "" if corrected is None else unit.amount(f"{corrected:.6g}")
    if slip is None:
        return "no slip explains it clearly; perhaps another product's"
    if slip in FACTORS:
        named = _stated_as(corrected, stated, is_package=False)
        also = f", which is the {named} that is stated" if named else ""
        return f"{true} {slip} is this label{also} ({_UNITS_OF[slip]})"
    if slip == LOST_DIGIT and corrected is not None:
        typed = typed_without_digit(label, corrected, unit)
        return f"a digit was lost: {true}{typed}"
    named = _stated_as(label, stated, is_package=slip == PACKAGE)
    what = "package" if slip == PACKAGE else named or OTHER_SIDE
    stands = "that is stated"
    instead = _stated_as(corrected, stated, is_package=False)
    if corrected is None:
        return f"it is the {what} {stands}"
    return f"it is the {what} {stands}; the {instead or 'length'} {stands} is {true}"


def _stated_as(
    length: float | None, stated: Sequence[StatedLength], *, is_package: bool
) -> str | None:
    """What a stated length measures; None where this one is not stated."""
    if length is None:
        return None
    sides = [
        each.side
        for each in stated
        if each.is_package is is_package and is_near(each.value, length)
    ]
    return sides[0] if sides else None


def _in(tail: float) -> str:
    """A probability in words: "1 in 2,000 is"."""
    if tail <= 0 or 1 / tail >= 1e6:
        return "fewer than 1 in a million are"
    return f"1 in {1 / tail:,.0f} is" if tail < 0.1 else f"{100 * tail:.0f}% are"
