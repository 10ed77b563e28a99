"""A length as it was written by hand: in which units its number is short, and digits lost of it."""

from functools import lru_cache

import numpy as np

from product_length.catalogue.units import MILLIMETRES, CatalogueUnit

_TYPED_IN = ("mm", "cm", "inch")
_PLACES = 2
"""Decimal places that a number written by hand has at most."""
_SAME = 2e-5
"""Relative difference up to which two lengths are one: tables keep six digits and more."""
_LEAST_CHANGE = 0.05
"""Relative: a number that loses less with a digit is hardly wrong."""


@lru_cache(maxsize=200_000)
def written(length: float, unit: CatalogueUnit) -> tuple[tuple[str, float], ...]:
    """The numbers that a length may have been written as, each with its unit's size.

    Those with two decimal places at most in the catalogue's unit, mm, cm and inches, without the
    same digits twice; the size is how many of the catalogue's unit one of the number's is.
    """
    found: dict[str, tuple[str, float]] = {}
    for size in _sizes(unit):
        number = round(length / size, _PLACES)
        if number > 0 and abs(number * size / length - 1) <= _SAME:
            text = f"{number:.{_PLACES}f}".rstrip("0").rstrip(".")
            found.setdefault(digits_of(text), (text, size))
    return tuple(found.values())


def digits_of(number: str) -> str:
    """The significant digits, without point and zeros at the ends."""
    return number.replace(".", "").strip("0")


@lru_cache(maxsize=1_000_000)
def with_lost_digit(number: str) -> frozenset[str]:
    """What is left of a number, as `written`, when one of its digits is not typed; never zero.

    Only what is another length by 5% or more, and not a tenth of it: that is a slip of its own.
    """
    left = set()
    for at, digit in enumerate(number):
        rest = number[:at] + number[at + 1 :]
        if digit == "." or rest != _plain(rest) or not rest.strip("0."):
            continue
        value, whole = float(rest), float(number)
        if abs(value / whole - 1) >= _LEAST_CHANGE and abs(value * 10 / whole - 1) > _SAME:
            left.add(rest)
    return frozenset(left)


def before_lost_digit(number: str) -> set[str]:
    """The numbers, as `written`, from which one digit may have been lost so that this is left."""
    found = set()
    forms = [number] if "." in number else [number, f"{number}."]
    for form in forms:
        for at in range(len(form) + 1):
            for digit in "0123456789":
                longer = form[:at] + digit + form[at:]
                places = len(longer.partition(".")[2])
                if places <= _PLACES and longer == _plain(longer):
                    found.add(longer)
    return {longer for longer in found if number in with_lost_digit(longer)}


def typed_without_digit(label: float, true: float, unit: CatalogueUnit) -> str:
    """How the one became the other, in words: ", that is 15 cm, typed as 5"; "" if in none."""
    names = {size: name for name, size in _sizes_by_name(unit).items()}
    for number, size in written(true, unit):
        for left, of_left in written(label, unit):
            if of_left == size and left in with_lost_digit(number):
                return f", written {number} {names[size]}, became {left}"
    return ""


def _plain(number: str) -> str:
    """Without zeros ahead of it and behind its point."""
    text = number.lstrip("0")
    text = text if text[:1].isdigit() else f"0{text}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _sizes(unit: CatalogueUnit) -> list[float]:
    """Of one in each unit that lengths are written in, in the catalogue's unit; its own first."""
    return list(_sizes_by_name(unit).values())


def _sizes_by_name(unit: CatalogueUnit) -> dict[str, float]:
    own = {str(unit): 1.0}
    if unit.millimetres is None:
        return own
    others = {name: MILLIMETRES[name] / unit.millimetres for name in _TYPED_IN}
    return own | {name: size for name, size in others.items() if not np.isclose(size, 1.0)}
