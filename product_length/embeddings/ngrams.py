"""Hashed n-grams: the words of a text and the character n-grams of its beginning, as bucket ids.

The vectors of the buckets are learned with the network, as in fastText (Joulin et al. 2017, "Bag of
Tricks for Efficient Text Classification"); here is only the hashing, which nothing is fitted for.
An n-gram's hash is a polynomial over its characters modulo 2^64, so that those of all n-grams are
differences of one running sum, mixed by MurmurHash3's finaliser.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import Self

from product_length.embeddings.config import BagOptions, NgramOptions

_Hashes = NDArray[np.uint64]
_Ints = NDArray[np.int64]

_GAP, _LETTER, _DIGIT = 0, 1, 2
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)
# Texts at a time: bounds memory, and leaves the bits below to the rest of a sorting key.
_ROWS = 1024
_PLACE_BITS, _ID_BITS = 28, 25


class NgramEncoder:
    """Bucket ids of a text's n-grams, for an embedding bag that the network learns."""

    dtype = "int32"

    def __init__(self, name: str, options: NgramOptions) -> None:
        self.name = name
        self._options = options

    @property
    def address(self) -> dict[str, Any]:
        """The options that decide the ids; those of the learned vectors do not."""
        learned = set(BagOptions.model_fields) - {"buckets"}
        return self._options.model_dump(mode="json", exclude=learned)

    @property
    def dimension(self) -> int:
        """How many ids a text has room for."""
        return self._options.length

    @property
    def bag(self) -> BagOptions:
        """What the network learns for the ids."""
        fields = BagOptions.model_fields
        return BagOptions(**{name: getattr(self._options, name) for name in fields})

    @property
    def device(self) -> torch.device:
        """Always the CPU."""
        return torch.device("cpu")

    def encode(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Bucket ids of the texts: int32 (texts, dimension), see `encode_marked`."""
        return self.encode_marked(texts)[0]

    def encode_marked(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Each text's distinct ids, int32 (texts, dimension), and whether some had no room.

        Ids are 1 … buckets, 0 fills up. Those of words come first, by the place where they start,
        then those of characters, likewise. Marks: bool (texts,).
        """
        ids = np.zeros((len(texts), self.dimension), dtype=np.int32)
        cut = np.zeros(len(texts), dtype=np.bool_)
        for start in range(0, len(texts), _ROWS):
            part = slice(start, start + _ROWS)
            self._fill([text.lower() for text in texts[part]], ids[part], cut[part])
        return ids, cut

    def state(self) -> dict[str, Any]:
        """The name and the options."""
        options = self._options.model_dump(mode="json")
        return {"kind": "ngrams", "name": self.name, "options": options}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The encoder whose `state` this is."""
        return cls(state["name"], NgramOptions.model_validate(state["options"]))

    def _fill(self, texts: Sequence[str], ids: NDArray[np.int32], cut: NDArray[np.bool_]) -> None:
        options = self._options
        found = list(_word_ngrams(_Letters(texts), options.word_ngrams))
        if options.char_ngrams is not None:
            letters = _Letters([text[: options.char_length] for text in texts])
            found += _char_ngrams(letters, *options.char_ngrams)
        rows, places, hashes = (np.concatenate(parts) for parts in zip(*found, strict=True))
        buckets = (hashes % np.uint64(options.buckets)).astype(np.int64) + 1
        # Sorting plain integers is several times as fast as finding the order of rows of columns.
        by_id = np.sort(rows << (_ID_BITS + _PLACE_BITS) | buckets << _PLACE_BITS | places)
        pairs = by_id >> _PLACE_BITS
        first = by_id[np.flatnonzero(np.diff(pairs, prepend=-1))]  # in its row, of equal ids
        places, buckets = first & (1 << _PLACE_BITS) - 1, first >> _PLACE_BITS
        rows, buckets = buckets >> _ID_BITS, buckets & (1 << _ID_BITS) - 1
        by_place = np.sort(rows << (_ID_BITS + _PLACE_BITS) | places << _ID_BITS | buckets)
        counts = np.bincount(rows, minlength=len(texts))
        rank = np.arange(len(rows)) - np.repeat(counts.cumsum() - counts, counts)
        rows = by_place >> (_ID_BITS + _PLACE_BITS)
        fits = rank < self.dimension
        ids[rows[fits], rank[fits]] = by_place[fits] & (1 << _ID_BITS) - 1
        cut[:] = counts > self.dimension


class _Letters:
    """Some texts, one at least, as one array of characters, with gaps around each.

    codes: uint64 (characters,), code points, 0 where nothing belongs to a word; rows: int64
    (characters,), the text; kinds: int8 (characters,), what it is.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        whole = "\n" + "".join(f"{text}\n" for text in texts)
        codes = np.frombuffer(whole.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        lengths = np.fromiter((len(text) + 1 for text in texts), np.int64, len(texts))
        lengths[0] += 1
        self.rows = np.repeat(np.arange(len(texts)), lengths)
        self._firsts = lengths.cumsum() - lengths
        self.kinds = _kinds()[codes]
        # A point between digits is one: 5.5 is a word.
        points = np.flatnonzero(codes == ord("."))
        between = (self.kinds[points - 1] == _DIGIT) & (self.kinds[points + 1] == _DIGIT)
        self.kinds[points[between]] = _DIGIT
        self.codes = np.where(self.kinds == _GAP, 0, codes).astype(np.uint64)
        self._sums = np.zeros(len(codes) + 1, dtype=np.uint64)
        np.cumsum(self.codes * _powers(_BASE, len(codes)), out=self._sums[1:])

    def places(self, starts: _Ints, length: int) -> _Ints:
        """What n-grams of one text are ordered by: where they start, then their length, 1 … 8."""
        within = starts - self._firsts[self.rows[starts]]
        last = (1 << _PLACE_BITS - 1) - 1  # 16 million characters on, order ends
        places: _Ints = np.minimum(within * 8 + length - 1, last)
        return places

    def hashes(self, starts: _Ints, stops: _Ints) -> _Hashes:
        """Of the characters [start, stop): Σ code · base^place, whatever stands around them."""
        inverse = _powers(_INVERSE, len(self.codes))
        found: _Hashes = (self._sums[stops] - self._sums[starts]) * inverse[starts]
        return found


def _word_ngrams(letters: _Letters, longest: int) -> list[tuple[_Ints, _Ints, _Hashes]]:
    """Texts, places and hashes of all runs of 1 … `longest` words."""
    edges = np.diff(letters.kinds, prepend=_GAP, append=_GAP) != 0
    bounds = np.flatnonzero(edges)
    words = letters.kinds[bounds[:-1]] != _GAP if len(bounds) else np.zeros(0, dtype=np.bool_)
    starts, stops = bounds[:-1][words], bounds[1:][words]
    hashes = _mixed(letters.hashes(starts, stops), 0)
    rows = letters.rows[starts]
    found, several = [], hashes
    for length in range(1, longest + 1):
        if length > 1:
            several = several[:-1] * np.uint64(_BASE) + hashes[length - 1 :]
        inside = np.flatnonzero(rows[: len(several)] == rows[length - 1 :])
        places = letters.places(starts[inside], length)
        found.append((rows[inside], places, _mixed(several[inside], length)))
    return found


def _char_ngrams(
    letters: _Letters, shortest: int, longest: int
) -> list[tuple[_Ints, _Ints, _Hashes]]:
    """Texts, places and hashes of runs of characters with a gap at their ends at most."""
    gaps = np.concatenate([[0], np.cumsum(letters.kinds == _GAP)])
    found = []
    for length in range(shortest, longest + 1):
        starts = np.arange(max(0, len(letters.codes) - length + 1))
        stops = starts + length
        within = gaps[stops - 1] == gaps[starts + 1]
        starts = starts[within & (gaps[stops] - gaps[starts] < length)]
        hashes = _mixed(letters.hashes(starts, starts + length), 16 + length)
        # By their second character: the first may be the gap that another text ends with.
        places = letters.places(starts + 1, length) + (1 << _PLACE_BITS - 1)
        found.append((letters.rows[starts + 1], places, hashes))
    return found


def _mixed(hashes: _Hashes, seed: int) -> _Hashes:
    """MurmurHash3's 64-bit finaliser (Appleby), after adding what keeps the kinds apart."""
    mixed = hashes + np.uint64(seed * _BASE % 2**64)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        mixed = (mixed ^ mixed >> np.uint64(33)) * np.uint64(factor)
    return mixed ^ mixed >> np.uint64(33)


def _powers(base: int, count: int) -> _Hashes:
    """base^0 … base^(count-1) modulo 2^64."""
    found = np.full(count, base, dtype=np.uint64)
    found[:1] = 1
    return np.cumprod(found)


@cache
def _kinds() -> NDArray[np.int8]:
    """What each code point is: a digit, another character of words, or a gap between words."""
    signs = [chr(code) for code in range(0x110000)]
    return np.array(
        [_DIGIT if s.isdecimal() else _LETTER if s.isalnum() or s == "_" else _GAP for s in signs],
        dtype=np.int8,
    )
