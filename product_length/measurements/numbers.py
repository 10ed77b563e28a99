"""Numbers as product texts write them, once `spell_out` has made their characters plain ones."""

import math
import re
from itertools import pairwise

from product_length.measurements.measurement import Unit

_APOSTROPHES = "'’‘´`′"
_DENOMINATORS = "2|3|4|5|6|7|8|9|10|12|16|32|64"
_LOWEST_TERMS = (
    r"(?:1/[2-9]|1/(?:10|12|16|32|64)|2/3|3/4|[234]/5|5/6|[2-6]/7|[357]/8|[24578]/9|[379]/10|(?:[57]|11)/12"
    r"|(?:[3579]|1[135])/16|(?:[3579]|[12][13579]|31)/32|(?:[3579]|[1-5][13579]|6[13])/64)"
    r"(?![0-9]|[.,/][0-9])"
)
_DECIMALS = r"(?:[.,][0-9]+)?"
_GROUPED = rf"[0-9]{{0,2}}(?:[ ,{_APOSTROPHES}][0-9]{{3}})+"
_CROSS = r"[xX×*]"
_CROSS_BEHIND = rf"\ ?(?:[^\W\d_]{{1,4}}|[\"″”'′’]{{1,2}})?\ ?{_CROSS}\ ?[0-9]"
_LIST = rf"(?:[0-9]{{1,3}}(?:\ [0-9]{{3}})+(?![0-9])|[0-9]+){_DECIMALS}"
NUMBER = (
    # First one of a small set, which `re` looks for fast; then: no digits stand before it, and it
    # is not the rest of one that broke off, as in `1.2.3`.
    r"[0-9](?<![0-9].)(?<![0-9][.,^].)(?:"
    # Most are mere digits, which the rest of the branches would come to as well, but last.
    r"[0-9]*(?:\.[0-9]+)?(?![0-9/]|[.,][0-9]|[ –&+/-]{1,4}[0-9]|\ and\ {1,2}[0-9]"
    rf"|[{_APOSTROPHES}][0-9])"
    # A whole number and a fraction.
    rf"|(?:{_GROUPED}|[0-9]{{0,3}})(?:\ {{0,2}}(?:[-–&+]|\band\b)\ {{0,2}}|\ {{1,2}}"
    rf"|\.(?={_LOWEST_TERMS}))[0-9]{{1,2}}\ ?/\ ?(?:{_DENOMINATORS})(?![0-9]|[.,/][0-9])"
    # A fraction, or several numbers: not `12x12/30x30`, which are two of two each.
    rf"|(?P<several>(?<=(?={_LOWEST_TERMS})[0-9])[0-9]?/[0-9]+"
    rf"|(?:(?<!{_CROSS}[0-9])(?<!{_CROSS}\ [0-9])[0-9]*{_DECIMALS}(?:\ ?/\ ?{_LIST})+"
    rf"|[0-9]*{_DECIMALS}(?:/{_LIST})+(?!{_CROSS_BEHIND}))(?![0-9]|[.,/][0-9])"
    r"|(?<!0)[0-9]{0,2}(?:\ [0-9]{3})+(?:\ ?/\ ?[0-9]{1,3}(?:\ [0-9]{3})+)+(?![0-9])"
    r"|[0-9]?(?:,[0-9]{1,2}){2,}(?:,[0-9]{3})?(?![0-9]|[.,][0-9]))"
    # Digits in groups of three.
    rf"|(?<!0)(?:(?P<spaced>[0-9]{{0,2}}(?:\ [0-9]{{3}})+{_DECIMALS}(?![0-9]|/[0-9]))"
    r"|[0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?(?![0-9])"
    r"|[0-9]{0,2}(?:(?:\.[0-9]{3})+,[0-9]+|(?:\.[0-9]{3}){2,})(?![0-9])"
    rf"|[0-9]{{0,2}}(?:[{_APOSTROPHES}][0-9]{{3}})+{_DECIMALS}(?![0-9]))"
    rf"|[0-9]*{_DECIMALS})"
)
"""Pattern (verbose syntax) of 30 · 2.5 · 2,5 · 1,200 · 1.200,5 · 1 200 · 1'200 · 1 1/2 · 1-1/2.

In the group `several`: 3/4, which is one number of inches, and 140/160, which are two numbers. In
the group `spaced`: 1 200, which can be two.
"""

_FRACTION = re.compile(r"(?:(.+?)(\ *(?:[-–&+]|and)\ *|\ +|\.))?([0-9]+)\ ?/\ ?([0-9]+)")
_PROPER = re.compile(_LOWEST_TERMS)
_IMPROPER = re.compile("(?:[3579]|[1-9][13579])/[248]")
_GROUPS = re.compile(rf"(?<=[0-9])[ {_APOSTROPHES}](?=[0-9])")
_MAX_RATIO = 4.0
"""Sizes to choose from are at most this many times the size before."""
_METRIC = (Unit.MILLIMETRE, Unit.CENTIMETRE, Unit.METRE)
_NO_NUMBER = math.nan
_COARSEST = 10
"""From this denominator on, `15/16 cm` are two sizes, as metric rulers have no such marks."""


def read_number(written: str, unit: Unit = Unit.MISSING) -> float:
    """The value of one match of NUMBER, of `unit`; NaN where it cannot be read as one.

    Numbers of hundreds of digits may be infinite.
    """
    try:
        return float(written)
    except ValueError:
        parts = _FRACTION.fullmatch(written)
    if parts is None:
        joined = _GROUPS.sub("", written)
        return _decimal(written) if joined == written else float(joined.replace(",", "."))
    whole, joint, above, below = parts.groups()
    top, bottom = int(above), int(below)
    reduced = math.gcd(top, bottom) == 1
    if not 0 < top < bottom or not (reduced or (whole and bottom in (4, 8, 16, 32, 64))):
        return _NO_NUMBER
    if unit in _METRIC and (joint == "." or (bottom >= _COARSEST and top > 1)):
        return _NO_NUMBER  # `1.1/2 m` and `2 15/16 cm` can be two sizes
    return read_number(whole or "0") + top / bottom


def read_several(written: str, unit: Unit) -> list[float]:
    """The values of a match of NUMBER that has the group `several`, of `unit`.

    `3/4` is one number, `30/32`, `15/16` of a metric unit and `140/160/180` are sizes to choose
    from. Empty where the numbers are too far apart for that, as in `1/7.5`.
    """
    slashed = "/" in written
    parts = [part.strip(" ") for part in written.split("/" if slashed else ",")]
    if slashed and _PROPER.fullmatch("/".join(parts)):
        one = read_number("/".join(parts), unit)
        if not math.isnan(one):
            return [one]
    if unit not in _METRIC and _IMPROPER.fullmatch("/".join(parts)):
        return []  # `5/4 in` can be 1 1/4
    values = [read_number(part) for part in parts]
    near = all(
        left <= right * _MAX_RATIO and right <= left * _MAX_RATIO
        for left, right in pairwise(values)
    )
    if near and not (values[0] == 1 and len(values) == 2):
        return values
    return values[-1:] if " " in written and slashed else []


def _decimal(written: str) -> float:
    groups = re.split("[.,]", written)
    if "." in written and "," in written:  # the last one is the decimal sign
        return float("".join(groups[:-1]) + "." + groups[-1])
    of_three = len(groups) > 1 and all(len(group) == 3 for group in groups[1:])
    if len(groups) > 2:
        return float("".join(groups)) if of_three else _NO_NUMBER
    if "," in written and written[0] != "0" and of_three:
        return float("".join(groups))
    return float(".".join(groups))
