"""What a text states of a product's size."""

from enum import IntEnum
from typing import NamedTuple


class Role(IntEnum):
    """Which side of a thing is measured, as far as the text says."""

    NONE = 0
    LENGTH = 1
    WIDTH = 2
    HEIGHT = 3
    DEPTH = 4
    DIAMETER = 5
    THICKNESS = 6
    SIZE = 7


class Subject(IntEnum):
    """What is measured."""

    PRODUCT = 0
    PACKAGE = 1
    OTHER = 2
    """Another thing than the product: a screen, a lens, a plug, a range, a tolerance, a person."""


class Unit(IntEnum):
    """The unit that was written."""

    MISSING = 0
    MILLIMETRE = 1
    CENTIMETRE = 2
    METRE = 3
    INCH = 4
    FOOT = 5
    YARD = 6


LENGTH_OF = (25.4, 1.0, 10.0, 1000.0, 25.4, 304.8, 914.4)
"""[unit]: one of each in millimetres; a number without a unit counts as inches."""
SHORTEST, LONGEST = 0.1, 1000 * LENGTH_OF[Unit.METRE]
"""Millimetres: what is written below the first or above the second is no product's size."""


class Measurement(NamedTuple):
    """One stated measurement."""

    value: float
    """Millimetres, in [SHORTEST, LONGEST]. Without a unit, as if the number were inches."""
    role: Role
    subject: Subject
    unit: Unit
    place: int
    """0, 1, 2, … in `10 x 20 x 5 cm`; 0 where it stands alone."""
