"""The words around a measurement: which side of a thing it is."""

import re
from collections.abc import Sequence

from product_length.measurements.measurement import Role, Unit
from product_length.measurements.patterns import UNIT_WORD, by_initial
from product_length.measurements.vocabulary import ADJECTIVE_OF, AXES, ROLE_OF, UNIT_OF

LETTER = "[A-Za-zÀ-ÖØ-öø-ɏͰ-ӿऀ-ॣॱ-ॿ]"
"""Latin, Greek, Cyrillic and Devanagari letters, vowel signs included."""
WORDS = re.compile(LETTER.replace("A-Z", "").replace("À-ÖØ-ö", "ß-ö") + "+")
"""The words in these letters, in a text that is in lower case, which is faster."""
_FAR = 26
"""Most characters from a noun to the number that it names."""
_BREAK = re.compile(r"[0-9;|•!?]|(?<!prox)[.,]\ ")
_AXIS_AHEAD = re.compile(
    r"(?:^|[^\w'’]|_)(L|W|H|D|B|T|[Dd]ia|[øØ⌀φΦ])[ .]?[)\]]?\ ?[:=–-]*\ ?[(]?$"
    r"|(?:^|[^\w'’-])([lwhd])$"
)
_SIDE_LETTERS, _NOUNS = frozenset(AXES), frozenset(ROLE_OF)
_NAMES = frozenset((*AXES, *ROLE_OF, *ADJECTIVE_OF))
_NONE = Role.NONE  # looking members up takes time
_WORD_BEHIND = re.compile(
    r"\.?\ ?[-(\[]?\ ?(?:in\ |of\ |across\ |overall\ |total\ )?([^\W\d_]{1,10})"
)
_MAY_LEAD_TO_NAMES = frozenset((*_NAMES, "in", "of", "across", "overall", "total"))
_FIRST_BEHIND = re.compile(r"[\s.()\[\]-]{0,4}([^\W\d_]{1,10}|[48])")
_SOON_NUMBER = re.compile(r"(?:\.?\ ?[:=–-]|\ of)?\ ?[0-9]")

_AXIS = by_initial([*AXES, *(word for word in ROLE_OF if len(word) > 3)])
_CROSS = r"\ ?[xX×*/]\ ?"
_SIDES = rf"({_AXIS}){_CROSS}({_AXIS})(?:{_CROSS}({_AXIS}))?(?![^\W_])"
_HEADER = re.compile(rf"(?<![^\W_]){_SIDES}")
_CROSSED = re.compile(r"[xX×*/](?:(?<=[A-Za-zØ].)|(?<=[A-Za-zØ]\ .))\ ?[A-Za-zØ]")
_HEADER_BEHIND = re.compile(rf"[\s(\[,]{{0,3}}{_SIDES}")
_FLAT = frozenset(("l", "w", "b", "an", "length", "width", "breadth"))

_UNIT_AHEAD = re.compile(
    rf"[(\[iI](?:(?<=[(\[])\ ?|(?<=\b[iI])[nN]\ )({UNIT_WORD})\.?\ ?[)\]]?\ ?[:=–-]*\ ?[(\[]?$"
)
_UNIT_BEHIND = re.compile(
    rf"\ ?[(\[]?\ ?[LWHDBTlwhdbt](?:{_CROSS}[LWHDBTlwhdbt]){{0,2}}\ ?"
    rf"[)\]]?(?:,?\ ?[-(\[]?(?:in\ )?({UNIT_WORD})(?![^\W_])|([\"″”'′’]))"
)


def role_of_lead(before: str, lower: str, words: Sequence[str]) -> Role:
    """The side that the words right ahead of a number name.

    `before`: the text ahead of it; `lower`: the same in lower case; `words`: those of `lower`.
    """
    if (words and words[-1] in _SIDE_LETTERS) or before.endswith(("⌀", "⌀ ")):
        axis = _AXIS_AHEAD.search(before, max(0, len(before) - 9))
        if axis:
            return role_of_axis(axis[1] or axis[2])
    if _NOUNS.isdisjoint(words):
        return _NONE
    for word in reversed(words):
        role = ROLE_OF.get(word)
        if role is not None:
            end = lower.rfind(word) + len(word)
            if len(before) == end:
                return role
            near = len(before) - end <= _FAR and not _BREAK.search(before, end)
            return role if near else _NONE
    return _NONE


def role_of_axis(name: str, *, alone: bool = True) -> Role:
    """The side that a letter or word of AXES, a noun or an adjective names; NONE for others."""
    word = name.lower()
    if word == "d" and alone:
        return Role.DIAMETER
    return AXES.get(word) or ROLE_OF.get(word) or ADJECTIVE_OF.get(word) or Role.NONE


def first_behind(text: str, end: int) -> str:
    """The first word behind a measurement, in lower case, or the digit of `4K`; "" for none.

    It mostly finds that no pattern of words behind can match.
    """
    match = _FIRST_BEHIND.match(text, end)
    return "" if match is None else match[1].lower()


def role_behind(text: str, end: int, first: str, *, led: bool) -> Role:
    """The side that the word after a measurement names; `led`: words ahead of it named one.

    `first`: the first word behind the measurement.
    """
    if first not in _MAY_LEAD_TO_NAMES:
        return _NONE
    match = _WORD_BEHIND.match(text, end)
    if match is None:
        return _NONE
    word = match[1].lower()
    if word not in _NAMES:
        return _NONE
    role = ADJECTIVE_OF.get(word)
    if role is not None:
        return role
    if word in AXES and (match[1].isupper() or word == "dia"):
        role = role_of_axis(word)
    elif not led:
        role = ROLE_OF.get(word)
    if role is None or role is Role.SIZE or _SOON_NUMBER.match(text, match.end(1)):
        return Role.NONE  # ahead of a number, the word leads the next measurement
    return role


def roles_of_header(text: str, end: int, before: str) -> list[Role]:
    """The sides of `(L x W x H)` ahead of a chain, or right behind it; empty without one."""
    header = None
    if _CROSSED.search(before):
        for header in _HEADER.finditer(before):  # noqa: B007 - the last one counts
            pass
        if header is not None and re.search(r"[0-9;|]", before[header.end() :]):
            header = None
    if header is None:
        header = _HEADER_BEHIND.match(text, end)
    if header is None:
        return []
    return roles_of_axes([name for name in header.groups() if name])


def roles_of_axes(names: Sequence[str]) -> list[Role]:
    """The sides of the names of one chain, "" for none: D is a depth beside L, W or B."""
    flat = any(name.lower() in _FLAT for name in names)
    roles = [role_of_axis(name, alone=not flat) if name else Role.NONE for name in names]
    for at, name in enumerate(names):
        if name == "l" and "L" in names[:at]:  # French: longueur, largeur
            roles[at] = Role.WIDTH
    return roles


def unit_around(text: str, end: int, before: str) -> Unit:
    """The unit of numbers that have none of their own, as `Size (cm): 30 x 20`; else MISSING."""
    found = _UNIT_AHEAD.search(before) or _UNIT_BEHIND.match(text, end)
    if found is None:
        return Unit.MISSING
    return UNIT_OF.get(found[found.lastindex or 1].lower(), Unit.MISSING)


Single = tuple[int, int, int, Role]
"""A measurement that stands alone: from where to where in a text, its number, its side."""
_LIST_GAP = re.compile(
    rf"\.?\ ?[(\[]?(?:{LETTER}{{1,10}})?[)\]]?\.?\ ?(?:[,;/|•&+-]|and\b)?\ {{0,2}}(?:and\ )?[(\[]?"
    rf"(?:{LETTER}{{1,10}})?[)\]]?\ ?[:=.–-]*\ ?[(\[]?"
)
"""What stands between two measurements of a list, the names of their sides included."""
_D_AHEAD = re.compile(r"(?<![^\W_])[Dd][ .]?[)\]]?\ ?[:=–-]*\ ?[(\[]?$")
_D_BEHIND = re.compile(r"\.?\ ?[-(\[]?\ ?(?:in\ )?D(?![^\W_])")
_BESIDE_DEPTH = (Role.WIDTH, Role.HEIGHT)


def depths_in_lists(text: str, singles: Sequence[Single]) -> list[int]:
    """Numbers of the measurements named D that share a list with a width or a height.

    As in `W: 12 in, D: 18 in, H: 24 in`; a D that stands alone is a diameter.
    """
    found: list[int] = []
    first = 0
    for at, (_, end, _, _) in enumerate(singles):
        if at + 1 < len(singles) and _LIST_GAP.fullmatch(text, end, singles[at + 1][0]):
            continue
        run = singles[first : at + 1]
        first = at + 1
        if any(role in _BESIDE_DEPTH for _, _, _, role in run):
            found += [
                number
                for start, end, number, role in run
                if role is Role.DIAMETER
                and (_D_AHEAD.search(text, max(0, start - 9), start) or _D_BEHIND.match(text, end))
            ]
    return found
