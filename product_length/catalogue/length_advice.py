"""What to do about lengths that cannot be read, by how they are written."""

import re
from collections.abc import Sequence

_GROUPED = re.compile(r"[+-]?\d{1,3}([ ',.’\u00a0\u2009\u202f]\d{3})+([.,]\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")
_UNIT = re.compile(r"[+-]?[\d.,]*\d[\d.,]*\s*(?P<unit>[^\W\d_]{1,12}\.?|[\"'″′”])")
_PARTS = re.compile(r"\d.*[x×*/–-].*\d", re.IGNORECASE)


def has_unit(value: str) -> bool:
    """Whether a value of a length column is a number with a unit."""
    return _UNIT.fullmatch(value) is not None


def advise(values: Sequence[str], unit: str) -> str:
    """What to do about these values of a length column, which are not numbers; in one line.

    `unit`: that of the column.
    """
    found: dict[str, str] = {}
    for value in values:
        found.setdefault(_advice(value, unit), value)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{value!r}: {advice}" for advice, value in found.items())


def _advice(value: str, unit: str) -> str:
    if _GROUPED.fullmatch(value) or _DECIMAL_COMMA.fullmatch(value):
        return "say which mark decimals have: data.decimal=. or data.decimal=,"
    if has_unit(value):
        return f"give a number, in {unit}, or data.unit=cell, which reads cells with a unit"
    if _PARTS.search(value):
        return f"give one number, the length, in {unit}"
    if not any(letter.isdigit() for letter in value):
        return "leave the length empty where it is not known, or name another column"
    return f"write a plain number, in {unit}, such as 12.5"
