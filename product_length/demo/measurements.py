"""Which sides of a product a text states, and the numbers that it then prints."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from product_length.demo.wording import UNIT_LENGTHS
from product_length.demo.world import World, snap

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ROLES = ("length", "width", "height", "package length", "package width", "package height")
LENGTH, WIDTH, HEIGHT, PACK_LENGTH, PACK_WIDTH, PACK_HEIGHT = range(6)


@dataclass(frozen=True)
class Statement:
    """A way to state a measurement; a reading is what its numbers may mean."""

    share: float
    """Among rows that state something."""
    readings: tuple[tuple[float, tuple[int, ...]], ...]
    """(probability, sides in the order printed): the text does not show which reading holds."""


STATEMENTS = (
    Statement(0.16, ((1.0, (LENGTH,)),)),
    Statement(0.20, ((1.0, (LENGTH, WIDTH, HEIGHT)),)),
    Statement(0.17, ((0.7, (LENGTH, WIDTH, HEIGHT)), (0.3, (WIDTH, LENGTH, HEIGHT)))),
    Statement(0.16, ((0.6, (LENGTH, WIDTH)), (0.4, (WIDTH, LENGTH)))),
    Statement(0.08, ((1.0, (PACK_LENGTH, PACK_WIDTH, PACK_HEIGHT)),)),
    Statement(0.07, ((1.0, (WIDTH,)),)),
    Statement(0.16, ((0.8, (LENGTH,)), (0.2, (WIDTH,)))),
)
"""Kind 1 onwards; kind 0 states nothing."""
(NONE, OF_LENGTH, LABELLED, TRIPLE, PAIR, OF_PACKAGE, OF_WIDTH, BARE) = range(8)

STATEMENT_SHARES = np.array([statement.share for statement in STATEMENTS])
READING_SHARES = np.zeros((len(STATEMENTS) + 1, 2))
READING_SIDES = np.full((len(STATEMENTS) + 1, 2, 3), -1)
READING_SHARES[NONE, 0] = 1.0
for _kind, _statement in enumerate(STATEMENTS, start=1):
    for _reading, (_share, _sides) in enumerate(_statement.readings):
        READING_SHARES[_kind, _reading] = _share
        READING_SIDES[_kind, _reading, : len(_sides)] = _sides

# Hundredths of the unit that one printed digit is worth: 0.1 cm, 1 mm, 0.01 m, 0.1 in, 0.1 ft.
_DIGITS = np.array([10, 100, 1, 10, 10])
_UNITS = np.array(UNIT_LENGTHS)


def sides_of(world: World, types: Ints, nouns: Ints, lengths: Floats) -> Floats:
    """Sides of products in 1/100 inch, float64 (..., 6) in the order of ROLES.

    `types`, `nouns` int64 and `lengths` float64 (1/100 inch) share the shape (...).
    """
    if not types.shape == nouns.shape == lengths.shape:
        raise ValueError(f"shapes differ: {types.shape}, {nouns.shape}, {lengths.shape}")
    grids = world.grids[types]
    sides = np.empty((*lengths.shape, 6))
    sides[..., LENGTH] = lengths
    sides[..., WIDTH] = snap(lengths * world.width_ratios[types, nouns], grids)
    sides[..., HEIGHT] = snap(lengths * world.height_ratios[types, nouns], grids)
    padding = np.full(lengths.shape, 10.0)
    for own, packed in ((LENGTH, PACK_LENGTH), (WIDTH, PACK_WIDTH), (HEIGHT, PACK_HEIGHT)):
        sides[..., packed] = snap(sides[..., own] * 1.12 + 20.0, padding)
    return sides


def printed(sides: Floats, units: Ints) -> Ints:
    """Numbers that a text prints, in hundredths of the unit (...,), at least the last digit.

    `sides` are float64 (...,) in 1/100 inch, `units` int64 (...,) index UNIT_LENGTHS.
    """
    digits = _DIGITS[units]
    counts = np.rint(sides * (100.0 / digits) / _UNITS[units]).astype(np.int64)
    return np.asarray(np.maximum(counts, 1) * digits)


def shown_numbers(sides: Floats, kinds: Ints, readings: Ints, units: Ints) -> Ints:
    """The numbers printed for each row, int64 (rows, 3) in hundredths of its unit, -1 for none."""
    which = READING_SIDES[kinds, readings]
    chosen = np.take_along_axis(sides, np.maximum(which, 0), axis=1)
    numbers = printed(chosen, np.broadcast_to(units[:, None], which.shape))
    return np.where(which >= 0, numbers, -1)


def reading_match(sides: Floats, kinds: Ints, units: Ints, numbers: Ints) -> Floats:
    """P(the row prints its numbers | sides), summed over readings, float64 (rows, states).

    `sides` are (rows, states, 6) in 1/100 inch, `numbers` (rows, 3) as `shown_numbers` gives them.
    """
    would_print = printed(sides, np.broadcast_to(units[:, None, None], sides.shape))
    match = np.zeros(sides.shape[:2])
    for reading in range(READING_SIDES.shape[1]):
        which = READING_SIDES[kinds, reading]
        same = np.ones(sides.shape[:2], bool)
        for position in range(which.shape[1]):
            side = which[:, position]
            number = np.take_along_axis(
                would_print, np.maximum(side, 0)[:, None, None], axis=2
            ).squeeze(2)
            same &= (number == numbers[:, position, None]) | (side < 0)[:, None]
        match += READING_SHARES[kinds, reading][:, None] * same
    return match
