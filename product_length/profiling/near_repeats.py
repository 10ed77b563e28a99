"""Texts that are nearly the same, found by MinHash, and how much their labels disagree.

MinHash with locality-sensitive hashing (Broder 1997; Leskovec, Rajaraman, Ullman, Mining of Massive
Datasets, chapter 3): texts that share four fifths of their words get the same bucket in one table
or another, at a cost that grows with the texts and not with their pairs. What it finds is checked
on the words themselves.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray
from tqdm import tqdm

from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.text import string_keys
from product_length.evaluation.wording import shortened
from product_length.profiling.repeats import SAME

SIMILARITY = 0.8
"""Texts that share so much of their words (Jaccard) are nearly the same."""
MAX_TEXTS = 40_000
_BATCH_TEXTS = 1000
_BANDS, _ROWS_A_BAND = 10, 6
"""10 tables of 6 hashes: of pairs that share 80% of their words 95% are found, of 90% 99.9%."""
_MAX_CANDIDATES = 50
_EXAMPLES = 10
_TEXT_LETTERS = 160
_KEY_LETTERS = 60
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
# The first two words of what a text begins with, or the one.
_FIRST_WORDS = r"^\s*(\S+(?:\s+\S+)?).*$"


@dataclass(frozen=True)
class NearPair:
    """Two texts, the beginnings of them, with their lengths in the catalogue's unit."""

    texts: tuple[str, str]
    ids: tuple[str, str]
    lengths: tuple[float, float]
    similarity: float


@dataclass(frozen=True)
class NearRepeatFigures:
    """Of `searched` distinct texts of `texts`; where not of all, of those of some first words.

    `found`: searched texts with another that shares 80% of the words; `same_numbers`: of these,
    those whose nearest one has the same numbers in it. `disagreeing`: share of these whose length
    is not that of the nearest one within 1%, `ratio`: the median of longer/shorter of theirs, None
    without any; `disagreeing_numbers`: share of the others, whose nearest has other numbers.
    """

    texts: int
    searched: int
    found: int
    same_numbers: int
    disagreeing: float | None
    ratio: float | None
    disagreeing_numbers: float | None
    examples: tuple[NearPair, ...]


def near_repeat_figures(catalogue: Catalogue, max_texts: int = MAX_TEXTS) -> NearRepeatFigures:
    """Of the distinct texts of a catalogue, the first row of each."""
    rows = np.sort(np.unique(catalogue.text_keys, return_index=True)[1])
    chosen = _chosen(catalogue, rows, max_texts)
    texts = catalogue.texts_of(chosen)
    words = [frozenset(_WORD.findall(text.lower())) for text in texts]
    pairs, similarities = _nearest(words)
    lengths = catalogue.exact_lengths[chosen]
    left, right = lengths[pairs[:, 0]], lengths[pairs[:, 1]]
    ratios = np.maximum(left, right) / np.minimum(left, right)
    apart = ratios > 1 + SAME
    same = np.array([_numbers(texts[a]) == _numbers(texts[b]) for a, b in pairs], np.bool_)
    return NearRepeatFigures(
        texts=len(rows),
        searched=len(chosen),
        found=len(pairs),
        same_numbers=int(same.sum()),
        disagreeing=_share(apart, same),
        ratio=float(np.median(ratios[same & apart])) if (same & apart).any() else None,
        disagreeing_numbers=_share(apart, ~same),
        examples=_examples(catalogue, chosen, texts, pairs, similarities, ratios * (same & apart)),
    )


def _chosen(catalogue: Catalogue, rows: NDArray[np.int64], max_texts: int) -> NDArray[np.int64]:
    """All of the rows, or whole groups that begin with the same two words, drawn by their hash.

    A sample of single rows would tear near-repeats apart. Groups that are larger than what is left
    to draw are left out.
    """
    if len(rows) <= max_texts:
        return rows
    keys = np.concatenate(
        [
            _first_words(catalogue, rows[start : start + 50_000])
            for start in range(0, len(rows), 50_000)
        ]
    )
    _, group, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    # np.unique orders by the hash: as good as a shuffle, and the same on every machine.
    drawn = np.zeros(len(sizes), np.bool_)
    left = max_texts
    for at, size in enumerate(sizes.tolist()):
        if size <= left:
            drawn[at] = True
            left -= size
        if not left:
            break
    chosen: NDArray[np.int64] = rows[drawn[group]]
    return chosen


def _first_words(catalogue: Catalogue, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Hashes of the first two words of the texts of rows, uint64 (n,)."""
    import pyarrow as pa

    texts = pa.array([text[:_KEY_LETTERS] for text in catalogue.texts_of(rows)], pa.string())
    return string_keys(pc.replace_substring_regex(pc.utf8_lower(texts), _FIRST_WORDS, r"\1"))


def _nearest(words: Sequence[frozenset[str]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Each text with a near-repeat and the nearest of these, int64 (n, 2), with the similarity."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(
        num_perm=_BANDS * _ROWS_A_BAND, params=(_BANDS, _ROWS_A_BAND), prepickle=False
    )
    sketches = []
    with tqdm(
        total=2 * len(words), desc="near-repeats", unit=" texts", disable=None, leave=False
    ) as bar:
        for start in range(0, len(words), _BATCH_TEXTS):
            some = words[start : start + _BATCH_TEXTS]
            made = MinHash.bulk(
                [[word.encode() for word in each] for each in some],
                num_perm=_BANDS * _ROWS_A_BAND,
                hashfunc=xxhash.xxh32_intdigest,
            )
            for at, sketch in enumerate(made, start):
                index.insert(at, sketch)
            sketches += made
            bar.update(len(some))
        pairs, similarities = [], []
        for at, sketch in enumerate(sketches):
            best = max(
                (
                    (_jaccard(words[at], words[other]), -other)
                    for other in sorted(index.query(sketch))[: _MAX_CANDIDATES + 1]
                    if other != at
                ),
                default=(0.0, 0),
            )
            if best[0] >= SIMILARITY:
                pairs.append((at, -best[1]))
                similarities.append(best[0])
            bar.update()
    return np.array(pairs, np.int64).reshape(-1, 2), np.array(similarities)


def _jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    both = len(left & right)
    either = len(left) + len(right) - both
    return both / either if either else 0.0


def _numbers(text: str) -> frozenset[str]:
    return frozenset(_NUMBER.findall(text))


def _share(apart: NDArray[np.bool_], among: NDArray[np.bool_]) -> float | None:
    return float(apart[among].mean()) if among.any() else None


def _examples(
    catalogue: Catalogue,
    rows: NDArray[np.int64],
    texts: Sequence[str],
    pairs: NDArray[np.int64],
    similarities: NDArray[np.float64],
    disagreement: NDArray[np.float64],
) -> tuple[NearPair, ...]:
    """The pairs, each once, whose labels disagree most."""
    found: dict[frozenset[int], NearPair] = {}
    for at in np.argsort(-disagreement, kind="stable"):
        if disagreement[at] == 0 or len(found) == _EXAMPLES:
            break
        left, right = pairs[at].tolist()
        places = rows[[left, right]]
        ids = [catalogue.product_ids[place.item()].as_py() for place in places]
        lengths = catalogue.exact_lengths[places].tolist()
        found[frozenset((left, right))] = NearPair(
            texts=(shortened(texts[left], _TEXT_LETTERS), shortened(texts[right], _TEXT_LETTERS)),
            ids=(ids[0], ids[1]),
            lengths=(lengths[0], lengths[1]),
            similarity=float(similarities[at]),
        )
    return tuple(found.values())
