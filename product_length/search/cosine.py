"""Cosine search with FAISS, exact or in IVF lists, from which forbidden rows are left out.

FAISS proposes candidates in float32. They are scored again in float64, so that the order depends
neither on how FAISS, BLAS or a GPU adds up nor on the size of a block, and equal similarities come
in the order of the rows. A query whose answer is not proven by its candidates (too many of them
were forbidden, or more rows may tie with the last one) is searched deeper, and at last against
every row. A search in lists proves nothing: there, only a query with fewer than k answers is.
"""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from product_length.mapped_memory import MappedMemory
from product_length.search.ivf import IvfLists, IvfSearch
from product_length.search.threads import in_parts
from product_length.search.vectors import (
    RowReader,
    exact_type,
    faiss_sees_a_gpu,
    load_faiss,
    norms_of,
    searches_on_a_gpu,
    sums,
    unit,
)

log = logging.getLogger(__name__)

Rows = NDArray[np.int64]
# (queries int64 (q,), rows int64 (q, m)) -> bool (q, m): must this row not be found?
Forbidden = Callable[[Rows, Rows], NDArray[np.bool_]]

# Candidates beyond k: the row itself, a few twins, a few near ties.
OVERFETCH = 12
# FAISS on a GPU returns no more; on a CPU its heaps get slower than scoring every row.
DEEPEST = 2048
# Times as many lists are probed where they held fewer than k allowed rows.
_WIDER = 4
# Sizes of what is held in memory at once: queries, added rows, scored pairs, scanned numbers.
_QUERY_ROWS = 1024
_IVF_QUERY_NUMBERS = 1 << 25  # the more queries share a list, the better
_IVF_VISITS = 1 << 21  # queries times the lists that each probes; some 40 bytes each
_ADDED_ROWS = 16_384
_SCORED_PAIRS = 1024
_SCANNED_NUMBERS = 1 << 25


class CosineSearch:
    """Finds the rows of `vectors`, float16 or float32 (n, d), nearest to queries by cosine.

    A vector of zeros has similarity 0 to everything. With `lists`, which `use` changes, the
    nearest rows of those lists that are probed are found; without, the nearest of all. FAISS is
    imported, and its index built, by the first search. Raises ValueError when the vectors are not
    (n, d) or not finite.
    """

    def __init__(self, vectors: NDArray[Any], lists: IvfLists | None = None) -> None:
        self.vectors = vectors
        self.lists = lists
        self.norms = norms_of(vectors)
        self._mapped = MappedMemory(vectors)
        # Bound of the error of a float32 dot product of unit vectors (Higham 2002, section 3.1),
        # and of their own rounding.
        self._rounding = vectors.shape[1] * 2.0**-24 + 1e-6
        self._index: Any = None
        self._ivf_search: IvfSearch | None = None

    def use(self, lists: IvfLists | None) -> None:
        """Search in these lists from now on; None: exactly."""
        same = lists and self.lists and lists.of_row is self.lists.of_row
        self.lists = lists
        if not same:
            self.release()

    def release(self) -> None:
        """Free what was built to search; the next search builds it again."""
        self._index = None
        self._ivf_search = None

    def search(
        self, queries: NDArray[Any], k: int, forbidden: Forbidden | None = None
    ) -> tuple[Rows, NDArray[np.float32]]:
        """Find the k most similar rows of each query that are not forbidden, best first.

        `queries`: float16 or float32 (q, d). Returns rows int64 (q, k), -1 where there are no
        more, and cosines float32 (q, k), 0 there. Raises ValueError when the queries do not match
        the vectors or are not finite, or when k is below 1.
        """
        if queries.ndim != 2 or queries.shape[1] != self.vectors.shape[1]:
            raise ValueError(f"queries {queries.shape} do not match vectors {self.vectors.shape}")
        if k < 1:
            raise ValueError("k must be at least 1")
        rows = np.full((len(queries), k), -1, dtype=np.int64)
        cosines = np.zeros((len(queries), k), dtype=np.float32)
        answers, norms = (rows, cosines), np.empty(len(queries))
        step = _QUERY_ROWS
        if self.lists is not None:
            most = min(_IVF_QUERY_NUMBERS // queries.shape[1], _IVF_VISITS // self.lists.nprobe)
            step = max(step, most)

        def answer(start: int, stop: int) -> None:
            of_part = norms[start:stop] = norms_of(queries[start:stop])
            pending = start + np.flatnonzero(of_part)
            for depth, wider in ((k + OVERFETCH, 1), (DEEPEST, _WIDER)):
                pending = self._search(queries, norms, pending, depth, wider, forbidden, answers)
            # Every row ties for a query of zeros: no depth would settle that.
            for query in np.concatenate([start + np.flatnonzero(of_part == 0), pending]):
                self._scan(queries, query, forbidden, rows, cosines)

        if not len(self.vectors):
            return rows, cosines
        if self.lists is None:
            for start in range(0, len(queries), step):
                answer(start, min(start + step, len(queries)))
        else:  # a list is too little work to share: each thread has queries of its own
            threads = max(1, load_faiss().omp_get_max_threads())
            self._in_lists().prepare(len(queries) * self.lists.nprobe, threads)
            in_parts(answer, len(queries), step, threads)
        return rows, cosines

    def _search(
        self,
        queries: NDArray[Any],
        norms: NDArray[np.float64],
        pending: Rows,
        depth: int,
        wider: int,
        forbidden: Forbidden | None,
        answers: tuple[Rows, NDArray[np.float32]],
    ) -> Rows:
        """Answer the pending queries from `depth` candidates; returns those not settled."""
        if not len(pending):
            return pending
        rows, cosines = answers
        depth = min(depth, DEEPEST, len(self.vectors))
        asked, norms = queries[pending], norms[pending]
        directions = unit(asked, norms)
        if self.lists is None:
            bounds, found = self._faiss().search(directions, depth)
        else:
            nprobe = self.lists.nprobe * wider
            bounds, found = self._in_lists().search(directions, depth, nprobe)
        scores = self.cosines(asked, found, norms)
        scores[found < 0] = -np.inf
        if forbidden is not None:
            scores[forbidden(pending, found)] = -np.inf
        rows[pending], cosines[pending] = best_of(scores, found, rows.shape[1])
        if self.lists is not None:
            short: Rows = pending[rows[pending, -1] < 0]
            return short
        # What FAISS left out scores no more than its last candidate, give or take rounding.
        last = np.where(rows[pending, -1] < 0, -np.inf, cosines[pending, -1])
        settled = last > bounds[:, -1] + self._rounding
        return pending[~settled] if depth < len(self.vectors) else pending[:0]

    def _scan(
        self,
        queries: NDArray[Any],
        query: int,
        forbidden: Forbidden | None,
        rows: Rows,
        cosines: NDArray[np.float32],
    ) -> None:
        """Answer one query from every row."""
        k = rows.shape[1]
        asked = queries[query : query + 1]
        direction = unit(asked)[0]
        scores = np.zeros(len(self.vectors), dtype=np.float32)
        if direction.any():
            step = max(1, _SCANNED_NUMBERS // len(direction))
            for start in range(0, len(scores), step):
                scores[start : start + step] = unit(self.vectors[start : start + step]) @ direction
        if forbidden is not None:
            everything = np.arange(len(scores))
            scores[forbidden(np.array([query]), everything[None])[0]] = -np.inf
        if direction.any():
            kth = np.partition(scores, -k)[-k] if k <= len(scores) else -np.inf
            near = scores >= kth - 2 * self._rounding
            found = np.flatnonzero(near & (scores > -np.inf))
        else:
            found = np.flatnonzero(scores == 0)[:k]
        best = best_of(self.cosines(asked, found[None]), found[None], k)
        rows[query], cosines[query] = best[0][0], best[1][0]

    def cosines(
        self, queries: NDArray[Any], found: Rows, norms: NDArray[np.float64] | None = None
    ) -> NDArray[np.float32]:
        """Cosines of each query (q, d) to its rows (q, m), added up in float64.

        `norms`: of the queries, where they are known.
        """
        norms = norms_of(queries) if norms is None else norms
        dots = self._dots_in_file(queries, found) if self._mapped else self._dots(queries, found)
        scale = norms[:, None] * self.norms[found]
        return np.divide(dots, scale, out=np.zeros_like(dots), where=scale > 0).astype(np.float32)

    def _dots(self, queries: NDArray[Any], found: Rows) -> NDArray[np.float64]:
        """Inner products (q, m), query after query."""
        dots = np.empty(found.shape)
        each = max(1, found.shape[1])
        step = max(1, _SCORED_PAIRS // each)
        reader = RowReader(self.vectors, step * each, exact_type(self.vectors, queries))
        for start in range(0, len(found), step):
            rows, asked = found[start : start + step], queries[start : start + step]
            near = reader.read(rows.ravel()).reshape(*rows.shape, queries.shape[1])
            near *= asked[:, None].astype(near.dtype)
            dots[start : start + step] = sums(near)
        return dots

    def _dots_in_file(self, queries: NDArray[Any], found: Rows) -> NDArray[np.float64]:
        """The same row after row, so that little of the file is in memory at a time."""
        rows, dots = found.ravel(), np.empty(found.size)
        # Sorting plain numbers is several times as fast as finding their order.
        order = np.sort(rows * len(rows) + np.arange(len(rows))) % max(1, len(rows))
        kind = exact_type(self.vectors, queries)
        near = RowReader(self.vectors, _SCORED_PAIRS, kind)
        asked = RowReader(queries, _SCORED_PAIRS, kind)
        row_bytes = self.vectors[:1].nbytes
        for start in range(0, len(order), _SCORED_PAIRS):
            pairs = order[start : start + _SCORED_PAIRS]
            row, query = rows[pairs], pairs // found.shape[1]
            products = near.read(row)
            products *= asked.read(query)
            dots[pairs] = sums(products)
            self._mapped.read(int(row[-1] - row[0] + 1) * row_bytes)
        return dots.reshape(found.shape)

    def _in_lists(self) -> IvfSearch:
        if self._ivf_search is None:
            assert self.lists is not None
            self._ivf_search = IvfSearch(self.lists, self.vectors, self.norms)
        return self._ivf_search

    def _faiss(self) -> Any:
        """The exact index of all rows, normalised: on a GPU where there is one."""
        if self._index is None:
            faiss = load_faiss()
            dimension = self.vectors.shape[1]
            index: Any
            if faiss_sees_a_gpu():
                index = faiss.GpuIndexFlatIP(faiss.StandardGpuResources(), dimension)
            elif searches_on_a_gpu():
                from product_length.search.torch_flat import TorchFlat  # not before: it needs torch

                index = TorchFlat(dimension, "cuda")
            else:
                index = faiss.IndexFlatIP(dimension)
            for start in range(0, len(self.vectors), _ADDED_ROWS):
                index.add(unit(self.vectors[start : start + _ADDED_ROWS]))
            log.debug("%s holds %d rows", type(index).__name__, index.ntotal)
            self._index = index
        return self._index


def best_of(scores: NDArray[np.float32], found: Rows, k: int) -> tuple[Rows, NDArray[np.float32]]:
    """The k best of `found` (q, m) by score, then row; -1 and 0 once only -inf is left."""
    order = np.lexsort((found, -scores), axis=1)[:, :k]
    scores = np.take_along_axis(scores, order, axis=1)
    missing = np.isneginf(scores)
    rows = np.where(missing, -1, np.take_along_axis(found, order, axis=1))
    short = ((0, 0), (0, k - rows.shape[1]))
    return (
        np.pad(rows, short, constant_values=-1),
        np.pad(np.where(missing, np.float32(0), scores), short),
    )
