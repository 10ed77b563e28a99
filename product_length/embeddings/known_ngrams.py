"""Where texts hold the n-grams of a fitted vocabulary: of words, or of the characters of a word.

All texts at once, as arrays of numbers, almost without Python's lock.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import chain

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from product_length.embeddings.trie import Trie
from product_length.embeddings.words import TOKENS, between_signs, between_spaces, encoded

_REMEMBERED_WORDS = 1 << 17
_FEW = 4  # texts, for which loops in Python are faster than arrays
_SPACE = ord(" ")

_Ints = NDArray[np.int64]


class KnownNgrams(ABC):
    """The n-grams of a vocabulary, `terms`."""

    def __init__(self, terms: Sequence[str]) -> None:
        self._terms = terms

    def columns(self, texts: Sequence[str]) -> tuple[_Ints, _Ints]:
        """Rows and places among the terms of all that the texts hold, int64 (n,) each.

        In any order; what a text holds several times comes as often.
        """
        return self._of_few(texts) if len(texts) <= _FEW else self._of_many(texts)

    @abstractmethod
    def _of_many(self, texts: Sequence[str]) -> tuple[_Ints, _Ints]: ...

    @abstractmethod
    def _of_few(self, texts: Sequence[str]) -> tuple[_Ints, _Ints]: ...

    @cached_property
    def _column_of(self) -> dict[str, int]:
        return {term: column for column, term in enumerate(self._terms)}


class KnownWords(KnownNgrams):
    """Words and runs of words."""

    def __init__(self, terms: Sequence[str], longest: int) -> None:
        """`terms`: words, or at most `longest` with spaces between them."""
        super().__init__(terms)
        self._longest = longest

    def _of_many(self, texts: Sequence[str]) -> tuple[_Ints, _Ints]:
        words = between_signs(texts)
        known = words.among(self._symbols)
        rows = words.rows()
        runs = known
        found = []
        for length in range(1, self._longest + 1):
            if length > 1:
                inside = rows[length - 1 :] == rows[: max(0, len(rows) - length + 1)]
                runs = self._trie.extended(np.where(inside, runs[:-1], -1), known[length - 1 :])
            columns = self._trie.columns[runs]
            at = np.flatnonzero(columns >= 0)
            found.append((rows[at], columns[at]))
        each_rows, each_columns = zip(*found, strict=True)
        return np.concatenate(each_rows), np.concatenate(each_columns)

    def _of_few(self, texts: Sequence[str]) -> tuple[_Ints, _Ints]:
        get = self._column_of.get
        few = []
        for text in texts:
            words = TOKENS.findall(text.lower())
            runs = words
            found = list(map(get, words))
            for length in range(2, self._longest + 1):
                pairs = zip(runs, words[length - 1 :], strict=False)
                runs = [f"{run} {word}" for run, word in pairs]
                found += map(get, runs)
            few.append([column for column in found if column is not None])
        return _flat(few)

    @cached_property
    def _trie(self) -> Trie:
        return Trie([term.split(" ") for term in self._terms])

    @cached_property
    def _symbols(self) -> pa.LargeBinaryArray:
        return pa.array(map(encoded, self._trie.symbols), pa.large_binary())


class KnownCharacters(KnownNgrams):
    """Runs of characters of a word, which has a space before and after it.

    They do not depend on what stands around the word, so they are looked up once for each
    distinct one.
    """

    def __init__(self, terms: Sequence[str], shortest: int, longest: int) -> None:
        """`terms`: as `char_ngrams` makes them."""
        super().__init__(terms)
        self._shortest, self._longest = shortest, longest
        self._of_word = lru_cache(_REMEMBERED_WORDS)(self._of_one_word)

    def _of_many(self, texts: Sequence[str]) -> tuple[_Ints, _Ints]:
        words = between_spaces(texts)
        distinct, ids = words.distinct()
        codes, word_of = _padded(distinct)
        # The last place of the table stands for all higher characters.
        symbols = runs = self._symbols.take(codes, mode="clip")
        columns = np.empty((len(codes), self._longest), dtype=np.int64)
        for length in range(1, self._longest + 1):
            if length > 1:
                runs = self._trie.extended(runs[:-1], symbols[length - 1 :])
            columns[: len(runs), length - 1] = self._trie.columns[runs]
            columns[len(runs) :, length - 1] = -1
        known = columns >= 0
        sizes = np.bincount(word_of, known.sum(axis=1), len(distinct)).astype(np.int64)
        return spread(columns[known], sizes, ids, words.rows())

    def _of_few(self, texts: Sequence[str]) -> tuple[_Ints, _Ints]:
        few = (map(self._of_word, text.lower().split()) for text in texts)
        return _flat([list(chain(*each)) for each in few])

    def _of_one_word(self, word: str) -> list[int]:
        grams = char_ngrams(word, self._shortest, self._longest)
        return [column for gram in grams if (column := self._column_of.get(gram)) is not None]

    @cached_property
    def _trie(self) -> Trie:
        return Trie(self._terms)

    @cached_property
    def _symbols(self) -> _Ints:
        """The number of each character, by its code point; -1 where it is in no term."""
        codes = list(map(ord, self._trie.symbols))
        table = np.full(max(codes, default=0) + 2, -1, dtype=np.int64)
        table[codes] = np.arange(len(codes))
        return table


def char_ngrams(word: str, shortest: int, longest: int) -> Iterator[str]:
    """A word's character n-grams, with a space before and after it.

    A word that is shorter than the n-gram counts once, as a whole.
    """
    padded = f" {word} "
    for length in range(shortest, longest + 1):
        for start in range(max(1, len(padded) - length + 1)):
            yield padded[start : start + length]
        if len(padded) <= length:
            break


def _padded(words: pa.LargeBinaryArray) -> tuple[NDArray[np.uint32], _Ints]:
    """The code points of all words, with a space before and after each, and whose each is."""
    _, ends, content = words.buffers()
    ends = np.frombuffer(ends, np.int64, len(words) + 1) // 4
    sizes = np.diff(ends) + 2
    word_of = np.repeat(np.arange(len(words)), sizes)
    is_space = np.zeros(len(word_of), dtype=np.bool_)
    stops = sizes.cumsum()
    is_space[stops - 1] = is_space[stops - sizes] = True
    codes = np.full(len(word_of), _SPACE, dtype=np.uint32)
    codes[~is_space] = np.frombuffer(content or b"", "<u4")[: ends[-1]]
    return codes, word_of


def _flat(found: Sequence[Sequence[int]]) -> tuple[_Ints, _Ints]:
    """Rows and numbers of what was found in each row, int64 (n,)."""
    sizes = np.fromiter(map(len, found), np.int64, len(found))
    rows = np.repeat(np.arange(len(found)), sizes)
    return rows, np.fromiter(chain.from_iterable(found), np.int64, len(rows))


def spread(found: _Ints, sizes: _Ints, ids: NDArray[np.int32], rows: _Ints) -> tuple[_Ints, _Ints]:
    """The numbers found of each distinct word, for each word: rows and numbers, int64 (n,).

    found: int64, word after word, so many as `sizes`, int64 (distinct,), says; ids: int32 (words,),
    the distinct word; rows: int64 (words,), the text.
    """
    many = sizes[ids]
    # From where a word's numbers lie to where they are written.
    shift = (sizes.cumsum() - sizes)[ids] - (many.cumsum() - many)
    return np.repeat(rows, many), found[np.repeat(shift, many) + np.arange(int(many.sum()))]
