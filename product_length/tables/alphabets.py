"""How well the letters of a text fit languages that are written in Latin letters."""

from collections import Counter
from collections.abc import Mapping, Sequence

# Letters beside a to z; what a word borrows from French is in most.
_WESTERN = (
    "äöüßéèà",  # German
    "àâæçéèêëîïôœùûüÿ",  # French
    "áéíóúüñçºª¿¡",  # Spanish
    "áàâãçéêíóôõúüºª",  # Portuguese
    "àèéìíòóùúî",  # Italian
    "äåöéü",  # Swedish, Finnish
    "æøåéäöü",  # Danish, Norwegian
    "áðéíóúýþæö",  # Icelandic
    "ëïéèöüáóíúê",  # Dutch
)
_CENTRAL = (
    "ąćęłńóśźżé",  # Polish
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "áéíóöőúüű",  # Hungarian
    "ăâîșşţț",  # Romanian
    "čćđšž",  # Croatian, Slovene
    "äöüß",
)
_TURKISH = ("çğıİöşüâîû",)
_BALTIC = (
    "ąčęėįšųūž",  # Lithuanian
    "āčēģīķļņšūž",  # Latvian
    "äõöüšž",  # Estonian
)
_BY_ENCODING: Mapping[str, Sequence[str]] = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp1254": _TURKISH,
    "cp1257": _BALTIC,
}
_NO_LETTER = "\ufffd"
_SYMBOLS = set("\u00a0°®™©–—“”„‘’‚…•€£½¼¾×±µ§«»·²³")


def letters_beyond_ascii(text: str) -> Counter[str]:
    """How often each letter beyond ASCII occurs.

    Symbols count for none, but one where no language has it does: within a word, or a quotation
    mark that opens behind a letter. A capital behind a small letter counts as a letter that no
    language has.
    """
    letters: Counter[str] = Counter()
    for before, letter, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if not letter.isascii():
            within = before.isalpha() and after.isalpha() and letter != "’"
            if before.islower() and letter.isupper():
                letters[_NO_LETTER] += 1
            elif within or letter not in _SYMBOLS or (before.isalpha() and letter in "‚„"):
                letters[letter] += 1
    return letters


def fit_of_letters(text: str) -> float:
    """The largest share, over languages, of letters beyond ASCII that the language has; 0 to 1."""
    letters = letters_beyond_ascii(text)
    return max(
        _share(letters, alphabet) for alphabet in (*_WESTERN, *_CENTRAL, *_TURKISH, *_BALTIC)
    )


def fit_of_region(text: str, encoding: str) -> float:
    """The share of letters beyond ASCII that some language has which the encoding is made for.

    1 where nothing is known of the encoding's languages.
    """
    if encoding not in _BY_ENCODING:
        return 1.0
    return _share(letters_beyond_ascii(text), "".join(_BY_ENCODING[encoding]))


def _share(letters: Counter[str], alphabet: str) -> float:
    known = sum(n for each, n in letters.items() if each in alphabet or each.lower() in alphabet)
    return known / max(1, letters.total())
