"""Texts split into words by arrays of characters, and the distinct words among them.

Distinct words are found by Arrow, so that what is done for a word in Python is done once for each
distinct one.
"""

import re
from codecs import utf_32_le_decode, utf_32_le_encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# Numbers and letters apart, single characters kept: "10cm x 5.5" is 10, cm, x, 5.5.
TOKEN = r"(?u)\d+(?:\.\d+)?|[^\W\d]+"
TOKENS = re.compile(TOKEN)

_GAP, _LETTER, _DIGIT = 0, 1, 2
# Code points below these share a table of kinds; the whole one takes a quarter of a second to make.
_TABLES = (0x80, 0x3000, 0x20000, 0x110000)
_POINT = ord(".")
_CHARACTER = 4  # bytes


@dataclass(frozen=True)
class Words:
    """The words of some texts, lowered, one text after the other.

    values: each word, as `encoded` gives it, null where none is; offsets: int64 (texts + 1,), where
    each text's words begin, and where the last end.
    """

    values: pa.LargeBinaryArray
    offsets: NDArray[np.int64]

    def rows(self) -> NDArray[np.int64]:
        """Of each word its text: int64 (words,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def distinct(self) -> tuple[pa.LargeBinaryArray, NDArray[np.int32]]:
        """Each different word once, and which of them each word is: int32 (words,)."""
        found = self.values.dictionary_encode()
        return found.dictionary, found.indices.drop_null().to_numpy()

    def among(self, known: pa.LargeBinaryArray) -> NDArray[np.int64]:
        """Which of the known words, all different, each word is, -1 if none: int64 (words,)."""
        found = pc.index_in(self.values, value_set=known).fill_null(-1)
        of_words: NDArray[np.int32] = found.filter(self.values.is_valid()).to_numpy()
        return of_words.astype(np.int64)


def encoded(word: str) -> bytes:
    """A word as bytes, four for each character."""
    return utf_32_le_encode(word, "surrogatepass")[0]


def decoded(word: bytes) -> str:
    """The word of such bytes."""
    return utf_32_le_decode(word, "surrogatepass")[0]


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
    lengths = np.fromiter(map(len, lowered), np.int64, len(lowered)) + 1
    # The gap before a text is as good as its beginning.
    begins = np.concatenate([[0], lengths.cumsum()])
    values = _binary(content, bounds * _CHARACTER, is_word)
    return Words(values, np.searchsorted(bounds[:-1][is_word], begins))


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


def _binary(
    content: bytes, bounds: NDArray[np.int64], is_word: NDArray[np.bool_]
) -> pa.LargeBinaryArray:
    """What lies between the bounds, null where it is no word."""
    buffers = [
        pa.py_buffer(np.packbits(is_word, bitorder="little")),
        pa.py_buffer(bounds),
        pa.py_buffer(content),
    ]
    return pa.Array.from_buffers(pa.large_binary(), len(is_word), buffers)


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
