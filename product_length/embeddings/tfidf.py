"""TF-IDF weights of a text's n-grams, of a fitted vocabulary: what scikit-learn's TfidfVectorizer
gives, without importing it and several times as fast.

Fitting is scikit-learn's own (`lsa.py`). A word's character n-grams do not depend on what stands
around it, so they are looked up once for each distinct word.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import embedding_bag

# Numbers and letters apart, single characters kept: "10cm x 5.5" is 10, cm, x, 5.5.
TOKEN = r"(?u)\d+(?:\.\d+)?|[^\W\d]+"
_TOKENS = re.compile(TOKEN)
_REMEMBERED_WORDS = 1 << 17


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
        self._columns = {term: column for column, term in enumerate(self.terms)}
        self._shortest, self._longest = shortest, longest
        self._found: Callable[[str], list[int]] = (
            self._of_characters if kind == "char" else self._of_words
        )
        self._of_word = lru_cache(_REMEMBERED_WORDS)(self._of_one_word)

    def project(self, texts: Sequence[str], directions: NDArray[np.float32]) -> NDArray[np.float32]:
        """The texts' weights times `directions`, float32 (terms, d): float32 (texts, d).

        The weights of a text have norm 1, or 0 where it has none of the terms.
        """
        if not texts:
            return np.zeros((0, directions.shape[1]), dtype=np.float32)
        found = [self._found(text.lower()) for text in texts]
        counts = np.fromiter(map(len, found), np.int64, len(texts))
        rows = np.repeat(np.arange(len(texts)), counts)
        columns = np.fromiter(chain.from_iterable(found), np.int64, len(rows))
        width = max(len(self.terms), 1)
        pairs, times = np.unique(rows * width + columns, return_counts=True)
        rows, columns = np.divmod(pairs, width)
        weights = (np.log(times.astype(np.float32)) + 1) * self.idf[columns]
        norms = np.sqrt(np.bincount(rows, weights.astype(np.float64) ** 2, len(texts)))
        weights = (weights / norms[rows]).astype(np.float32)
        with torch.inference_mode():
            projected: NDArray[np.float32] = embedding_bag(
                torch.from_numpy(columns),
                torch.from_numpy(directions),
                torch.from_numpy(np.searchsorted(rows, np.arange(len(texts)))),
                mode="sum",
                per_sample_weights=torch.from_numpy(weights),
            ).numpy()
        return projected

    def _of_words(self, text: str) -> list[int]:
        words = _TOKENS.findall(text)
        found = [self._columns.get(word) for word in words]
        for length in range(2, self._longest + 1):
            runs = zip(*(words[start:] for start in range(length)), strict=False)
            found += [self._columns.get(" ".join(run)) for run in runs]
        return [column for column in found if column is not None]

    def _of_characters(self, text: str) -> list[int]:
        return list(chain.from_iterable(map(self._of_word, text.split())))

    def _of_one_word(self, word: str) -> list[int]:
        padded = f" {word} "
        found = []
        for length in range(self._shortest, self._longest + 1):
            # A word that is shorter than the n-gram counts once, as a whole.
            starts = range(max(1, len(padded) - length + 1))
            found += [self._columns.get(padded[start : start + length]) for start in starts]
            if len(padded) <= length:
                break
        return [column for column in found if column is not None]
