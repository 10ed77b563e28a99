"""Columns from values of Python, as JSON and workbooks have them: as text or as numbers."""

import datetime
import math
import re
from collections.abc import Sequence

import pyarrow as pa

Cell = str | int | float | bool | None | datetime.date | datetime.time | datetime.timedelta

_LIKE_THOUSANDS = re.compile(r"-?\d{1,3}\.\d{3}")
_LARGEST_WHOLE = 2.0**63


def text_column(values: Sequence[Cell]) -> pa.Array:
    """Strings, "" where missing. No digit is lost: a number's text reads back as the number."""
    return pa.array([text_of(value) for value in values], pa.string())


def number_column(values: Sequence[Cell]) -> pa.Array:
    """float64 where all are numbers or missing, else strings; null where missing."""
    if all(value is None or type(value) in (int, float) for value in values):
        return pa.array(
            [None if value is None else _double(value) for value in values], pa.float64()
        )
    return pa.array([_unmistakable(value) for value in values], pa.string())


def text_of(value: Cell) -> str:
    """A value as a person writes it: whole numbers without a point, dates as ISO writes them."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        whole = value.is_integer() and abs(value) < _LARGEST_WHOLE
        return str(int(value)) if whole else repr(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)


def _double(value: Cell) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        return math.inf


def _unmistakable(value: Cell) -> str | None:
    """A number among texts, so written that 1.234 is not taken for 1234."""
    text = text_of(value)
    if isinstance(value, float) and _LIKE_THOUSANDS.fullmatch(text):
        return text + "0"
    return text or None
