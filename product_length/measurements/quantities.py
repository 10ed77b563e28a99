"""Numbers of a text, each with the unit of length that follows it, if one does."""

import math
import re
from typing import NamedTuple

from product_length.measurements.measurement import LENGTH_OF, Unit
from product_length.measurements.metres import means_metres
from product_length.measurements.numbers import NUMBER, read_number, read_several
from product_length.measurements.patterns import UNIT_WORD, any_of, by_initial
from product_length.measurements.vocabulary import FOOT_MARKS, INCH_MARKS, UNIT_OF

_MARKS = [*INCH_MARKS, *FOOT_MARKS]
_FOREIGN = "\u0400-\u1dff\u2c00-\ud7ff\uf900-\ufdff\U00010000-\U0003ffff"
"""Letters of scripts that are neither Latin nor, as in `mΩ`, those of units."""
WIDEST_GAP = 24
"""Most characters between two numbers of a chain or a range."""
_NAME = r"(?:[^\W\d_]{1,10}|[øØ⌀])"
TIMES = (
    rf"\.?\ ?(?:[(\[]\ ?(?P<enclosed>{_NAME})\.?\ ?[)\]],?\ ?|(?P<behind>{_NAME})\.?,?\ ?)??"
    r"(?:[xX×*✕✖╳хХ]|Ã—|[bB][yY]|por|auf|par)"
    rf"\ ?(?:[(\[]?(?P<ahead>{_NAME})\ ?[)\]]?\ ?[:=-]?)?\ ?[(\[]?"
)
"""Pattern of what stands between two numbers of a chain, with the names of their sides."""
_TO_WORDS, _AND_WORDS = (
    ("up to", "upto", "to", "bis", "a", "à", "or"),
    ("and", "und", "y", "et", "e"),
)
TO = rf"\ ?(?:[-–—~…]|\.{{2,3}}|से|{by_initial(_TO_WORDS)}|(?P<and>{by_initial(_AND_WORDS)}))\ ?"
"""Pattern of what stands between the two numbers of a range; `and` only where "between" leads."""
_JOINT = re.sub(r"\?P<\w+>", "?:", f"(?:{TIMES}|{TO})")
_GAP = rf'[^0-9;!?|"/&+%,):=][^0-9;!?|"/&+%]{{0,{WIDEST_GAP - 1}}}'
_QUANTITY = re.compile(
    rf"""{NUMBER}(?:
        (?:\ (?:\ |[-(\[]\ ?)?|[-(\[]\ ?)?(?P<word>{UNIT_WORD})
        (?:(?![^\W_])|(?=[xX×LWHDB0-9{_FOREIGN}])(?:(?=[xX×]\ ?[0-9])|(?=[LWHDB](?![^\W\d_]))
            |(?<=[A-Za-z])(?=[{_FOREIGN}])|(?<=[fF][tT])(?=[0-9]{{1,2}}(?![0-9]))))
        (?!\.?\ ?[²³^]|\.?\ ?/\ ?(?:s|sec|h|hr|min|m|kg|lb)\b|-?\ ?(?:lbs?|hg)\b)
        |\ ?(?P<mark>(?=[{"".join({mark[0] for mark in _MARKS})}])(?:{any_of(_MARKS)}))
    )?
    # Whether the next number may be joined: first a look for one, which is cheaper, more so
    # where what was passed is not given back.
    (?P<joins>(?=(?=(?P<gap>{_GAP}))(?P=gap)[0-9])(?={_JOINT}[0-9]))?""",
    re.VERBOSE,
)
_SURE_UNIT_OF = {
    form: unit
    for word, unit in UNIT_OF.items()
    if len(word) > 2 or unit is not Unit.INCH
    for form in (word, word.upper(), word.capitalize())
    if form != "M" and form.lower() in UNIT_OF
}
"""The units of most names as they are written: those that nothing around can make another word."""
_MISSING, _INCH, _FOOT = Unit.MISSING, Unit.INCH, Unit.FOOT  # looking members up takes time
# "in" after a number is a unit ahead of these, at the end, and ahead of punctuation.
_IN_UNIT = re.compile(
    r"""\.?\ ?(?:$|[^\w\s]|[xX]\ ?[0-9LWHD]|(?:by|to|and|or|or\ so|approx\w*|each)\b
    |(?:long|wide|high|tall|deep|thick|round|square|dia\w*|length|width|height|depth|thickness
    |[LWHDB]\b))""",
    re.VERBOSE | re.IGNORECASE,
)
_IN_TITLE = re.compile(
    r"\ (?!(?:One|Pack|Stock|Box|Set|Total|All|India|China|USA?|UK|The|A|An|This|Each|Your|Our|Any"
    r"|Every|Number|Size|Colou?rs?|Use|Different|Various|Single|Same)\b)[A-Z][a-z]+"
)
_COUNTS = re.compile(
    r"""(?:\b(?:pack|set|box|lot|pair|combo|case|bag|bundle|roll|carton|kit|quantity|qty|count|piece
    |pcs|pc|size|no|nr|number|model|type|style|version|series|gen|part|item|art|code|ref|sku|grade
    |level|class|option|vol|volume|chapter|gr|größe|packung|paquet|paquete|juego|caja|taille|talla
    |usb|hdmi|iphone|ipad|galaxy|din|iso)(?:e?s)?\.?\ ?(?:(?:of|de|di|da|mit|von)\ )?
    |[#№]\ ?|[A-Z](?<![^\W_].)(?<![XLWHDB])|[A-Z]{2}|[0-9][A-WYZ]
    |(?<!\S)[^\W\d_]+[0-9][^\s:=,;]*\ )$""",
    re.VERBOSE | re.IGNORECASE,
)
"""What makes the number behind it count or name something, as in `pack of 2 200 mm`."""
_BROKEN_OFF = re.compile(r"[0-9]-$")
"""Ahead of several numbers: what makes them a part of something else, as in `3-7/17 in`."""
_COUNT_WIDTH = 24
_SHORT_UNITS = (Unit.MILLIMETRE, Unit.CENTIMETRE, Unit.INCH)
_LONGEST_GROUPED = 30 * LENGTH_OF[Unit.METRE]
"""Millimetres: with groups apart, what is longer in a short unit is taken for two numbers."""
_MAX_FEET_OF_A_PERSON = 9
_IN_COUNT = re.compile(r"\ ?-?\ ?(?:[0-9]|one\b)", re.IGNORECASE)
_CROSS_OR_SIDE = re.compile(r"[xX]\ ?[0-9]|[LWHDBT]\b")
# Of a number without a unit: what leads to the next one of a chain, or came from the last one.
_MAY_FOLLOW = frozenset("-–—~xX×*✕✖╳хХÃ([LWHDBTlwhdbtaàopuye/øØ⌀φΦ.…स")
_MAY_LEAD = frozenset("xX×*✕✖╳хХ—yLWHDBTlwhdbtrf:)=]-–'øØ⌀φΦ")
LED = frozenset(":=-)]")
"""What ends a side and a unit said ahead of a number: `Length (cm) - 30`, `Width in mm: 5`."""


class Quantity(NamedTuple):
    """A number in a text: with its unit at [start, end), alone at [start, stop)."""

    start: int
    stop: int
    end: int
    unit: Unit
    mark: str
    """The mark that was written for the unit, "" for a word or none."""
    joins: bool
    """Whether the text up to the next number may join the two: False where it cannot."""
    several: bool
    """Whether several numbers may be written, as in `140/160 cm`."""
    more: float = 0.0
    """To be added to the number: `5' 6"` is 5 and a half. NaN for one that cannot be read."""

    def value(self, text: str) -> float:
        """The number, in `unit`; NaN where it cannot be read, or is not one number."""
        start, stop, _, unit, _, _, several, more = self  # faster than one after the other
        written = text[start:stop]
        try:
            number = float(written) + more
        except ValueError:
            if several:
                numbers = self.values(text)
                return numbers[0] if len(numbers) == 1 else math.nan
            return read_number(written, unit) + more
        if start and text[start - 1] == "." and written.isdecimal():
            ahead = text[max(0, start - 2) : start - 1]
            if not ahead.isalnum() and ahead != ".":
                return float(f"0.{written}")  # `.5 inch`, not `No.5 inch`
        return number

    def values(self, text: str) -> list[float]:
        """The number, or those that are written as `140/160`; empty where none can be read."""
        if not self.several:
            return [self.value(text)]
        written = text[self.start : self.stop]
        return [each + self.more for each in read_several(written, self.unit)]


def char_ahead(text: str, start: int) -> str:
    """The character ahead of the number that begins at `start`, or of one space; "" for none."""
    ahead = text[start - 1] if start > 1 else ""
    return text[start - 2] if ahead == " " else ahead


def quantities(text: str, max_count: int | None = None) -> list[Quantity]:
    """The numbers of a text that can be part of a measurement, feet with their inches as one.

    After `max_count` numbers with a unit the rest is not read.
    """
    found: list[Quantity] = []
    feet = joined = False
    wanted = len(text) if max_count is None else max_count
    for match in _QUANTITY.finditer(text):
        mere = match.lastindex is None and not (joined or feet)  # as most numbers are
        if mere and char_ahead(text, match.start()) not in LED:
            continue
        start, end = match.span()
        several, spaced, word, mark, at_next, _ = match.groups()
        may_follow, joined = joined, at_next is not None
        if word is not None:
            stop = match.start("word")
            unit = _SURE_UNIT_OF.get(word) or _unit_of(text, word, start, stop, end)
            while text[stop - 1] in " -([":
                stop -= 1
            mark = ""
        elif mark is not None:
            stop = match.start("mark")
            unit = UNIT_OF[mark] if _is_mark(text, mark, start, stop, end) else _MISSING
            if text[stop - 1] == " ":
                stop -= 1
        else:
            # Most numbers measure nothing: dropped at once where no word around can make them.
            ahead = char_ahead(text, start)
            if ahead not in LED and (
                not (joined or may_follow or feet)
                or (
                    ahead not in _MAY_LEAD
                    and text[end : end + 2].lstrip(" ")[:1] not in _MAY_FOLLOW
                )
            ):
                feet = False
                continue
            stop, unit, mark = end, _MISSING, ""
        if not unit and stop < end:  # the joint begins where the number ends, after all
            end, mark, joined = stop, "", True
        some = several is not None
        # Faster than Quantity(…), as is what makes a Measurement.
        quantity = tuple.__new__(Quantity, (start, stop, end, unit, mark, joined, some, 0.0))
        if some or spaced is not None:
            quantity = _in_pieces(text, quantity)
        if feet:
            merged = _feet_and_inches(text, found[-1], quantity)
            if merged is not None:
                found[-1] = merged
                feet = False
                continue
        feet = unit is _FOOT
        if unit:
            wanted -= 1
            if wanted < 0:
                break
        found.append(quantity)
    return found


def _unit_of(text: str, word: str, start: int, stop: int, end: int) -> Unit:
    """The unit that a name after a number means: `5 in 1` and `size 38 M` have none."""
    if word == "M":
        return Unit.METRE if means_metres(text, start, stop, end) else _MISSING
    unit = UNIT_OF.get(word.lower(), _MISSING)  # `ſ` and `K` match s and k, and are no units
    if len(word) > 2 or unit is not _INCH:
        return unit
    if _IN_COUNT.match(text, end):  # `2-in-1`
        return _MISSING
    if text[stop - 1].isdigit():
        return unit
    return unit if _IN_UNIT.match(text, end) or _IN_TITLE.match(text, end) else _MISSING


def _is_mark(text: str, mark: str, start: int, at: int, end: int) -> bool:
    """Whether a mark after a number is a unit, and not a quotation mark or an apostrophe."""
    if start and text[start - 1] in mark:
        return False
    letter = end < len(text) and text[end].isalpha()
    spaced = text[at - 1] == " " or text[at] == " "
    if letter and (spaced or mark in FOOT_MARKS):
        # Not `70's` nor `size 9 "Bold"`, but `6'x4'`, `6'L` and `9 "x 5"`.
        return _CROSS_OR_SIDE.match(text, end) is not None
    if mark in FOOT_MARKS or spaced:
        return True
    # `"Route 66"`: a quotation that was opened shortly before.
    opened = text.rfind(mark, max(0, start - 40), start)
    return opened < 0 or not (
        text[opened + 1].isalpha() and text[max(0, opened - 1) : opened] in ("", "(", " ", ":", ",")
    )


def _in_pieces(text: str, number: Quantity) -> Quantity:
    """What a number like `3/4`, `140/160` or `1 200` is, given the text around it.

    The last group of `1 200` where the first ones count or name something else; one that cannot be
    read where several are the rest of something, as in `3-7/17 in`.
    """
    if number.several:
        broken_off = _BROKEN_OFF.search(text, max(0, number.start - 2), number.start)
        return number._replace(more=math.nan) if broken_off else number
    before = text[max(0, number.start - _COUNT_WIDTH) : number.start]
    if _COUNTS.search(before):
        last = text.rindex(" ", number.start, number.stop) + 1
        return number._replace(start=last)
    if not (number.unit or number.joins or before.rstrip(" ")[-1:] in LED):
        first = text.index(" ", number.start)  # `6x9 120 pages`
        return number._replace(stop=first, end=first)
    length = number.value(text) * LENGTH_OF[number.unit]
    too_long = number.unit in _SHORT_UNITS and length > _LONGEST_GROUPED
    return number._replace(more=math.nan) if too_long else number


def _feet_and_inches(text: str, feet: Quantity, inches: Quantity) -> Quantity | None:
    """`5' 6"`, `5 ft 6 in` and `5ft6` as one quantity in feet; None for anything else.

    An unreadable one for `50ft2`, which may be an area.
    """
    if inches.start - feet.end > 5 or feet.several:
        return None
    glued_word = not feet.mark and feet.end == inches.start
    gap = text[feet.end : inches.start].strip(" .")
    if inches.unit is _INCH:
        joined = gap in ("", "-", ",", "and", "&")
    else:  # `5'6`
        glued = inches.end == len(text) or not text[inches.end].isalnum()
        joined = inches.unit is _MISSING and gap == "" and glued and (bool(feet.mark) or glued_word)
    more = inches.value(text) if joined else math.nan
    if joined and glued_word and inches.unit is _MISSING and more in (2, 3):
        area = feet.value(text) > _MAX_FEET_OF_A_PERSON or text[feet.stop] == " "
        more = math.nan if area else more
    readable = more < 12 and text[feet.start : feet.stop].isdecimal()
    if not readable and not glued_word:
        return None
    more = more / 12 if readable else math.nan
    return feet._replace(end=inches.end, joins=inches.joins, more=more)
