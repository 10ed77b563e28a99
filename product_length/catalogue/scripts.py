"""Scripts that texts are written in, and texts in another script than those of training."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# Those that catalogues are written in; letters of any other are not counted.
SCRIPTS = (
    *("Latin", "Greek", "Cyrillic", "Armenian", "Georgian", "Hebrew", "Arabic", "Ethiopic"),
    *("Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada"),
    *("Malayalam", "Sinhala", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan", "Mongolian"),
    *("Han", "Hiragana", "Katakana", "Hangul"),
)
"""Names as in Unicode, and in the regular expressions of RE2."""

_LEAST = 0.01


def scripts_of(texts: Sequence[str]) -> list[str]:
    """The scripts that at least 1% of the letters of some texts are of."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4")
    counts = np.bincount(codes)
    present = np.flatnonzero(counts)
    letters = pa.array([chr(code) for code in present.tolist()], pa.string())
    found = {script: int(counts[present] @ _count(letters, [script])) for script in SCRIPTS}
    whole = sum(found.values())
    return [script for script, count in found.items() if count and count >= _LEAST * whole]


def are_foreign(texts: pa.StringArray, known: Sequence[str]) -> NDArray[np.bool_]:
    """Which texts, string (rows,), have most letters in scripts that are not `known`: bool (rows,).

    Half of them is enough.
    """
    foreign = np.zeros(len(texts), np.bool_)
    others = [script for script in SCRIPTS if script not in known]
    if not others:
        return foreign
    # One look for any such letter is many times faster than counting the letters of all texts.
    some = pc.match_substring_regex(texts, _letters(others)).to_numpy(zero_copy_only=False)
    places = np.flatnonzero(some)
    suspects = texts.take(pa.array(places))
    foreign[places] = _count(suspects, others) >= _count(suspects, known)
    return foreign


def main_scripts(texts: pa.StringArray) -> NDArray[np.int8]:
    """The script of most letters of each text, string (rows,), as a place in SCRIPTS: int8 (rows,).

    -1 for a text without a letter of any.
    """
    letters = pc.match_substring_regex(texts, _letters(SCRIPTS)).to_numpy(zero_copy_only=False)
    main = np.where(letters, 0, -1).astype(np.int8)  # Latin
    # One look for any other letter is many times faster than counting the letters of all texts.
    other = pc.match_substring_regex(texts, _letters(SCRIPTS[1:])).to_numpy(zero_copy_only=False)
    places = np.flatnonzero(other)
    if len(places):
        suspects = texts.take(pa.array(places))
        main[places] = np.argmax([_count(suspects, [script]) for script in SCRIPTS], axis=0)
    return main


def _count(texts: pa.StringArray, scripts: Sequence[str]) -> NDArray[np.int64]:
    """How many letters of each text are of these scripts: int64 (rows,)."""
    if not scripts:
        return np.zeros(len(texts), np.int64)
    counts: NDArray[np.int64] = pc.count_substring_regex(texts, _letters(scripts)).to_numpy()
    return counts.astype(np.int64)


def _letters(scripts: Sequence[str]) -> str:
    return "[" + "".join(rf"\p{{{script}}}" for script in scripts) + "]"
