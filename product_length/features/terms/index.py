"""Words of titles, alone and within a product type, that training rows have often enough to count.

An *entry* is a product type, a word, or a word within a product type; what the lengths of its
training rows are is counted elsewhere (`expert.py`). Entries are numbered from 1; 0 is
none, or the whole catalogue. Of a product's words those are taken that tell most about a length.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from typing_extensions import Self

from product_length.catalogue.vocabulary import Strings, Vocabulary, as_column
from product_length.features.terms.config import TermsOptions

_NO_WORD = r"[^\p{L}\p{M}\p{N}]+"
_LEVELS = 16  # quantiles of length by which words are compared
_SHRUNK_BY = 5.0  # rows of what an entry is part of, added to its own


class Pairs(NamedTuple):
    """Rows int64 (n,), and for each an entry that it has, int64 (n,)."""

    rows: NDArray[np.int64]
    entries: NDArray[np.int64]


@dataclass(frozen=True)
class TermIndex:
    """The entries, and which of them a product has.

    `field`: whose first `characters` are read; `types`, `words`: those that enough training rows
    have. `keys`: int64 (entries,), ascending, type code * words.size + word code, where code 0 is
    none. `gains`: float32 (entries,), nats that each tells of a length beyond what it is part of.
    `top_k`: words that are taken of a product, and as many within its type.
    """

    field: str
    characters: int
    top_k: int
    types: Vocabulary
    words: Vocabulary
    keys: NDArray[np.int64]
    gains: NDArray[np.float32]

    @property
    def entries(self) -> int:
        """How many there are."""
        return len(self.keys)

    def word(self, entry: int) -> str:
        """The word of an entry, from 1 on, that is one."""
        return self.words.names[int(self.keys[entry - 1] % self.words.size) - 1]

    def parents(self) -> NDArray[np.int64]:
        """What each entry, 0 included, is part of: int64 (entries + 1,), its type, or 0."""
        within = (self.keys >= self.words.size) & (self.keys % self.words.size > 0)
        of_type = self._places(self.keys // self.words.size * self.words.size)
        return np.concatenate([[0], np.where(within, of_type, 0)])

    def encode(self, texts: pa.Array, types: Strings) -> NDArray[np.int32]:
        """The entries of products: int32 (rows, 1 + 2 * top_k), 0 where there are no more.

        First that of the type, then those of words, then those of words within the type, the most
        telling first. `texts`: cleaned texts of `field`, strings (rows,); `types`: strings (rows,).
        """
        found = np.zeros((len(texts), 1 + 2 * self.top_k), np.int32)
        rows, words = self._words(texts)
        codes = self.types.encode(types)
        found[:, 0] = self._places(codes * self.words.size)
        for kind, keys in enumerate([words, codes[rows] * self.words.size + words]):
            entries = self._places(keys)
            there = (entries > 0) & ((codes[rows] > 0) | (kind == 0))
            self._write(found[:, 1 + kind * self.top_k :][:, : self.top_k], rows, entries, there)
        return found

    def _write(
        self,
        block: NDArray[np.int32],
        rows: NDArray[np.int64],
        entries: NDArray[np.int64],
        there: NDArray[np.bool_],
    ) -> None:
        """Write the most telling entries of each row into its columns of `block`, in place."""
        rows, entries = rows[there], entries[there]
        order = np.lexsort((entries, -self.gains[entries - 1], rows))
        rows, entries = rows[order], entries[order]
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
        kept = rank < block.shape[1]
        block[rows[kept], rank[kept]] = entries[kept]

    def members(self, texts: pa.Array, types: Strings) -> Pairs:
        """All entries of products."""
        rows, keys = self._keys(*self._words(texts), types)
        entries = self._places(keys)
        return Pairs(rows[entries > 0], entries[entries > 0])

    def _words(self, texts: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Each known word of each text once: rows int64 (n,), ascending, and codes int64 (n,)."""
        rows, words = words_of(texts, self.characters)
        return _once(rows, self.words.encode(words), self.words.size)

    def _places(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """The entries of keys, 0 where they have none: int64 (n,)."""
        if not len(self.keys):
            return np.zeros(len(keys), np.int64)
        places = np.searchsorted(self.keys, keys).clip(max=len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places + 1, 0)

    @classmethod
    def fit(
        cls,
        field: str,
        texts: pa.Array,
        types: Strings,
        lengths: NDArray[np.float32],
        options: TermsOptions,
    ) -> Self:
        """From training rows alone: `texts`, `types` strings and `lengths` float32."""
        rows, words = words_of(texts, options.characters)
        vocabulary = Vocabulary.fit(words, options.min_rows)
        kinds = Vocabulary.fit(types, options.min_rows)
        nothing = np.zeros(0, np.int64), np.zeros(0, np.float32)
        known = cls(field, options.characters, options.top_k, kinds, vocabulary, *nothing)
        rows, keys = known._keys(*_once(rows, vocabulary.encode(words), vocabulary.size), types)
        often, counts = np.unique(keys, return_counts=True)
        known = replace(known, keys=often[counts >= options.min_rows])
        gains, worth = known._gains(rows, known._places(keys), lengths)
        # Where there are too many, those go that tell least of all rows together; types stay.
        worth[known.keys % vocabulary.size == 0] = np.inf
        kept = np.sort(np.argsort(-worth, kind="stable")[: options.max_terms])
        return replace(known, keys=known.keys[kept], gains=gains[kept])

    def _keys(
        self, rows: NDArray[np.int64], words: NDArray[np.int64], types: Strings
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All that rows could have as entries: rows int64 (n,) and keys int64 (n,)."""
        codes = self.types.encode(types)
        typed = np.flatnonzero(codes)
        within = codes[rows] > 0
        keys = [
            codes[typed] * self.words.size,
            words,
            codes[rows[within]] * self.words.size + words[within],
        ]
        return np.concatenate([typed, rows, rows[within]]), np.concatenate(keys)

    def _gains(
        self, rows: NDArray[np.int64], entries: NDArray[np.int64], lengths: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Of each entry: nats that it tells beyond what it is part of, and those of all its rows.

        The Kullback-Leibler divergence of shrunk shares of quantiles of length. `rows`, `entries`:
        int64 (n,), pairs, entry 0 for none; `lengths`: float32 (rows,).
        """
        inner = np.quantile(lengths, np.linspace(0, 1, _LEVELS + 1)[1:-1])
        levels = np.searchsorted(inner, lengths, side="right")
        cells = entries * _LEVELS + levels[rows]
        table = np.bincount(cells, minlength=(self.entries + 1) * _LEVELS).astype(np.float64)
        table = table.reshape(-1, _LEVELS)
        table[0] = np.bincount(levels, minlength=_LEVELS)
        parents = self.parents()
        whole = (table[0] + 1) / (table[0] + 1).sum()
        above = _shrunk(table, whole)
        above[0] = whole
        own = _shrunk(table, above[parents])
        gains = (own * np.log(own / above[parents])).sum(axis=1)[1:]
        return gains.astype(np.float32), gains * table[1:].sum(axis=1)

    def state(self) -> dict[str, Any]:
        """Tensors, numbers and strings only: `torch.load(weights_only=True)` reads it back."""
        import torch

        return {
            "field": self.field,
            "characters": self.characters,
            "top_k": self.top_k,
            "types": self.types.state(),
            "words": self.words.state(),
            "keys": torch.from_numpy(self.keys),
            "gains": torch.from_numpy(self.gains),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The index whose `state` this was."""
        return cls(
            state["field"],
            state["characters"],
            state["top_k"],
            Vocabulary.from_state(state["types"]),
            Vocabulary.from_state(state["words"]),
            state["keys"].numpy(),
            state["gains"].numpy(),
        )


def words_of(texts: pa.Array, characters: int) -> tuple[NDArray[np.int64], pa.Array]:
    """Words, in lower case, of the first `characters` of texts: rows int64 (n,), strings (n,)."""
    heads = pc.utf8_slice_codeunits(pc.utf8_lower(as_column(texts)), 0, characters)
    lists = pc.split_pattern_regex(heads, _NO_WORD)
    if isinstance(lists, pa.ChunkedArray):
        lists = lists.combine_chunks()
    words = pc.list_flatten(lists)
    rows: NDArray[np.int64] = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
    there = pc.not_equal(words, "").to_numpy(zero_copy_only=False)
    return rows[there], words.filter(pa.array(there))


def _once(
    rows: NDArray[np.int64], codes: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of rows and codes below `size`, each once and in order, without those of code 0."""
    # By sorting: NumPy's `unique` hashes, which takes many times as long on such numbers.
    pairs = np.sort(rows[codes > 0] * size + codes[codes > 0])
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    return pairs // size, pairs % size


def _shrunk(table: NDArray[np.float64], towards: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares (n, levels) of counts, with some rows of what they are part of added."""
    rows = table.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = (table + _SHRUNK_BY * towards) / (rows + _SHRUNK_BY)
    return shares
