"""Characters that spell what plain ones do: `３０ｃｍ`, `३०`, `2½`, `㎝`, `12\\"`, `30±1`."""

import re
import unicodedata
from functools import lru_cache

VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅐⅑⅒"
"""Characters that are fractions."""
_OTHERS = {
    **dict.fromkeys("\u2010\u2011\u2212", "-"),  # hyphens and a minus
    **dict.fromkeys("\u2044\u2215", "/"),  # the slashes of fractions and divisions
    **dict.fromkeys("\u200b\u2060\ufeff\u00ad\u200e\u200f", ""),  # no width
    "∓": "±",
    "∅": "⌀",
    "ϕ": "φ",
    "Ф": "Φ",
    "\u066b": ".",  # Arabic decimal and thousands signs
    "\u066c": ",",
    "\uff0c": ", ",  # the full-width comma is no decimal sign
}
_DOTS = "·‧∙⋅"
"""Middle dots."""
_WIDE = "\uff01-\uff5e"
_SQUARED = "\u3371-\u33df"
_MATHEMATICAL = r"\x{1D400}-\x{1D7FF}"
_SIGN = r"(?:±|\+-|\+\ ?/\ ?-|\+[0-9.,]+\ ?/\ ?-|[pP]lus\ ?(?:or|/)\ ?[mM]inus)"
_OTHER_SCRIPTS = r"[^\P{Nd}0-9]|[^\P{Zs} ]|[₀-₉]"
ODD = (
    rf"{_OTHER_SCRIPTS}|[{_WIDE}{_SQUARED}{_MATHEMATICAL}±{''.join(_OTHERS)}{_DOTS}{VULGAR}]"
    rf"|\\|{_SIGN}"
)
"""Pattern (RE2) that is in every text which `spell_out` changes."""
HIDING = (
    rf"{_OTHER_SCRIPTS}|[０-９Ａ-Ｚａ-ｚ＂＇{_SQUARED}{_MATHEMATICAL}"
    # Not the whole of _SIGN, only a part that is in each: RE2 takes longer for more branches.
    r"\x{200b}\x{2060}\x{feff}\x{ad}\x{200e}\x{200f}±]|\\|\+-|/ ?-|inus"
)
"""Pattern (RE2) of spellings behind which a first look would not see a measurement."""

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_BETWEEN_DIGITS = frozenset(f"\u2007\u2008\u2009\u202f\uff0c\u2044₀₁₂₃₄₅₆₇₈₉{_DOTS}")
"""Characters that mean something of their own between digits."""
# A narrow space, or one as wide as a digit or a point, groups digits and does little else.
_GROUPING_SPACE = re.compile(r"[\u2007-\u2009\u202f](?<=\d.)(?=\d{3}(?!\d))")
_GROUPING_COMMA = re.compile(r"\uff0c(?<=\d.)(?=\d{3}(?!\d))")
_MIDDLE_DOT = re.compile(rf"[{_DOTS}](?<=\d.)(?=\d)")
_SMALL_FRACTION = re.compile(r"[⁰¹²³⁴-⁹]+[\u2044/][₀-₉]+")
_FRACTION_SLASH = re.compile(r"\ ?\u2044\ ?")
_ESCAPED = re.compile(r"\\+(?=[\"'″′”’/])")
_ANY_SIGN = re.compile(_SIGN)
_LIMIT = r"[0-9]*[.,]?[0-9]+(?:\ {0,2}[0-9]+/[0-9]+|/[0-9]+)?"
_LIMITS = rf"{_SIGN}\ {{0,2}}{_LIMIT}(?:\ ?(?:-|–|~|to)\ ?{_LIMIT})?\ ?%?"
# `(30±1) cm`
_IN_BRACKETS = re.compile(rf"[(\[]\ ?([0-9][0-9.,/ ]*?)\ ?{_LIMITS}\ ?[)\]]")
# Right behind a number, where its unit stands behind the tolerance.
_TOLERANCE = re.compile(
    rf"(?<=[0-9])\ ?(?:[(\[]\ ?{_LIMITS}(\ ?[^\W\d_]{{1,6}}|\ ?[\"″”'′’]{{1,2}})?\ ?[)\]]"
    rf"|{_LIMITS})",
)


def may_be_odd(text: str) -> bool:
    """Whether `spell_out` may change `text`, after a fast look; True for many that it would not."""
    return not text.isascii() or "\\" in text or "+" in text or "inus" in text


def spell_out(text: str) -> str:
    """`text` in plain characters, as far as numbers and units go, and without tolerances.

    A character that is a fraction becomes ` 1/2`: `1½` is `1 1/2`.
    """
    if not text.isascii():
        chars = set(_NOT_ASCII.findall(text))
        if not _BETWEEN_DIGITS.isdisjoint(chars):
            text = _spell_between_digits(text)
        for char in chars:
            plain = _spelt(char)
            if plain != char:
                text = text.replace(f" {char}", f" {plain.lstrip(' ')}").replace(char, plain)
    if "\\" in text:
        text = _ESCAPED.sub("", text)
    if ("±" in text or "+" in text or "inus" in text) and _ANY_SIGN.search(text):
        text = _TOLERANCE.sub(r"\1", _IN_BRACKETS.sub(r" \1", text))
    return text


def _spell_between_digits(text: str) -> str:
    text = _GROUPING_SPACE.sub("'", text)
    text = _GROUPING_COMMA.sub(",", text)
    text = _MIDDLE_DOT.sub(".", text)
    text = _SMALL_FRACTION.sub(_full_size, text)
    return _FRACTION_SLASH.sub("/", text)


def _full_size(fraction: re.Match[str]) -> str:
    return " " + unicodedata.normalize("NFKC", fraction[0])


@lru_cache(4096)
def _spelt(char: str) -> str:
    """A character that is not ASCII in plain ones; itself where there are none."""
    if char in _OTHERS:
        return _OTHERS[char]
    if unicodedata.category(char) == "Zs":
        return " "
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    plain = unicodedata.normalize("NFKC", char)
    if char in VULGAR:
        return " " + plain.replace("\u2044", "/")
    if "\u3371" <= char <= "\u33df":
        plain = plain.replace("\u2215", "/")
        if plain[-1] in "23":  # an area or a volume
            plain = plain[:-1] + "²³"[int(plain[-1]) - 2]
        return plain if plain.rstrip("²³").isascii() else char
    stands_for_one = "\uff01" <= char <= "\uff5e" or "\U0001d400" <= char <= "\U0001d7ff"
    return plain if stands_for_one and plain.isascii() else char
