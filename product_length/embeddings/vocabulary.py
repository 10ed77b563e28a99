"""The n-grams that texts hold often enough, and their weights by how many texts hold them.

The choice, the order and the weights are those of scikit-learn's TfidfVectorizer. Words are split
and n-grams counted as arrays of numbers; only distinct words go through Python.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, compress

import numpy as np
import torch
from numpy.typing import NDArray

from product_length.embeddings.known_ngrams import char_ngrams, spread
from product_length.embeddings.tfidf import BLOCK, Counted, TfidfWeights, counted, in_blocks
from product_length.embeddings.words import between_signs, between_spaces, decoded
from product_length.stage_progress import StageProgress

_Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Terms:
    """N-grams, how many texts hold each, and how often they come in all: int64 (n,)."""

    names: list[str]
    texts: _Ints
    times: _Ints


def fit_weights(
    stage: str,
    kind: str,
    shortest: int,
    longest: int,
    texts: Sequence[str],
    *,
    min_rows: int,
    max_features: int,
) -> TfidfWeights | None:
    """Weights of the `max_features` most frequent n-grams that `min_rows` texts hold.

    Where no n-gram is in so many texts, those in one; None where there is none. The other arguments
    are those of `TfidfWeights`; `stage` names the count to whoever waits for it.
    """
    with StageProgress(stage, len(texts), "texts") as progress:
        terms_in: Callable[[int], _Terms]
        if kind == "char":
            terms_in = _frequent(_count_characters(shortest, longest, texts, progress))
        else:
            terms_in = partial(_word_runs, _numbered(texts, progress), longest)
        for least in (min(min_rows, max(len(texts), 1)), 1):
            if (found := terms_in(least)).names:
                break
        else:
            return None
        names, counts = _chosen(found, max_features)
    return TfidfWeights(kind, shortest, longest, names, _idf(counts, len(texts)))


def _chosen(found: _Terms, most: int) -> tuple[list[str], _Ints]:
    """The most frequent terms in their alphabetical order, and how many texts hold each."""
    order = sorted(range(len(found.names)), key=found.names.__getitem__)
    if len(order) > most:
        # Of equally frequent ones those that TfidfVectorizer keeps.
        times = found.times[order].astype(np.float32)
        kept = np.sort((-times).argsort()[:most])
        order = [order[place] for place in kept]
    return [found.names[place] for place in order], found.texts[order]


def _idf(counts: _Ints, texts: int) -> NDArray[np.float32]:
    """ln((1 + texts) / (1 + texts with the term)) + 1, as TfidfTransformer rounds it."""
    idf: NDArray[np.float32] = np.float32(1 + texts) / (counts.astype(np.float32) + np.float32(1))
    return np.log(idf) + np.float32(1)


def _count_characters(
    shortest: int, longest: int, texts: Sequence[str], progress: StageProgress
) -> _Terms:
    columns: dict[str, int] = {}
    of_words: dict[bytes, list[int]] = {}
    in_texts = times = np.zeros(0, dtype=np.int64)
    for start in range(0, len(texts), BLOCK):
        block = texts[start : start + BLOCK]
        words = between_spaces(block)
        distinct, ids = words.distinct()
        several = []
        for word in distinct.to_pylist():
            if word not in of_words:
                grams = char_ngrams(decoded(word), shortest, longest)
                of_words[word] = [columns.setdefault(gram, len(columns)) for gram in grams]
            several.append(of_words[word])
        sizes = np.fromiter(map(len, several), np.int64, len(several))
        flat = np.fromiter(chain.from_iterable(several), np.int64, int(sizes.sum()))
        spread_out = spread(flat, sizes, ids, words.rows())
        found = counted(*spread_out, len(block), len(columns))
        in_texts = _added(in_texts, np.bincount(found.columns, minlength=len(columns)))
        each = np.bincount(found.columns, found.times, minlength=len(columns))
        times = _added(times, each.astype(np.int64))
        progress.step(len(block))
    return _Terms(list(columns), in_texts, times)


def _added(counts: _Ints, more: _Ints) -> _Ints:
    """The sum of two arrays, the first of which may lack the last columns."""
    more[: len(counts)] += counts
    return more


def _frequent(found: _Terms) -> Callable[[int], _Terms]:
    def in_texts(least: int) -> _Terms:
        at = np.flatnonzero(found.texts >= least)
        return _Terms([found.names[place] for place in at], found.texts[at], found.times[at])

    return in_texts


@dataclass(frozen=True)
class _Numbered:
    """The words of texts in order, as places among the distinct ones, and their texts: (words,).

    in_texts, times: int64 (distinct,), how many texts hold each distinct word, and how often.
    """

    distinct: list[str]
    words: NDArray[np.int32]
    rows: NDArray[np.int32]
    in_texts: _Ints
    times: _Ints


def _numbered(texts: Sequence[str], progress: StageProgress) -> _Numbered:
    def split(block: Sequence[str]) -> tuple[list[bytes], NDArray[np.int32], _Ints, Counted]:
        words = between_signs(block)
        distinct, own = words.distinct()
        rows = words.rows()
        return distinct.to_pylist(), own, rows, counted(rows, own, len(block), len(distinct))

    numbers: dict[bytes, int] = {}
    ids, rows = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int32)]
    in_texts = times = np.zeros(0, dtype=np.int64)
    for names, own, of_words, found in in_blocks(split, texts):
        places = np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64)
        ids.append(places.astype(np.int32)[own])
        rows.append((of_words + progress.done).astype(np.int32))
        in_texts, times = (
            _added(counts, np.bincount(places[columns], minlength=len(numbers)))
            for counts, columns in ((in_texts, found.columns), (times, own))
        )
        progress.step(len(found.offsets) - 1)
    decoded_names = [decoded(word) for word in numbers]
    return _Numbered(decoded_names, np.concatenate(ids), np.concatenate(rows), in_texts, times)


def _word_runs(numbered: _Numbered, longest: int, least: int) -> _Terms:
    """Runs of 1 … `longest` words that `least` texts hold.

    A run is in no more texts than the runs that it is made of: longer ones are looked for among
    those that are kept.
    """
    is_kept = numbered.in_texts >= least
    kept = list(compress(numbered.distinct, is_kept))
    found = [_Terms(kept, numbered.in_texts[is_kept], numbered.times[is_kept])]
    # The place of the kept run that begins at each word, -1 where none does.
    places = np.where(is_kept, is_kept.cumsum() - 1, -1)
    singles = runs = places.astype(np.int32)[numbered.words]
    for length in range(2, longest + 1):
        count = max(0, len(singles) - length + 1)
        follows, rows = singles[length - 1 :], numbered.rows
        inside = rows[:count] == rows[length - 1 :]
        at = np.flatnonzero((runs[:count] >= 0) & (follows >= 0) & inside)
        keys = runs[at].astype(np.int64) * len(kept) + follows[at]
        longer = _sorted_runs(keys, rows[at], least)
        parts = zip(*np.divmod(longer.keys, max(1, len(kept))), strict=True)
        names = [f"{found[-1].names[before]} {kept[last]}" for before, last in parts]
        found.append(_Terms(names, longer.texts, longer.times))
        if length < longest:
            runs = np.full(len(singles), -1, dtype=np.int32)
            runs[at] = longer.places()
    return _Terms(
        [name for each in found for name in each.names],
        np.concatenate([each.texts for each in found]),
        np.concatenate([each.times for each in found]),
    )


@dataclass(frozen=True)
class _Runs:
    """Distinct runs of words by their keys; texts and times as in `_Terms`; int64 (n,).

    kept: bool, of each distinct key; order: int64, where the sorted keys came from; first: bool,
    where another key begins among them.
    """

    keys: _Ints
    texts: _Ints
    times: _Ints
    kept: NDArray[np.bool_]
    order: _Ints
    first: NDArray[np.bool_]

    def places(self) -> _Ints:
        """Of each key that was given its place in `keys`, -1 where it is not kept."""
        found = np.empty(len(self.order), dtype=np.int64)
        of_kept = np.where(self.kept, self.kept.cumsum() - 1, -1)
        found[self.order] = of_kept[self.first.cumsum() - 1]
        return found


def _sorted_runs(keys: _Ints, rows: NDArray[np.int32], least: int) -> _Runs:
    """The runs of such keys, of words of the texts `rows`, (n,) each, that `least` texts hold."""
    values, order = (each.numpy() for each in torch.sort(torch.from_numpy(keys), stable=True))
    first = np.ones(len(values), dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    within = rows[order]  # ascending, within one key
    new_text = first.copy()
    new_text[1:] |= within[1:] != within[:-1]
    ends = np.append(starts[1:], len(keys))
    texts = np.add.reduceat(new_text, starts, dtype=np.int64) if len(starts) else starts
    kept = texts >= least
    return _Runs(values[starts[kept]], texts[kept], (ends - starts)[kept], kept, order, first)
