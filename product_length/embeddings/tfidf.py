"""TF-IDF weights of a text's n-grams, of a fitted vocabulary: what scikit-learn's TfidfVectorizer
gives, without importing it and many times as fast.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import embedding_bag

from product_length.embeddings.known_ngrams import KnownCharacters, KnownWords

_FEW_KEYS = 4096
BLOCK = 1024
"""Texts at a time: bounds memory."""

_Ints = NDArray[np.int64]
Result = TypeVar("Result")


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
        self._known = (
            KnownCharacters(self.terms, shortest, longest)
            if kind == "char"
            else KnownWords(self.terms, longest)
        )

    def project(self, texts: Sequence[str], directions: NDArray[np.float32]) -> NDArray[np.float32]:
        """The texts' weights times `directions`, float32 (terms, d): float32 (texts, d).

        The weights of a text have norm 1, or 0 where it has none of the terms. All texts at once.
        """
        if not len(texts):
            return np.zeros((0, directions.shape[1]), dtype=np.float32)
        return product(self.weigh(texts), directions)

    def weigh(self, texts: Sequence[str]) -> Weighed:
        """The weights of some texts, all in memory at once."""
        rows, columns = self._known.columns(texts)
        found = counted(rows, columns, len(texts), len(self.terms))
        weights = (np.log(found.times.astype(np.float32)) + 1) * self.idf[found.columns]
        norms = np.sqrt(np.bincount(found.rows, weights.astype(np.float64) ** 2, len(texts)))
        weights = (weights / norms[found.rows]).astype(np.float32)
        return Weighed(found.offsets, found.columns, weights)


def in_blocks(work: Callable[[Sequence[str]], Result], texts: Sequence[str]) -> Iterator[Result]:
    """What `work` makes of each block of texts, in their order, on as many threads as torch has.

    There is one block at least. Nearly all of the work should leave Python's lock.
    """
    if len(texts) <= BLOCK:
        yield work(texts)
        return
    blocks = (texts[start : start + BLOCK] for start in range(0, len(texts), BLOCK))
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        yield from pool.map(work, blocks)


def counted(
    rows: _Ints, columns: NDArray[np.signedinteger[Any]], texts: int, width: int
) -> Counted:
    """How often each column comes in each text; both (n,), in any order."""
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
