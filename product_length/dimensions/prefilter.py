"""Which texts are worth parsing: a first look at whole columns, outside of Python.

It lets through whatever can state a measurement, and most of the rest falls: texts without numbers,
or whose numbers have neither a unit's first letters after them nor another number beside them.
"""

import pyarrow as pa
import pyarrow.compute as pc

from product_length.dimensions.numbers import VULGAR
from product_length.dimensions.vocabulary import FOOT_MARKS, INCH_MARKS, UNIT_OF

_MARKS = "".join(sorted({mark[0] for mark in (*INCH_MARKS, *FOOT_MARKS)}))


def _any_case(start: str) -> str:
    return "".join(f"[{char.lower()}{char.upper()}]" if char.isalpha() else char for char in start)


_STARTS = sorted({word[:2] for word in UNIT_OF if word[0].isalpha()})
_UNIT = "|".join([*(_any_case(start.replace(".", "[.]")) for start in _STARTS if len(start) > 1)])
# A metre is one letter: no other letter follows it but those of a chain.
_UNIT += "|[mM](?:[^a-zA-Z]|[xXLWHDB]|$)"
_DIGIT = f"[0-9{VULGAR}]"
# A unit in brackets, or behind "in", that leads a number.
_LED = (
    r"(?:[(\[] ?[^0-9()\[\] ]{1,12} ?[)\]]?|[iI][nN] [^0-9()]{1,14}[)\]]?)[ :=–-]*[(\[]?" + _DIGIT
)
_WORTH = (
    # A number with a unit, or with the letter of a side and then a unit.
    rf"{_DIGIT} ?[-(\[]? ?(?:[{_MARKS}]|{_UNIT})"
    rf"|{_DIGIT}[^0-9]{{0,20}}(?:[xX×*✕✖╳хХÃ]|[bB][yY]|por|auf|par)[^0-9]{{0,20}}{_DIGIT}"
    rf"|{_LED}"
)


def worth_parsing(texts: pa.StringArray) -> pa.BooleanArray:
    """Whether each text, string (rows,), may state a measurement; bool (rows,)."""
    return pc.match_substring_regex(texts, _WORTH)
