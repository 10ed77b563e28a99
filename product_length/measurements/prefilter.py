"""Which texts are worth parsing: a first look at whole columns, outside of Python.

It lets through whatever can state a measurement, and most of the rest falls: texts without numbers,
or whose numbers have neither a unit after them nor another number beside them. The patterns count
no characters (`{0,20}`), which would take RE2 several times as long.
"""

import re
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from product_length.measurements.spelling import HIDING, ODD, VULGAR
from product_length.measurements.vocabulary import FOOT_MARKS, INCH_MARKS, UNIT_OF

_MARKS = "".join(sorted({mark[0] for mark in (*INCH_MARKS, *FOOT_MARKS)}))


def _any_case(letter: str) -> str:
    if letter == "ß":
        return "[ßẞ]"  # its upper case is two letters
    upper = letter.upper()
    return re.escape(letter) if upper == letter else f"[{letter}{upper}]"


def _any_of(words: Iterable[str]) -> str:
    """A pattern of any of these words in any case, that shares the beginnings of words."""
    rests: dict[str, list[str]] = {}
    for word in words:
        rests.setdefault(word[:1], []).append(word[1:])
    maybe = "?" if rests.pop("", None) else ""
    if not rests:
        return ""
    branches = "|".join(_any_case(letter) + _any_of(each) for letter, each in rests.items())
    return f"(?:{branches}){maybe}"


_WORDS = sorted(word for word in UNIT_OF if word[0].isalpha())
_STARTS = sorted({word[:2] for word in _WORDS})
_LONG = [word for word in _WORDS if len(word) > 1]
_END = "(?:[^a-zA-Z]|[xXLWHDB]|$)"
_DIGIT = f"[0-9{VULGAR}]"
_CROSS = "(?:[xX×*✕✖╳хХÃ]|[bB][yY]|por|auf|par)"
_HYPHENS = r"\-－\x{2010}\x{2011}\x{2212}"
# What a side's name can hold, and more.
_NAME = r"[^0-9 .,:;!?|=()\[\]]*"
_WORTH = (
    # A number with a unit, which no letter follows but those of a chain.
    rf"{_DIGIT} ?[{_HYPHENS}(\[（［]? ?(?:[{_MARKS}]|(?:{_any_of(_LONG)}|[mM]){_END})"
    # Two numbers with a cross, and perhaps names of sides, between them.
    rf"|{_DIGIT}[ .(\[]*{_NAME}[ .,)\]]*{_CROSS}[ (\[]*{_NAME}[ )\]:=(\[-]*{_DIGIT}"
    # A unit in brackets, or behind "in", that leads a number.
    rf"|(?:[iI][nN] |[(\[（［] ?){_any_of(_STARTS)}[^0-9]*[:=)\]：＝）］{_HYPHENS}] ?{_DIGIT}"
    # What may be any of these once it is spelt out.
    rf"|{HIDING}"
)


def worth_parsing(texts: pa.StringArray) -> pa.BooleanArray:
    """Whether each text, string (rows,), may state a measurement; bool (rows,)."""
    return pc.match_substring_regex(texts, _WORTH)


def odd_spellings(texts: pa.StringArray) -> pa.BooleanArray:
    """Whether `spell_out` may change each text, string (rows,); bool (rows,)."""
    return pc.match_substring_regex(texts, ODD)
