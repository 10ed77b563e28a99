"""The words around a measurement: of what thing it is.

Patterns are tried only where a word nearby begins with one of their stems, which is far cheaper.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from product_length.dimensions.context import STEMS
from product_length.dimensions.measurement import Role, Subject, Unit

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
    "hdds ssd ssds hard ipho kind erea gala thin"
)


@dataclass(frozen=True)
class Clue:
    """A pattern, and the stems of which it needs one."""

    stems: frozenset[str]
    pattern: re.Pattern[str]

    def ahead(self, before: str, stems: Sequence[str]) -> bool:
        """Whether it is in the text before a measurement."""
        return not self.stems.isdisjoint(stems) and self.pattern.search(before) is not None

    def behind(self, text: str, end: int, stems: Sequence[str]) -> bool:
        """Whether it follows a measurement that ends at `end`."""
        return not self.stems.isdisjoint(stems) and self.pattern.match(text, end) is not None


def _clue(stems: str, pattern: str) -> Clue:
    return Clue(frozenset(stems.split()), re.compile(pattern, re.IGNORECASE))


_PACKAGE = _clue(
    "pack ship cart box pake paqu emba coli imba पैके",
    r"\b(?:pack(?:age|aging|ed|ing)|shipping|carton|box)s?\ (?:\w+\ )?(?:size|dim|measure|length"
    r"|width|height|l\ ?x)|\b(?:paketma|del\ paquete|del\ embalaje|du\ colis|dell.imballo)|पैकेज",
)
_DEVICE_BEHIND = _clue(
    _DEVICE_STEMS,
    r"[\s)\]-]{0,3}(?:(?:full|hd|uhd|fhd|4k|8k|smart|o?led|lcd|qled|gaming|touch|ips|retina"
    rf"|amoled|android|wide|super|flat|curved|computer|diagonal|sata|apple)[\s-]){{0,3}}{_DEVICE}\b",
)
_DEVICE_AHEAD = _clue(
    _DEVICE_STEMS,
    rf"\b{_DEVICE}(?:[\s:()/-]{{1,3}}(?:\w*[0-9]\w*|pro|air|plus|max|mini|ultra|size|of|is|up"
    r"|upto|to|with|in|from|fits?|a|an|(?:back\ )?(?:case|cover)s?|sleeve|bag|backpack|skin"
    r"|(?:screen\ )?(?:guard|protector)s?|(?:tempered\ )?glass)){0,5}[\s:(/-]{0,3}$",
)
_LENS_BEHIND = _clue(
    "lens film came slr jack aux audi head earp plug mic foca ster f",
    r"\ ?(?:(?:f/?[0-9.]+|stereo|trrs|trs|audio|male|female|prime|zoom|wide|telephoto|macro"
    r"|headphone|standard|focal)[\s-]){0,2}(?:lens|film|camera|slr|jack|aux|audio|headphones?"
    r"|headset|earphones?|plug|mic\b|f/?[0-9]|focal|stereo)",
)
_LENS_AHEAD = _clue(
    "foca lens zoom nikk jack aux", r"\b(?:focal|lens|zoom|nikkor|jack|aux)[\s\w:-]{0,12}$"
)
_RANGE_AHEAD = _clue(
    "rang dist wate unde drop fall wire blue visi thro radi divi alti",
    r"\b(?:range|distance|water-?\ ?(?:proof|resist\w*)|underwater|drops?|falls?|wireless"
    r"|bluetooth|visib\w*|throw|radius|diving|altitude)\b(?:[\s:(-]{1,3}(?:is|of|up|to|upto|within"
    r"|max\w*|rat\w+|about|approx\w*|from|at|depth|range|distance|for|protection|test\w*|height"
    r"|reach\w*|the|a|in)){0,5}[\s:(-]{0,3}$",
)
_RANGE_BEHIND = _clue(
    "rang dist away wate unde drop fall radi apar abov",
    r"[\s)-]{0,2}(?:(?:wireless|bluetooth|transmission|of|signal|working|remote|control|flight|long)\s){0,2}"
    r"(?:range|distance|away|water|under\ ?water|drops?|falls?|radius|apart|above\ sea)\b",
)
_TOLERANCE_AHEAD = _clue(
    "erro devi tole diff allo vary vari",
    r"\b(?:error|deviat\w*|tolerance|differ\w*|allow|vary|varies)\b[^.;|]{0,24}\ ?$",
)
_TOLERANCE_BEHIND = _clue(
    "erro devi tole diff marg vari due",
    r"[\s)]{0,2}(?:(?:of|size|in|measurement|manual|slight|or|so)\s){0,3}"
    r"(?:error|deviat|toleranc|differ|margin|variation|due\ to)",
)
_PERSON_AHEAD = _clue(
    "mode pers peop adul kids user men wome wear",
    r"\b(?:models?|persons?|people|adults?|kids|users?|men|women|wearing|wearer)(?:'s)?"
    r"(?:\ (?:is|height|are|about|wears?|of|up\ to|upto|stands|with|a|tall|who|above|under)|:)"
    r"{0,3}\ ?$",
)
_PERSON_BEHIND = _clue(
    "pers peop adul men wome mode", r"\ (?:tall\ )?(?:person|people|adults?|men\b|women\b|model\b)"
)
_CLUES_AHEAD = (
    _PACKAGE, _DEVICE_AHEAD, _LENS_AHEAD, _RANGE_AHEAD, _TOLERANCE_AHEAD, _PERSON_AHEAD
)  # fmt: skip
_CLUES_BEHIND = (_DEVICE_BEHIND, _LENS_BEHIND, _RANGE_BEHIND, _TOLERANCE_BEHIND, _PERSON_BEHIND)
_ANY_AHEAD = frozenset[str]().union(*(clue.stems for clue in _CLUES_AHEAD))
_ANY_BEHIND = frozenset[str]().union(*(clue.stems for clue in _CLUES_BEHIND))
_GIVE_OR_TAKE = ("±", "± ", "± (", "±(", "+/-", "+/- ", "+-", "+- ", "or minus ", "/minus ")
_PRODUCT = Subject.PRODUCT  # looking members up takes time
_LONG_UNITS = (Unit.METRE, Unit.FOOT, Unit.YARD)


def subject_of(
    text: str, end: int, before: str, ahead: list[str], *, unit: Unit, role: Role, single: bool
) -> Subject:
    """What is measured.

    `before`: the text right ahead, back to the last measurement; `ahead`: the stems of its words,
    in lower case; `end`: where the measurement ends; `single`: whether it is one number or a range.
    """
    if before.endswith(_GIVE_OR_TAKE):
        return Subject.OTHER
    behind: list[str] = STEMS.findall(text[end : end + BEHIND].lower())
    if _ANY_AHEAD.isdisjoint(ahead) and _ANY_BEHIND.isdisjoint(behind):
        return _PRODUCT
    sided = role not in (Role.NONE, Role.SIZE)
    return _by_clues(text, end, before, ahead, behind, unit=unit, sided=sided, single=single)


def _by_clues(
    text: str,
    end: int,
    before: str,
    ahead: list[str],
    behind: list[str],
    *,
    unit: Unit,
    sided: bool,
    single: bool,
) -> Subject:
    """The subject; `ahead` and `behind`: stems of the words around, of which a clue has one."""

    def told(clue_ahead: Clue, clue_behind: Clue) -> bool:
        return clue_ahead.ahead(before, ahead) or clue_behind.behind(text, end, behind)

    if told(_TOLERANCE_AHEAD, _TOLERANCE_BEHIND):
        return Subject.OTHER
    if single:
        screen = unit in (Unit.INCH, Unit.CENTIMETRE) and not sided
        if screen and told(_DEVICE_AHEAD, _DEVICE_BEHIND):
            return Subject.OTHER
        if unit is Unit.MILLIMETRE and told(_LENS_AHEAD, _LENS_BEHIND):
            return Subject.OTHER
        if unit in _LONG_UNITS and told(_RANGE_AHEAD, _RANGE_BEHIND):
            return Subject.OTHER
        if unit is not Unit.MILLIMETRE and told(_PERSON_AHEAD, _PERSON_BEHIND):
            return Subject.OTHER
    return Subject.PACKAGE if _PACKAGE.ahead(before, ahead) else Subject.PRODUCT
