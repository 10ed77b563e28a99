"""The words around a measurement: of what thing it is.

Patterns are tried only where a word nearby begins with one of their stems, which is far cheaper.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from product_length.measurements.context import WORDS
from product_length.measurements.measurement import Role, Subject, Unit

STEM = 4
"""Letters of a word that are looked at first."""
BEHIND = 32
"""Characters after a measurement that are looked at."""

_DEVICE = (
    r"(?:screens?|displays?|tvs?|televisions?|monitors?|laptops?|notebook\ (?:pc|computer)s?"
    r"|tablets?|(?:smart|mobile\ |cell\ )?phones?|mobiles?|ipads?|macbooks?|touch\ ?screens?"
    r"|chromebooks?|ultrabooks?|hdds?|ssds?|hard\ (?:drive|disk)s?|iphones?|kindles?|e-?readers?"
    r"|galaxy|thinkpad)"
)
_DEVICE_STEMS = (
    "scre disp tv tvs tele moni lapt note tabl phon smar mobi cell ipad macb touc chro ultr hdd "
    "hdds ssd ssds hard ipho kind erea read gala thin"
)


@dataclass(frozen=True)
class Clue:
    """A pattern, the stems of which it needs one, and those that may lead to them."""

    stems: frozenset[str]
    pattern: re.Pattern[str]
    leads: frozenset[str] = frozenset()

    def ahead(self, lower: str, stems: Sequence[str]) -> bool:
        """Whether it is in the text before a measurement, in lower case."""
        return not self.stems.isdisjoint(stems) and self.pattern.search(lower) is not None

    def behind(self, text: str, end: int, stems: Sequence[str]) -> bool:
        """Whether it follows a measurement that ends at `end`."""
        return not self.stems.isdisjoint(stems) and self.pattern.match(text, end) is not None


def _ahead(stems: str, pattern: str) -> Clue:
    # Of lower case only, in which `re` finds the beginnings of words much faster.
    return Clue(frozenset(stems.split()), re.compile(pattern))


def _behind(stems: str, pattern: str, leads: str) -> Clue:
    compiled = re.compile(pattern, re.IGNORECASE)
    return Clue(frozenset(stems.split()), compiled, frozenset(leads.split()))


_PACKAGE = _ahead(
    "pack ship cart box pake paqu emba coli imba पैके",
    r"\b(?:pack(?:age|aging|ed|ing)|shipping|carton|box)s?\ (?:\w+\ )?(?:size|dim|measure|length"
    r"|width|height|l\ ?x)|\b(?:paketma|del\ paquete|del\ embalaje|du\ colis|dell.imballo)|पैकेज",
)
_DEVICE_BEHIND = _behind(
    _DEVICE_STEMS,
    r"[\s)\]-]{0,3}(?:(?:full|hd|uhd|fhd|4k|8k|smart|o?led|lcd|qled|gaming|touch|ips|retina"
    rf"|amoled|android|wide|super|flat|curved|computer|diagonal|sata|apple)[\s-]){{0,3}}{_DEVICE}\b",
    "full hd uhd fhd 4 8 smar oled led lcd qled gami touc ips reti amol andr wide supe flat curv "
    "comp diag sata appl e",
)
_DEVICE_AHEAD = _ahead(
    _DEVICE_STEMS,
    rf"\b{_DEVICE}(?:[\s:()/-]{{1,3}}(?:\w*[0-9]\w*|pro|air|plus|max|mini|ultra|size|of|is|up"
    r"|upto|to|with|in|from|fits?|a|an|(?:back\ )?(?:case|cover)s?|sleeve|bag|backpack|skin"
    r"|(?:screen\ )?(?:guard|protector)s?|(?:tempered\ )?glass)){0,5}[\s:(/-]{0,3}$",
)
_LENS_BEHIND = _behind(
    "lens film came slr jack aux audi head earp plug mic foca ster f",
    r"\ ?(?:(?:f/?[0-9.]+|stereo|trrs|trs|audio|male|female|prime|zoom|wide|telephoto|macro"
    r"|headphone|standard|focal)[\s-]){0,2}(?:lens|film|camera|slr|jack|aux|audio|headphones?"
    r"|headset|earphones?|plug|mic\b|f/?[0-9]|focal|stereo)",
    "trrs trs male fema prim zoom wide tele macr stan",
)
_LENS_AHEAD = _ahead(
    "foca lens zoom nikk jack aux", r"\b(?:focal|lens|zoom|nikkor|jack|aux)[\s\w:-]{0,12}$"
)
_RANGE_AHEAD = _ahead(
    "rang dist wate unde drop fall wire blue visi thro radi divi alti",
    r"\b(?:range|distance|water-?\ ?(?:proof|resist\w*)|underwater|drops?|falls?|wireless"
    r"|bluetooth|visib\w*|throw|radius|diving|altitude)\b(?:[\s:(-]{1,3}(?:is|of|up|to|upto|within"
    r"|max\w*|rat\w+|about|approx\w*|from|at|depth|range|distance|for|protection|test\w*|height"
    r"|reach\w*|the|a|in)){0,5}[\s:(-]{0,3}$",
)
_RANGE_BEHIND = _behind(
    "rang dist away wate unde drop fall radi apar abov",
    r"[\s)-]{0,2}(?:(?:wireless|bluetooth|transmission|of|signal|working|remote|control|flight|long)\s){0,2}"
    r"(?:range|distance|away|water|under\ ?water|drops?|falls?|radius|apart|above\ sea)\b",
    "wire blue tran of sign work remo cont flig long",
)
_TOLERANCE_AHEAD = _ahead(
    "erro devi tole diff allo vary vari",
    r"\b(?:error|deviat\w*|tolerance|differ\w*|allow|vary|varies)\b[^.;|]{0,24}\ ?$",
)
_TOLERANCE_BEHIND = _behind(
    "erro devi tole diff marg vari due",
    r"[\s)]{0,2}(?:(?:of|size|in|measurement|manual|slight|or|so)\s){0,3}"
    r"(?:error|deviat|toleranc|differ|margin|variation|due\ to)",
    "of size in meas manu slig or so",
)
_PERSON_AHEAD = _ahead(
    "mode pers peop adul kids user men wome wear",
    r"\b(?:models?|persons?|people|adults?|kids|users?|men|women|wearing|wearer)(?:'s)?"
    r"(?:\ (?:is|height|are|about|wears?|of|up\ to|upto|stands|with|a|tall|who|above|under)|:)"
    r"{0,3}\ ?$",
)
_PERSON_BEHIND = _behind(
    "pers peop adul men wome mode",
    r"\ (?:tall\ )?(?:person|people|adults?|men\b|women\b|model\b)",
    "tall",
)


@dataclass(frozen=True)
class Clues:
    """The clues that a kind of measurement is of another thing: pairs of ahead and behind.

    `ahead`, `behind`: stems, of which one is needed there; `first`: those of the first word behind,
    one of which is needed for any clue behind.
    """

    pairs: tuple[tuple[Clue, Clue], ...]
    ahead: frozenset[str]
    behind: frozenset[str]
    first: frozenset[str]


def _clues(*pairs: tuple[Clue, Clue]) -> Clues:
    pairs = (*pairs, (_TOLERANCE_AHEAD, _TOLERANCE_BEHIND))
    behind = frozenset[str]().union(*(clue.stems for _, clue in pairs))
    return Clues(
        pairs,
        _PACKAGE.stems.union(*(clue.stems for clue, _ in pairs)),
        behind,
        behind.union(*(clue.leads for _, clue in pairs)),
    )


_PERSON = (_PERSON_AHEAD, _PERSON_BEHIND)
_OF_CHAINS, _OF_OTHERS = _clues(), _clues(_PERSON)
_OF_SCREENS = _clues(_PERSON, (_DEVICE_AHEAD, _DEVICE_BEHIND))
_OF_LENSES = _clues((_LENS_AHEAD, _LENS_BEHIND))
_OF_RANGES = _clues(_PERSON, (_RANGE_AHEAD, _RANGE_BEHIND))
_SIDED_CLUES = {
    Unit.MISSING: _OF_OTHERS,
    Unit.MILLIMETRE: _OF_LENSES,
    Unit.CENTIMETRE: _OF_OTHERS,
    Unit.METRE: _OF_RANGES,
    Unit.INCH: _OF_OTHERS,
    Unit.FOOT: _OF_RANGES,
    Unit.YARD: _OF_RANGES,
}
"""Of single measurements whose side is named, by unit."""
_CLUES = {**_SIDED_CLUES, Unit.CENTIMETRE: _OF_SCREENS, Unit.INCH: _OF_SCREENS}
"""Of single measurements whose side is not named, by unit."""
_GIVE_OR_TAKE = ("±", "± ", "± (", "±(", "+/-", "+/- ", "+-", "+- ", "or minus ", "/minus ")
# Looking members up takes time.
_PRODUCT, _OTHER, _UNSIDED = Subject.PRODUCT, Subject.OTHER, (Role.NONE, Role.SIZE)


def clues_of(unit: Unit, role: Role, *, single: bool) -> Clues:
    """The clues that can hold for a measurement of this unit and side; `single`: no chain."""
    if not single:
        return _OF_CHAINS
    return _CLUES[unit] if role in _UNSIDED else _SIDED_CLUES[unit]


def subject_of(
    text: str,
    end: int,
    before: str,
    lower: str,
    words: list[str],
    first: str,
    *,
    unit: Unit,
    role: Role,
    single: bool,
) -> Subject:
    """What is measured.

    `before`: the text right ahead, back to the last measurement; `lower`: the same in lower case;
    `words`: those of `lower`; `end`: where the measurement ends; `first`: the first word behind it;
    `single`: whether it is one number or a range.
    """
    if before.endswith(_GIVE_OR_TAKE):
        return _OTHER
    clues = clues_of(unit, role, single=single)
    ahead = [word[:STEM] for word in words]
    behind: list[str] = []
    if first[:STEM] in clues.first:
        behind = [word[:STEM] for word in WORDS.findall(text[end : end + BEHIND].lower())]
    if clues.ahead.isdisjoint(ahead) and clues.behind.isdisjoint(behind):
        return _PRODUCT
    for clue_ahead, clue_behind in clues.pairs:
        if clue_ahead.ahead(lower, ahead) or clue_behind.behind(text, end, behind):
            return _OTHER
    return Subject.PACKAGE if _PACKAGE.ahead(lower, ahead) else _PRODUCT
