"""Numbers that are written as text: decimal marks, thousands, scientific notation."""

import math
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_SPACES = " \u00a0\u2009\u202f"
_APOSTROPHES = "'’"
GROUP_MARKS = _SPACES + _APOSTROPHES
"""What stands between thousands, apart from the mark that is not the decimal one."""
# 1,234,567 and, as in India, 12,34,567.
_GROUPED = r"[1-9]\d{0,2}(?P<mark>[%s])\d{3}(?:(?P=mark)\d{3})*|[1-9]\d?(?:,\d\d)+,\d{3}"
_SPECIAL = re.compile(r"[+-]?(?:inf|infinity|nan)", re.I)
# As above, for pyarrow's regular expressions.
_PLAIN = r"^[+-]?(?:\d+%s?\d*|%s\d+)(?:[eE][+-]?\d+)?$"


def parse_numbers(
    column: pa.Array, decimal: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Values float64 (rows,), nan where there is none; which are numbers, which missing: bool.

    `column` is string or float64 (rows,), null or blank where missing; `decimal`, "." or ",", is
    the decimal mark of text. Thousands may be apart by a space, an apostrophe or the other mark,
    where each group is whole. `nan` and `inf` are numbers; text beside the number, as a unit or
    the sign of a currency, makes it none.
    """
    if not pa.types.is_string(column.type):
        missing = _to_numpy(column.is_null())
        return _to_numpy(column.cast(pa.float64()).fill_null(math.nan)), ~missing, missing
    column = pc.utf8_trim_whitespace(column)
    missing = pc.or_kleene(column.is_null(), pc.equal(column, "")).fill_null(True)
    try:
        values = _cast(pc.if_else(missing, "nan", column), decimal)
        is_number = ~_to_numpy(missing)
    except pa.ArrowInvalid:
        values, is_number = _parse_apart(column, decimal)
    return values, is_number, _to_numpy(missing)


def number_of(text: str, decimal: str) -> float | None:
    """The number that a text is, or None; see `parse_numbers`."""
    text = text.strip().replace("\u2212", "-")
    if _SPECIAL.fullmatch(text):
        return float(text)
    match = _written(decimal).fullmatch(text)
    if match is None:
        return None
    whole, fraction, exponent = (match[name] or "" for name in ("whole", "fraction", "exponent"))
    digits = re.sub(r"\D", "", whole)
    if not digits and not fraction:
        return None
    return float(f"{match['sign'] or ''}{digits or '0'}.{fraction or '0'}{exponent}")


def _written(decimal: str) -> re.Pattern[str]:
    pattern = _PATTERNS.get(decimal)
    if pattern is None:
        raise ValueError(f"decimal mark {decimal!r}")
    return pattern


def _pattern(decimal: str) -> re.Pattern[str]:
    other = "," if decimal == "." else "."
    grouped = _GROUPED % re.escape(other + GROUP_MARKS)
    if other != ",":
        grouped = grouped.rpartition("|")[0]
    return re.compile(
        rf"(?P<sign>[+-])?(?P<whole>\d*|{grouped})(?:{re.escape(decimal)}(?P<fraction>\d*))?"
        r"(?P<exponent>e[+-]?\d+)?",
        re.A | re.I,
    )


_PATTERNS = {decimal: _pattern(decimal) for decimal in (".", ",")}


def _cast(column: pa.StringArray, decimal: str) -> NDArray[np.float64]:
    """All texts at once; pa.ArrowInvalid where one is no plain number."""
    if decimal == ",":
        if pc.any(pc.match_substring(column, ".")).as_py():
            raise pa.ArrowInvalid("a point")
        column = pc.replace_substring(column, ",", ".")
    values: NDArray[np.float64] = _to_numpy(column.cast(pa.float64()))
    return values


def _parse_apart(
    column: pa.StringArray, decimal: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The plain numbers at once, the others one by one."""
    mark = re.escape(decimal)
    plain = pc.match_substring_regex(column, _PLAIN % (mark, mark)).fill_null(False)
    values = _cast(pc.if_else(plain, column, "nan"), decimal).copy()
    is_number = _to_numpy(plain).copy()
    odd = np.flatnonzero(~is_number)
    for row, text in zip(odd.tolist(), column.take(pa.array(odd)).to_pylist(), strict=True):
        number = number_of(text or "", decimal)
        if number is not None:
            values[row], is_number[row] = number, True
    return values, is_number


def _to_numpy(values: pa.Array) -> NDArray[Any]:
    numbers: NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return numbers
