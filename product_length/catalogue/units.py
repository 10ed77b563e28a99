"""The unit that the lengths of a catalogue are in."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

MILLIMETRES = {
    "hundredth_inch": 0.254,
    "mm": 1.0,
    "cm": 10.0,
    "m": 1000.0,
    "inch": 25.4,
    "ft": 304.8,
    "yard": 914.4,
}
"""Units of length by name: how many millimetres one of each is."""

CELL = "cell"
"""As a unit: each cell says its own, as in `30 cm`."""

_OTHER_NAMES = {
    "hundredth_inch": ("1/100 inch", "1/100 in", "hundredths of an inch"),
    "mm": ("millimetre", "millimeter"),
    "cm": ("centimetre", "centimeter"),
    "m": ("metre", "meter"),
    "inch": ("in", '"', "″", "zoll"),
    "ft": ("foot", "feet", "'"),
    "yard": ("yd",),
}
_NAME_OF = {
    spelling: name
    for name, others in _OTHER_NAMES.items()
    for each in (name, *others)
    for spelling in (each, f"{each}s", f"{each}es", f"{each}.")
}
_OTHER_LENGTHS = re.compile(
    r"(km|dm|[µu]m|nm|mi|miles?|microns?|(kilo|deci|micro|nano)met(re|er)s?)\.?", re.IGNORECASE
)
_AT_THE_END = re.compile(r"(?:^|[\W_])([^\W\d_]+\.?)[\W_]*$")


@dataclass(frozen=True)
class CatalogueUnit:
    """The unit of a catalogue's lengths, or of another quantity that stands in their place.

    `millimetres`: how many one of it is; None where it is no unit of length, as kg.
    """

    name: str
    millimetres: float | None

    @classmethod
    def named(cls, name: str) -> CatalogueUnit:
        """The unit of that name, or one of one's own, which is no length.

        Raises ValueError for a blank name, and for a unit of length that is not offered.
        """
        plain = " ".join(name.split())
        if not plain or not plain.isprintable():
            raise ValueError("give the name of a unit, such as cm or kg")
        known = _NAME_OF.get(plain.lower())
        if known is not None:
            return cls(known, MILLIMETRES[known])
        if _OTHER_LENGTHS.fullmatch(plain):
            offered = ", ".join(MILLIMETRES)
            raise ValueError(f"{plain}: lengths are in one of {offered}; convert them to one")
        return cls(plain, None)

    @property
    def is_length(self) -> bool:
        """Whether stated lengths can be converted to it."""
        return self.millimetres is not None

    def in_unit(self, other: CatalogueUnit) -> float:
        """How many of the other unit one of this is. Raises ValueError where one is no length."""
        if self.millimetres is None or other.millimetres is None:
            raise ValueError(f"{self} and {other} are not both units of length")
        return self.millimetres / other.millimetres

    @property
    def in_model_units(self) -> float:
        """How many of the model's unit one of it is.

        The model sees every length in 1/100 inch, so that it is trained in the same way, to the
        last bit, whatever the catalogue's unit. What is no length has the catalogue's unit.
        """
        if self.millimetres is None:
            return 1.0
        return self.millimetres / MILLIMETRES["hundredth_inch"]

    def amount(self, number: str) -> str:
        """A number, or a range of numbers, in it: "30 cm", "600 (1/100 inch)"."""
        named = str(self)
        return f"{number} ({named})" if named[0].isdigit() else f"{number} {named}"

    def rounded(self, *values: float) -> str:
        """A value of it, or a range from one to another, to three digits: "27.5 to 30 cm"."""
        shown = dict.fromkeys(map(three_digits, values))
        return self.amount(" to ".join(shown))

    def __str__(self) -> str:
        return "1/100 inch" if self.name == "hundredth_inch" else self.name


def three_digits(value: float) -> str:
    """A value to three significant digits, never with an exponent: "1,060", "27.5", "0.00123"."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = 2 - math.floor(math.log10(abs(value)))
    shown = f"{round(value, digits):,.{max(digits, 0)}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


HUNDREDTH_INCH = CatalogueUnit.named("hundredth_inch")
"""The unit of the Amazon ML Challenge 2023, and of the demo's own labels."""


def unit_in_name(column: str) -> CatalogueUnit | None:
    """The unit of length that the name of a column ends with, as in `width_cm`, `Width (cm)`."""
    last = _AT_THE_END.search(column)
    known = _NAME_OF.get(last[1].lower()) if last else None
    return None if known is None else CatalogueUnit.named(known)
