"""The n-grams that texts hold often enough, and their weights by how many texts hold them.

The choice, the order and the weights are those of scikit-learn's TfidfVectorizer. Words are split
and n-grams counted as arrays of numbers; only distinct words go through Python.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from product_length.embeddings.tfidf import BLOCK, TfidfWeights, char_ngrams, counted, spread
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
            terms_in = partial(_word_runs, *_numbered(texts, progress), longest)
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
        for word in words.distinct:
            if word not in of_words:
                grams = char_ngrams(decoded(word), shortest, longest)
                of_words[word] = [columns.setdefault(gram, len(columns)) for gram in grams]
        spread_out = spread([of_words[word] for word in words.distinct], words.ids, words.rows())
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


def _numbered(texts: Sequence[str], progress: StageProgress) -> tuple[list[str], _Ints, _Ints]:
    """The distinct words; of all words in order their numbers and texts, int64 (words,)."""
    numbers: dict[bytes, int] = {}
    ids, rows = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int32)]
    for start in range(0, len(texts), BLOCK):
        words = between_signs(texts[start : start + BLOCK])
        own = [numbers.setdefault(word, len(numbers)) for word in words.distinct]
        ids.append(np.array(own, dtype=np.int32)[words.ids])
        rows.append((words.rows() + start).astype(np.int32))
        progress.step(len(words.offsets) - 1)
    names = [decoded(word) for word in numbers]
    return names, np.concatenate(ids).astype(np.int64), np.concatenate(rows).astype(np.int64)


def _word_runs(names: Sequence[str], words: _Ints, rows: _Ints, longest: int, least: int) -> _Terms:
    """Runs of 1 … `longest` words that `least` texts hold.

    A run is in no more texts than the runs that it is made of: longer ones are looked for among
    those that are kept.
    """
    single = _kept_runs(words, rows, np.arange(len(words)), least)
    kept = [names[word] for word in single.keys]
    found = [(kept, single)]
    for length in range(2, longest + 1):
        shorter, runs = found[-1]
        count = max(0, len(words) - length + 1)
        starts, follows = runs.numbers[:count], single.numbers[length - 1 :]
        inside = rows[:count] == rows[length - 1 :]
        at = np.flatnonzero((starts >= 0) & (follows >= 0) & inside)
        longer = _kept_runs(starts[at] * len(kept) + follows[at], rows, at, least)
        parts = zip(*np.divmod(longer.keys, max(1, len(kept))), strict=True)
        found.append(([f"{shorter[before]} {kept[last]}" for before, last in parts], longer))
    return _Terms(
        [name for each, _ in found for name in each],
        np.concatenate([runs.texts for _, runs in found]),
        np.concatenate([runs.times for _, runs in found]),
    )


@dataclass(frozen=True)
class _Runs:
    """Distinct runs of words by their keys; texts and times as in `_Terms`; int64 (n,).

    numbers: int64 (words,), the place of the run that begins at each word, -1 where none does.
    """

    keys: _Ints
    texts: _Ints
    times: _Ints
    numbers: _Ints


def _kept_runs(keys: _Ints, rows: _Ints, at: _Ints, least: int) -> _Runs:
    """Runs that `least` texts hold, of such keys, each beginning at a word; int64 (n,).

    rows: int64 (words,), the words' texts.
    """
    values, order = (each.numpy() for each in torch.sort(torch.from_numpy(keys), stable=True))
    first = np.diff(values, prepend=-1) != 0
    starts = np.flatnonzero(first)
    within = rows[at[order]]  # ascending, within one key
    new_text = first | (np.diff(within, prepend=-1) != 0)
    before = np.append(0, new_text.cumsum())
    ends = np.append(starts[1:], len(keys))
    texts = before[ends[: len(starts)]] - before[starts]
    kept = texts >= least
    places = np.where(kept, kept.cumsum() - 1, -1)
    numbers = np.full(len(rows), -1, dtype=np.int64)
    numbers[at[order]] = places[first.cumsum() - 1]
    return _Runs(values[starts[kept]], texts[kept], (ends[: len(starts)] - starts)[kept], numbers)
