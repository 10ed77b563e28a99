"""Numbers as product texts write them."""

import math
import re
import unicodedata

VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
"""Characters that are fractions."""
_WRITTEN = {
    char: f" {part.replace('⁄', '/')}"
    for char in VULGAR
    for part in [unicodedata.normalize("NFKC", char)]
}
_DENOMINATORS = "2|3|4|5|6|8|10|12|16|32|64"

NUMBER = (
    # First one of a small set, which `re` looks for fast; then: no digit stands before it.
    rf"[0-9](?<![0-9].)(?:"
    # Most are mere digits, which the rest of the branches would come to as well, but last.
    r"[0-9]*(?![0-9/⁄.,]|[ -]{1,3}[0-9])"
    rf"|[0-9]{{0,3}}(?:\ |-|\ -\ )[0-9]{{1,2}}[/⁄](?:{_DENOMINATORS})(?![0-9.,])"
    rf"|[0-9]{{0,2}}[/⁄](?:{_DENOMINATORS})(?![0-9.,])"
    r"|(?<!0)[0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?(?![0-9])"
    r"|(?<!0)[0-9]{0,2}(?:\.[0-9]{3})+,[0-9]{1,2}(?![0-9])"
    r"|[0-9]*(?:[.,][0-9]+)?)"
)
"""Pattern (verbose syntax) of 30 · 2.5 · 2,5 · 1,200 · 1.200,5 · 3/4 · 1 1/2 · 1-1/2."""

_FRACTION = re.compile(r"(?:([0-9]+)[ -]+)?([0-9]+)[/⁄]([0-9]+)")


def spell_out(text: str) -> str:
    """`text` with each character that is a fraction as ` 1/2`: `1½` becomes `1 1/2`."""
    if text.isascii():
        return text
    for char, written in _WRITTEN.items():
        if char in text:
            text = text.replace(char, written)
    return text


def read_number(written: str) -> float:
    """The value of a match of NUMBER; what is no fraction in lowest terms is its last number.

    `30/32` names two sizes, of which the last one is taken. Numbers of hundreds of digits may be
    infinite.
    """
    try:
        return float(written)
    except ValueError:
        parts = _FRACTION.fullmatch(written)
    if parts is None:
        return _decimal(written)
    whole, above, below = parts.groups()
    if 0 < int(above) < int(below) and math.gcd(int(above), int(below)) == 1:
        return float(whole or 0) + int(above) / int(below)
    return float(below)


def _decimal(written: str) -> float:
    groups = re.split("[.,]", written)
    if "." in written and "," in written:  # the last one is the decimal sign
        return float("".join(groups[:-1]) + "." + groups[-1])
    if "," in written and written[0] != "0" and all(len(group) == 3 for group in groups[1:]):
        return float("".join(groups))
    return float(".".join(groups))
