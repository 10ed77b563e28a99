"""Patterns of words in texts with measurements."""

import re
from collections.abc import Iterable

from product_length.measurements.vocabulary import UNIT_OF


def any_of(words: Iterable[str]) -> str:
    """A pattern (verbose syntax) of any of these words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def by_initial(words: Iterable[str]) -> str:
    """A pattern of any of these words in any case, that `re` leaves fast where none begins."""
    initials: dict[str, list[str]] = {}
    for word in words:
        initials.setdefault(word[0], []).append(word[1:])
    branches = [
        f"[{initial}{initial.upper()}](?i:{any_of(rests)})" for initial, rests in initials.items()
    ]
    # One look at the first letter, since it mostly begins none of them.
    first = "".join({letter for word in initials for letter in (word, word.upper())})
    return f"(?:(?=[{first}])(?:{'|'.join(branches)}))"


UNIT_WORD = by_initial(word for word in UNIT_OF if word[0].isalpha())
"""Pattern of a unit's name, which does not look at what follows."""
