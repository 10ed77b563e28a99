"""Exact search or IVF lists, and how many lists to probe for the recall that was asked for."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from product_length.search.config import IndexKind
from product_length.search.cosine import OVERFETCH, CosineSearch, Forbidden, Rows, best_of
from product_length.search.ivf import IvfLists, best_in_order, list_count
from product_length.search.vectors import searches_on_a_gpu, unit

log = logging.getLogger(__name__)

# Multiplications of an exact search that a CPU is left to do: half a minute of one core at the 32e9
# a second measured, 50,000 × 50,000 × 384. IVF lists take a tenth of that, with their training;
# below, exact answers are worth the wait.
CHEAP = 1e12
# Training rows whose neighbours are searched both ways.
SAMPLE = 1000
# Standard errors by which their recall must exceed what was asked for, so that the recall of all
# rows does too (one-sided 95%): some half a point.
CERTAINTY = 1.645
# A row in a list costs somewhat more than a row of an exact search: probing more of the lists than
# this share would gain little, and lose neighbours.
WORTHWHILE = 1 / 2
_SEED = 7
_FIRST_ROWS, _BLOCK_ROWS = 64, 4096

Facts = dict[str, Any]


def is_exact(kind: IndexKind, queries: int, rows: int, dimension: int) -> bool:
    """Whether to search exactly: `auto` does with a GPU, and where a CPU soon has done it."""
    if kind == "auto":
        return queries * rows * dimension <= CHEAP or searches_on_a_gpu()
    return kind == "exact"


def tuning_sample(rows: int) -> Rows:
    """The places of the rows whose neighbours tell the recall: int64 (at most 1,000,)."""
    chosen = np.random.default_rng(_SEED).choice(rows, min(SAMPLE, rows), replace=False)
    return np.sort(chosen.astype(np.int64))


def tune(
    search: CosineSearch, k: int, recall: float, forbidden: Callable[[Rows], Forbidden | None]
) -> Facts:
    """Have `search` probe so many of its lists that recall@k is `recall`; exact if it takes most.

    Recall is measured on `tuning_sample`, a row's neighbours being those that are not forbidden.
    `forbidden`: places of the queries in the index (q,) -> what they must not find. nprobe
    grows from where the lists hold so many neighbours, beyond 4 by a quarter at most. Returns the
    facts: `kind` ("ivf" or "exact"), `lists`, `nprobe`, `recall` reached, `sample`.
    """
    count = len(search.vectors)
    facts: Facts = {"kind": "exact", "lists": list_count(count), "nprobe": 0, "recall": 0.0}
    sample = tuning_sample(count)
    facts["sample"] = len(sample)
    if facts["lists"] * WORTHWHILE < 1:
        return facts
    log.info("neighbours: putting %d rows into %d IVF lists", count, facts["lists"])
    lists = IvfLists.train(search.vectors)
    queries = search.vectors[sample]
    rows, exact = exact_neighbours(search, queries, k, forbidden(sample))
    tried = _growing(int(len(lists) * WORTHWHILE))
    within = _within(lists, unit(queries), rows)
    for nprobe in [each for each in tried if within[each - 1] >= recall] or tried[-1:]:
        search.use(replace(lists, nprobe=nprobe))
        found = search.search(queries, k, forbidden(sample))
        shares = recalls_of(*found, exact)
        facts |= {"nprobe": nprobe, "recall": float(shares.mean())}
        log.debug("neighbours: nprobe %d, recall@%d %.4f", nprobe, k, facts["recall"])
        if facts["recall"] - CERTAINTY * standard_error(shares) >= recall:
            return {**facts, "kind": "ivf"}
    search.use(None)
    return facts


def _growing(most: int) -> list[int]:
    """1, 2, … 8, 10, 12, 14, 16, 20 … up to `most`: larger steps would probe far too many."""
    steps = {factor << bits for factor in (1, 5, 3, 7) for bits in range(most.bit_length())}
    return sorted(step for step in steps if step <= most)


def _within(lists: IvfLists, directions: NDArray[np.float32], rows: Rows) -> NDArray[np.float64]:
    """Share of the neighbours `rows` (q, k) in a query's nearest 1, 2, … lists: (lists,)."""
    scores = directions @ lists.centroids.T
    rank = np.empty(scores.shape, dtype=np.int64)
    np.put_along_axis(rank, np.argsort(-scores, axis=1), np.arange(len(lists))[None], axis=1)
    query, place = (rows >= 0).nonzero()
    of_list = np.bincount(rank[query, lists.of_row[rows[query, place]]], minlength=len(lists))
    shares: NDArray[np.float64] = of_list.cumsum() / max(1, len(query))
    return shares


def exact_neighbours(
    search: CosineSearch, queries: NDArray[Any], k: int, forbidden: Forbidden | None
) -> tuple[Rows, NDArray[np.float32]]:
    """The k rows nearest to each query that are not forbidden, best first, and their cosines.

    int64 and float32 (q, k), -1 and -inf where there are no more. No index is built for a sample:
    at two million rows one of float32 would take more memory than all the rest.
    """
    directions = unit(queries)
    kept = k + OVERFETCH
    scores = np.full((len(queries), kept), -np.inf, dtype=np.float32)
    rows = np.full((len(queries), kept), -1, dtype=np.int64)
    with tqdm(
        total=len(search.vectors), unit=" rows", desc="exact answers", disable=None, leave=False
    ) as bar:
        for start, stop in _blocks(len(search.vectors)):
            near = unit(search.vectors[start:stop], search.norms[start:stop])
            block = directions @ near.T
            # Only what is better than the worst so far is looked at: soon a few rows of a block.
            hits = np.flatnonzero(block > scores.min(axis=1)[:, None])
            (query, row), score = np.divmod(hits, len(near)), block.ravel()[hits]
            row += start
            if forbidden is not None:
                allowed = ~forbidden(query, row[:, None])[:, 0]
                query, row, score = query[allowed], row[allowed], score[allowed]
            asked = np.arange(len(queries)).repeat(kept)
            scores, rows = best_in_order(
                np.concatenate([asked, query]),
                np.concatenate([rows.ravel(), row]),
                np.concatenate([scores.ravel(), score]),
                scores.shape,
            )
            bar.update(len(near))
    rows[np.isneginf(scores)] = -1
    again = np.where(rows < 0, np.float32(-np.inf), search.cosines(queries, rows))
    found, cosines = best_of(again, rows, k)
    return found, np.where(found < 0, np.float32(-np.inf), cosines)


def _blocks(rows: int) -> Iterator[tuple[int, int]]:
    """Where blocks begin and end: small ones first, of which all rows are looked at."""
    start = 0
    while start < rows:
        stop = min(rows, start + min(max(start, _FIRST_ROWS), _BLOCK_ROWS))
        yield start, stop
        start = stop


def recalls_of(
    rows: Rows, cosines: NDArray[np.float32], exact: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Share of each query's exact answers that was found; of equally similar rows any may be.

    `rows` and `cosines` (q, k) as a search returns them, `exact` (q, k) by `exact_neighbours`.
    Returns float64 (q,), 1 where there is nothing to find.
    """
    wanted = np.isfinite(exact).sum(axis=1)
    last = np.where(np.isfinite(exact), exact, np.inf).min(axis=1)
    found = ((rows >= 0) & (cosines >= last[:, None])).sum(axis=1)
    shares: NDArray[np.float64] = np.minimum(found, wanted) / np.maximum(wanted, 1)
    return np.where(wanted > 0, shares, 1.0)


def standard_error(values: NDArray[np.float64]) -> float:
    """Standard error of the mean; 0 of a single value."""
    return float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else 0.0


def describe_index(facts: Mapping[str, Any], k: int) -> str:
    """One line about the index that `tune` chose."""
    measured = (
        f"{facts['lists']} lists, nprobe {facts['nprobe']}, "
        f"recall@{k} {facts['recall']:.3f} against exact on {facts['sample']:,} rows"
    )
    if facts["kind"] == "ivf":
        return f"IVF, {measured}"
    if not facts["nprobe"]:
        return "exact (too few rows for IVF lists)"
    return f"exact (IVF would be no faster: {measured})"
