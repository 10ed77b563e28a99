"""What to do about lengths that cannot be read, by how they are written."""

import re
from collections.abc import Sequence

_GROUPED = re.compile(r"[+-]?\d{1,3}([ ',.’\u00a0\u2009\u202f]\d{3})+([.,]\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")
_UNIT = re.compile(r"[+-]?[\d.,]*\d[\d.,]*\s*(?P<unit>[^\W\d_]{1,12}\.?|[\"'″′”])")
_PARTS = re.compile(r"\d.*[x×*/–-].*\d", re.IGNORECASE)


def advise(values: Sequence[str]) -> str:
    """What to do about these values of a length column, which are not numbers; in one line."""
    found: dict[str, str] = {}
    for value in values:
        found.setdefault(_advice(value), value)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{value!r}: {advice}" for advice, value in found.items())


def _advice(value: str) -> str:
    if _GROUPED.fullmatch(value):
        return "write thousands without a separator, and decimals with a point"
    if _DECIMAL_COMMA.fullmatch(value):
        return "write a decimal point instead of a comma"
    if unit := _UNIT.fullmatch(value):
        return f"convert to 1/100 inch and leave out the unit {unit['unit']}"
    if _PARTS.search(value):
        return "give one number, the length, in 1/100 inch"
    if not any(letter.isdigit() for letter in value):
        return "leave the length empty where it is not known, or name another column"
    return "write a plain number in 1/100 inch, such as 12.5"
