"""Which runs of words are known, looked up for whole arrays of words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from product_length.embeddings.words import encoded

_Ints = NDArray[np.int64]
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # of Fibonacci hashing (Knuth, TAOCP 3, 6.4)
_ROOM = 8  # slots for each key: then most keys are alone in theirs


class WordRuns:
    """Known words and runs of words, and what they begin, as numbers: a trie.

    A word's number is below `words`; the numbers of longer runs follow. -1 is no known run.
    """

    def __init__(self, terms: Sequence[str]) -> None:
        """`terms`: words, or several with a space between them; their places are their columns."""
        split = [term.split(" ") for term in terms]
        numbers: dict[str, int] = {}
        for word in (word for run in split for word in run):
            numbers.setdefault(word, len(numbers))
        self.words = len(numbers)
        longer: dict[int, int] = {}
        ends = []
        for run in split:
            state = numbers[run[0]]
            for word in run[1:]:
                key = state * self.words + numbers[word]
                state = longer.setdefault(key, self.words + len(longer))
            ends.append(state)
        # One more, so that -1 has no column.
        self.columns = np.full(self.words + len(longer) + 1, -1, dtype=np.int64)
        self.columns[ends] = np.arange(len(terms))
        self._numbers = {encoded(word): number for word, number in numbers.items()}
        self._longer = KeyTable(np.fromiter(longer, np.int64, len(longer)))

    def numbers(self, words: Sequence[bytes]) -> _Ints:
        """The number of each word, encoded: int64 (words,)."""
        get = self._numbers.get
        return np.fromiter((get(word, -1) for word in words), np.int64, len(words))

    def extended(self, runs: _Ints, words: _Ints) -> _Ints:
        """The number of each run with the word after it, both int64 (n,): int64 (n,)."""
        found = np.full(len(runs), -1, dtype=np.int64)
        known = np.flatnonzero((runs >= 0) & (words >= 0))
        places = self._longer.places(runs[known] * self.words + words[known])
        found[known] = np.where(places < 0, -1, places + self.words)
        return found


class KeyTable:
    """Places of keys in an array, by hashing; all at once, and exact."""

    def __init__(self, keys: _Ints) -> None:
        """`keys`: int64 (n,), all different."""
        bits = max(4, (_ROOM * len(keys)).bit_length())
        self._shift = np.uint64(64 - bits)
        slots = self._slots(keys)
        self._order = np.argsort(slots, kind="stable")
        self._keys = np.append(keys[self._order], -1)
        # Keys of slot s lie from _first[s] to before _first[s + 1].
        self._first = np.searchsorted(slots[self._order], np.arange(2**bits + 1))

    def places(self, keys: _Ints) -> _Ints:
        """Where each of the keys, int64 (n,), not negative, is in the array; -1 where nowhere."""
        slots = self._slots(keys)
        at = self._first[slots]
        found = np.where(self._keys[at] == keys, at, -1)
        left = np.flatnonzero(found < 0)
        at, ends = at[left] + 1, self._first[slots[left] + 1]
        while (more := at < ends).any():
            left, at, ends = left[more], at[more], ends[more]
            hit = self._keys[at] == keys[left]
            found[left[hit]] = at[hit]
            at = at + 1
        return np.where(found < 0, -1, self._order[found]) if len(self._order) else found

    def _slots(self, keys: _Ints) -> _Ints:
        return (keys.view(np.uint64) * _MULTIPLIER >> self._shift).view(np.int64)
