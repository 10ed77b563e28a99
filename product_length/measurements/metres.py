"""Whether a capital M after a number means metres, or is a size, a width of shoes or a name."""

import re

from product_length.measurements.measurement import Role
from product_length.measurements.numbers import read_number
from product_length.measurements.patterns import UNIT_WORD, any_of
from product_length.measurements.vocabulary import ROLE_OF

_MAX_METRES = 100
_WIDTH = 24
"""Characters ahead of a number that are looked at."""
_NO_METRE = re.compile(
    r"\ ?-?(?:pixel|user|customer|subscriber|people|view|buyer|us|uk|eu)", re.IGNORECASE
)
# `7.5 M` is mostly a size of shoes or clothes, unless a chain or the name of a side says metres.
_SIDE_NOUN = any_of(word for word, role in ROLE_OF.items() if role is not Role.SIZE)
_METRES_AHEAD = re.compile(
    rf"""(?:[0-9]\ ?(?:{UNIT_WORD}\.?)?\ ?(?:[xX×*]|\bby\b)\ ?
    |(?<![^\W_])(?i:{_SIDE_NOUN})\ ?(?:[:=–-]|is\b|of\b)?\ ?)$""",
    re.VERBOSE,
)
_METRES_BEHIND = re.compile(
    rf"""\ ?(?:[xX×*]|by\b)\ ?[0-9]+(?:[.,][0-9]+)?\ ?{UNIT_WORD}(?![^\W_xX])
    |\ ?-?(?i:in\ length|length|long(?!\ ?-?sleeve))\b(?!\ ?:)""",
    re.VERBOSE,
)


def means_metres(text: str, start: int, stop: int, end: int) -> bool:
    """Whether the M that ends at `end`, behind the number at [start, stop), means metres."""
    if _NO_METRE.match(text, end):
        return False
    if text[stop - 1].isdigit():
        return read_number(text[start:stop]) <= _MAX_METRES
    led = _METRES_AHEAD.search(text[max(0, start - _WIDTH) : start])
    return bool(led or _METRES_BEHIND.match(text, end))
