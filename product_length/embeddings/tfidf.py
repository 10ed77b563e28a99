"""TF-IDF weights of a text's n-grams, of a fitted vocabulary: what scikit-learn's TfidfVectorizer
gives, without importing it and many times as fast.

A word's character n-grams do not depend on what stands around it, so they are looked up once for
each distinct word; of runs of words, words are looked up once for each distinct one, and runs as
arrays of numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import embedding_bag

from product_length.embeddings.word_runs import WordRuns
from product_length.embeddings.words import TOKENS, between_signs, between_spaces, decoded, encoded

_REMEMBERED_WORDS = 1 << 17
_FEW = 4  # texts, for which loops in Python are faster than arrays
_FEW_KEYS = 4096
BLOCK = 1024
"""Texts at a time: bounds memory."""

_Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Counted:
    """How often texts have n-grams, text after text, the columns of a text ascending.

    offsets: int64 (texts + 1,), where each text's begin; rows, columns, times: int64 (n,).
    """

    offsets: _Ints
    rows: _Ints
    columns: _Ints
    times: _Ints


@dataclass(frozen=True)
class Weighed:
    """Weights of n-grams, text after text: the three arrays of a sparse matrix in rows (CSR).

    offsets: (texts + 1,) and columns: (n,), both int64 or both int32; weights: float32 (n,).
    """

    offsets: NDArray[Any]
    columns: NDArray[Any]
    weights: NDArray[np.float32]


class TfidfWeights:
    """N-grams of words, or of the characters of each word, with logarithmic counts and norm 1.

    `shortest` and `longest` bound the n of character n-grams; of words all up to `longest` count.
    `terms`: the n-grams, in the order of their columns; `idf`: float32 (terms,), their weights.
    """

    def __init__(
        self, kind: str, shortest: int, longest: int, terms: Sequence[str], idf: NDArray[np.float32]
    ) -> None:
        self.terms = list(terms)
        self.idf = idf
        self._kind = kind
        self._shortest, self._longest = shortest, longest
        self._columns = {term: column for column, term in enumerate(self.terms)}
        if kind == "char":
            self._of_word = lru_cache(_REMEMBERED_WORDS)(self._of_one_word)
        else:
            self._runs = WordRuns(self.terms)

    def project(self, texts: Sequence[str], directions: NDArray[np.float32]) -> NDArray[np.float32]:
        """The texts' weights times `directions`, float32 (terms, d): float32 (texts, d).

        The weights of a text have norm 1, or 0 where it has none of the terms.
        """
        if 0 < len(texts) <= BLOCK:
            return product(self.weigh(texts), directions)
        projected = np.zeros((len(texts), directions.shape[1]), dtype=np.float32)
        for start in range(0, len(texts), BLOCK):
            block = slice(start, start + BLOCK)
            projected[block] = product(self.weigh(texts[block]), directions)
        return projected

    def weigh(self, texts: Sequence[str]) -> Weighed:
        """The weights of some texts, all in memory at once."""
        if self._kind == "char":
            rows, columns = self._of_characters(texts)
        elif len(texts) <= _FEW:
            rows, columns = self._of_few_texts(texts)
        else:
            rows, columns = self._of_words(texts)
        found = counted(rows, columns, len(texts), len(self.terms))
        weights = (np.log(found.times.astype(np.float32)) + 1) * self.idf[found.columns]
        norms = np.sqrt(np.bincount(found.rows, weights.astype(np.float64) ** 2, len(texts)))
        weights = (weights / norms[found.rows]).astype(np.float32)
        return Weighed(found.offsets, found.columns, weights)

    def _of_words(self, texts: Sequence[str]) -> tuple[_Ints, _Ints]:
        """Texts and columns of all n-grams, some of them several times."""
        words = between_signs(texts)
        known = self._runs.numbers(words.distinct)[words.ids]
        rows = words.rows()
        runs = known
        found = []
        for length in range(1, self._longest + 1):
            if length > 1:
                inside = rows[length - 1 :] == rows[: max(0, len(rows) - length + 1)]
                runs = self._runs.extended(np.where(inside, runs[:-1], -1), known[length - 1 :])
            columns = self._runs.columns[runs]
            at = np.flatnonzero(columns >= 0)
            found.append((rows[at], columns[at]))
        each_rows, each_columns = zip(*found, strict=True)
        return np.concatenate(each_rows), np.concatenate(each_columns)

    def _of_characters(self, texts: Sequence[str]) -> tuple[_Ints, _Ints]:
        """Texts and columns of all n-grams, some of them several times."""
        if len(texts) <= _FEW:
            few = (map(self._of_word, map(encoded, text.lower().split())) for text in texts)
            return _flat([list(chain(*each)) for each in few])
        words = between_spaces(texts)
        found = list(map(self._of_word, words.distinct))
        return spread(found, words.ids, words.rows())

    def _of_few_texts(self, texts: Sequence[str]) -> tuple[_Ints, _Ints]:
        """What `_of_words` gives, sooner than arrays of few words would."""
        get = self._columns.get
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

    def _of_one_word(self, word: bytes) -> list[int]:
        grams = char_ngrams(decoded(word), self._shortest, self._longest)
        return [column for gram in grams if (column := self._columns.get(gram)) is not None]


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


def _flat(found: Sequence[Sequence[int]]) -> tuple[_Ints, _Ints]:
    """Rows and numbers of what was found in each row, int64 (n,)."""
    sizes = np.fromiter(map(len, found), np.int64, len(found))
    rows = np.repeat(np.arange(len(found)), sizes)
    return rows, np.fromiter(chain.from_iterable(found), np.int64, len(rows))


def spread(
    found: Sequence[Sequence[int]], ids: NDArray[np.int32], rows: _Ints
) -> tuple[_Ints, _Ints]:
    """The numbers found of each distinct word, for each word: rows and numbers, int64 (n,).

    ids: int32 (words,), the distinct word; rows: int64 (words,), the text.
    """
    sizes = np.fromiter(map(len, found), np.int64, len(found))
    flat = np.fromiter(chain.from_iterable(found), np.int64, int(sizes.sum()))
    many = sizes[ids]
    # From where a word's numbers lie to where they are written.
    shift = (sizes.cumsum() - sizes)[ids] - (many.cumsum() - many)
    return np.repeat(rows, many), flat[np.repeat(shift, many) + np.arange(int(many.sum()))]


def counted(rows: _Ints, columns: _Ints, texts: int, width: int) -> Counted:
    """How often each column comes in each text; both int64 (n,), in any order."""
    width = max(width, 1)
    kind = np.int32 if texts * width < 2**31 else np.int64
    keys: NDArray[Any] = (rows * width + columns).astype(kind)
    if len(keys) < _FEW_KEYS:
        keys.sort()
    else:
        keys = torch.sort(torch.from_numpy(keys)).values.numpy()  # several times as fast
    edges = np.ones(len(keys) + 1, dtype=np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=edges[1:-1])
    bounds = np.flatnonzero(edges)
    each = keys[bounds[:-1]]
    starts: _Ints = np.arange(texts + 1) * width
    offsets = each.searchsorted(starts.astype(kind))
    rows = np.repeat(np.arange(texts), offsets[1:] - offsets[:-1])
    return Counted(offsets, rows, each - starts[rows], bounds[1:] - bounds[:-1])


def product(found: Weighed, table: NDArray[np.float32]) -> NDArray[np.float32]:
    """The weights, a matrix (texts, columns), times a table (columns, d): float32 (texts, d).

    On CPUs torch's sums of weighed vectors are several times as fast as SciPy's sparse products and
    torch's own, and use all its threads.
    """
    made: NDArray[np.float32] = embedding_bag(
        torch.from_numpy(found.columns),
        torch.from_numpy(table),
        torch.from_numpy(found.offsets),
        mode="sum",
        per_sample_weights=torch.from_numpy(found.weights),
        include_last_offset=True,
    ).numpy()
    return made
