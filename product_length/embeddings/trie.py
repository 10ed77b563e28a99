"""Which runs of symbols are known, looked up for whole arrays of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_Ints = NDArray[np.int64]
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # of Fibonacci hashing (Knuth, TAOCP 3, 6.4)
_ROOM = 8  # slots for each key: then most keys are alone in theirs


class Trie:
    """Known runs of symbols, and what they begin, as numbers; -1 is no known run.

    A symbol is a run by itself: its number is its place in `symbols`.
    """

    def __init__(self, runs: Sequence[Sequence[str]]) -> None:
        """`runs`: of words, or of characters; their places are their columns."""
        numbers: dict[str, int] = {}
        for symbol in (symbol for run in runs for symbol in run):
            numbers.setdefault(symbol, len(numbers))
        self.symbols = list(numbers)
        longer: dict[int, int] = {}
        ends = []
        for run in runs:
            state = numbers[run[0]]
            for symbol in run[1:]:
                key = state * len(numbers) + numbers[symbol]
                state = longer.setdefault(key, len(numbers) + len(longer))
            ends.append(state)
        # One more, so that -1 has no column.
        self.columns = np.full(len(numbers) + len(longer) + 1, -1, dtype=np.int64)
        self.columns[ends] = np.arange(len(runs))
        self._longer = KeyTable(np.fromiter(longer, np.int64, len(longer)))

    def extended(self, runs: _Ints, symbols: _Ints) -> _Ints:
        """The number of each run with the symbol after it, both int64 (n,): int64 (n,)."""
        found = np.full(len(runs), -1, dtype=np.int64)
        known = np.flatnonzero((runs >= 0) & (symbols >= 0))
        places = self._longer.places(runs[known] * len(self.symbols) + symbols[known])
        found[known] = np.where(places < 0, -1, places + len(self.symbols))
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
