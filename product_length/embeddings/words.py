"""Texts split into words by arrays of characters, and the distinct words among them.

Distinct words are found by Arrow, so that what is done for a word in Python is done once for each
distinct one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

# Numbers and letters apart, single characters kept: "10cm x 5.5" is 10, cm, x, 5.5.
TOKEN = r"(?u)\d+(?:\.\d+)?|[^\W\d]+"
TOKENS = re.compile(TOKEN)

_GAP, _LETTER, _DIGIT = 0, 1, 2
# Code points below these share a table of kinds; the whole one takes a quarter of a second to make.
_TABLES = (0x80, 0x3000, 0x20000, 0x110000)
_POINT = ord(".")
_ENCODING = "utf-32-le"  # a character is one number
_CHARACTER = 4  # bytes


@dataclass(frozen=True)
class Words:
    """The words of some texts, lowered, one text after the other.

    distinct: each different word once, as `encoded` gives it; ids: int32 (words,), which of them a
    word is; offsets: int64 (texts + 1,), where each text's words begin, and where the last end.
    """

    distinct: list[bytes]
    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def rows(self) -> NDArray[np.int64]:
        """Of each word its text: int64 (words,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


def encoded(word: str) -> bytes:
    """A word as bytes, four for each character."""
    return word.encode(_ENCODING, "surrogatepass")


def decoded(word: bytes) -> str:
    """The word of such bytes."""
    return word.decode(_ENCODING, "surrogatepass")


def between_signs(texts: Sequence[str]) -> Words:
    """The words that `TOKEN` finds."""
    return _split(texts, signs=True)


def between_spaces(texts: Sequence[str]) -> Words:
    """What `str.split` gives."""
    return _split(texts, signs=False)


def _split(texts: Sequence[str], *, signs: bool) -> Words:
    lowered = [text.lower() for text in texts]
    whole = "\n".join(["", *lowered, ""])  # a gap around each
    content = encoded(whole)
    codes = np.frombuffer(content, dtype="<u4")
    kinds = _kinds(signs, _table_size(whole, codes)).take(codes, mode="clip")
    bounds = np.flatnonzero(kinds[1:] != kinds[:-1]) + 1
    if signs:
        bounds = _without_points(bounds, kinds, codes)
    is_word = kinds[bounds[:-1]] != _GAP
    distinct, ids = _numbered(content, bounds * _CHARACTER, is_word)
    lengths = np.fromiter(map(len, lowered), np.int64, len(lowered)) + 1
    # The gap before a text is as good as its beginning.
    begins = np.concatenate([[0], lengths.cumsum()])
    return Words(distinct, ids, np.searchsorted(bounds[:-1][is_word], begins))


def _without_points(
    bounds: NDArray[np.int64], kinds: NDArray[np.int8], codes: NDArray[np.uint32]
) -> NDArray[np.int64]:
    """The bounds of runs, without those of points that stand in a number."""
    starts = bounds[:-1]
    points = np.flatnonzero((codes[starts] == _POINT) & (bounds[1:] - starts == 1))
    inside = (kinds[starts[points] - 1] == _DIGIT) & (kinds[starts[points] + 1] == _DIGIT)
    points = points[inside]
    if not len(points):
        return bounds
    # Of 1.2.3.4 the first point joins, the second parts, the third joins: 1.2 and 3.4.
    first = np.diff(points, prepend=-2) != 2
    place = np.arange(len(points))
    joining = points[(place - np.maximum.accumulate(np.where(first, place, 0))) % 2 == 0]
    return np.delete(bounds, np.concatenate([joining, joining + 1]))


def _numbered(
    content: bytes, bounds: NDArray[np.int64], is_word: NDArray[np.bool_]
) -> tuple[list[bytes], NDArray[np.int32]]:
    """Each different word once, and which of them each word is: int32 (words,)."""
    if not is_word.any():
        return [], np.zeros(0, dtype=np.int32)
    buffers = [
        pa.py_buffer(np.packbits(is_word, bitorder="little")),
        pa.py_buffer(bounds),
        pa.py_buffer(content),
    ]
    runs = pa.Array.from_buffers(pa.large_binary(), len(is_word), buffers)
    found = runs.dictionary_encode()
    ids: NDArray[np.int32] = found.indices.drop_null().to_numpy()
    return found.dictionary.to_pylist(), ids


def _table_size(whole: str, codes: NDArray[np.uint32]) -> int:
    if whole.isascii():
        return _TABLES[0]
    most = int(codes.max())
    return next(size for size in _TABLES if most < size)


@cache
def _kinds(signs: bool, size: int) -> NDArray[np.int8]:
    """What each code point below `size` is to the split."""
    if signs:
        found = (
            _DIGIT if s.isdecimal() else _LETTER if s.isalnum() or s == "_" else _GAP
            for s in map(chr, range(size))
        )
    else:
        found = (_GAP if s.isspace() else _LETTER for s in map(chr, range(size)))
    return np.fromiter(found, np.int8, size)
