"""Rows in IVF lists around centroids, of which a search looks into the nearest few.

IVF as in FAISS, turned around: not each query visits its lists, but each list is compared with all
queries of a block that probe it, as one product of matrices, of codes of 7 bits (`codes`). FAISS's
own indexes were not faster (docs/what-did-not-work.md). A row takes a byte a number and 12 bytes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm
from typing_extensions import Self

from product_length.mapped_memory import MappedMemory
from product_length.search.codes import Codes, codes_of, products
from product_length.search.threads import in_parts
from product_length.search.vectors import load_faiss, unit

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]

# Lists for the square root of the rows: twice as many take four times as long to make and assign.
_LISTS_PER_ROOT = 2
# FAISS's own least for a centroid; 100 took twice the time and found no more.
_TRAINED_ROWS_PER_LIST = 39
_ROUNDS = 5
_SEED = 20
_ADDED_ROWS = 4096
# Rows that are compared with all centroids at once: larger arrays are new memory each time.
_ASSIGNED_ROWS = 256
# The nearest lists of a query are searched first, and tell what a row of the others must exceed: as
# many as hold so many times the rows that are wanted.
_NEAR_ROWS = 16
# Rows compared at once, and pairs of a row and a query: what a processor's cache holds. Texts that
# are all the same, or empty, fill one list with thousands.
_COMPARED_ROWS = 1024
_COMPARED_PAIRS = 1 << 18
_MANY_LISTS = 1 / 8  # of all: one pass over the rows is sooner done


@dataclass(frozen=True)
class IvfLists:
    """Where each row belongs, and how many lists a search looks into (`nprobe`).

    `centroids`: float32 (lists, d), of norm 1. `of_row`: int32 (rows,), the list of each row. Both
    are stored with a checkpoint: a few MB beside its vectors, so that prediction neither trains
    again nor depends on how another machine would round.
    """

    centroids: NDArray[np.float32]
    of_row: NDArray[np.int32]
    nprobe: int

    def __len__(self) -> int:
        return len(self.centroids)

    @classmethod
    def train(cls, vectors: NDArray[Any]) -> Self:
        """Lists for vectors float16 or float32 (n, d), by k-means on a sample; nprobe 1.

        The same vectors give the same lists: sample and start are drawn with a fixed seed.
        """
        faiss = load_faiss()
        lists = list_count(len(vectors))
        wanted = min(len(vectors), lists * _TRAINED_ROWS_PER_LIST)
        chosen = np.random.default_rng(_SEED).choice(len(vectors), wanted, replace=False)
        means = faiss.Kmeans(
            vectors.shape[1],
            lists,
            niter=1,
            spherical=True,
            seed=_SEED,
            # The sample is drawn already; FAISS would draw again, or warn.
            min_points_per_centroid=1,
            max_points_per_centroid=len(vectors),
        )
        sample = unit(vectors[np.sort(chosen)])
        for _ in tqdm(range(_ROUNDS), desc="rounds of k-means", disable=None, leave=False):
            means.train(sample, init_centroids=means.centroids)
        codes, steps = codes_of(means.centroids)
        of_row = np.empty(len(vectors), dtype=np.int32)
        with tqdm(
            total=len(vectors), unit=" rows", desc="rows to lists", disable=None, leave=False
        ) as bar:

            def assign(start: int, stop: int) -> None:
                rows, _ = codes_of(vectors[start:stop])
                for first in range(0, stop - start, _ASSIGNED_ROWS):
                    part = slice(first, first + _ASSIGNED_ROWS)
                    nearest = products(rows[part], codes, steps).argmax(axis=1)
                    of_row[start:stop][part] = nearest
                bar.update(stop - start)

            in_parts(assign, len(vectors), _ADDED_ROWS, max(1, faiss.omp_get_max_threads()))
        return cls(np.array(means.centroids, dtype=np.float32), of_row, nprobe=1)

    def state(self) -> dict[str, Any]:
        """Tensors and a number: `torch.load(weights_only=True)` reads them back."""
        import torch

        return {
            "centroids": torch.from_numpy(np.array(self.centroids)),
            "of_row": torch.from_numpy(np.array(self.of_row)),
            "nprobe": self.nprobe,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The lists whose `state` this was."""
        return cls(state["centroids"].numpy(), state["of_row"].numpy(), state["nprobe"])


def list_count(rows: int) -> int:
    """How many lists so many rows are put into, at least 1."""
    return max(1, min(int(_LISTS_PER_ROOT * rows**0.5), rows // 4))


class IvfSearch:
    """Proposes rows of `vectors`, float16 or float32 (n, d), by their codes."""

    def __init__(self, lists: IvfLists, vectors: NDArray[Any], norms: NDArray[np.float64]) -> None:
        """`norms`: float64 (n,), of the vectors."""
        self._order = np.argsort(lists.of_row, kind="stable").astype(np.int32)
        ends = np.searchsorted(lists.of_row[self._order], np.arange(len(lists) + 1))
        self._ends: NDArray[np.int64] = ends
        # In the order of the lists, each made when it is first asked for: a server asks for few.
        self._codes = np.empty(vectors.shape, dtype=np.int8)
        self._steps = np.empty(len(vectors), dtype=np.float32)
        self._has_codes = np.zeros(len(lists), dtype=np.bool_)
        self._coding = Lock()
        self._vectors, self._norms = vectors, norms
        self._centroids = codes_of(lists.centroids)

    def search(self, queries: Scores, depth: int, nprobe: int) -> tuple[Scores, Rows]:
        """The `depth` rows in the `nprobe` lists nearest to each query whose codes are nearest.

        `queries`: float32 (q, d), of norm 1. Returns cosines float32 (q, depth) of the codes, best
        first, and rows int64 (q, depth), -1 where those lists hold fewer.
        """
        codes, steps = codes_of(queries)
        probed = self._nearest_lists(codes, min(nprobe, len(self._has_codes)))
        self._make_codes(probed)
        sizes = np.diff(self._ends).astype(np.int32)[probed]
        near = np.cumsum(sizes, axis=1, dtype=np.int32) - sizes < _NEAR_ROWS * depth
        del sizes

        best = load_faiss().ResultHeap(len(queries), depth, keep_max=True)
        for rows, asked, scores in self._compared(codes, probed, near):
            best.add_result_subset(asked, scores, rows)
        worst = best.D[:, 0].copy()
        best.finalize()
        if near.all():
            return best.D * steps[:, None], best.I

        # (query, row, score) of everything that may be among the best; half as wide as elsewhere.
        everyone = np.arange(len(queries), dtype=np.int32)
        chosen: list[tuple[NDArray[Any], NDArray[Any], Scores]] = [
            (np.repeat(everyone, depth), best.I.ravel().astype(np.int32), best.D.ravel())
        ]
        del best
        for rows, asked, scores in self._compared(codes, probed, ~near):
            hits = np.flatnonzero(scores > worst[asked, None]).astype(np.int32)
            query, row = np.divmod(hits, len(rows))
            chosen.append((asked[query], rows[row].astype(np.int32), scores.ravel()[hits]))
        query, row, score = (np.concatenate(parts) for parts in zip(*chosen, strict=True))
        del chosen
        return best_in_order(query, row, score * steps[query], (len(queries), depth))

    def _nearest_lists(self, queries: Codes, count: int) -> Rows:
        """So many lists whose centroids are nearest to each query, nearest first: int64."""
        import torch

        found = np.empty((len(queries), count), dtype=np.int64)
        for start in range(0, len(queries), _ASSIGNED_ROWS):
            block = slice(start, start + _ASSIGNED_ROWS)
            scores = products(queries[block], *self._centroids)
            found[block] = torch.from_numpy(scores).topk(count, dim=1).indices.numpy()
        return found

    def prepare(self, visits: int, threads: int) -> None:
        """Make all codes at once, if so many visits to lists will need a good part of them."""
        with self._coding:
            if visits <= _MANY_LISTS * len(self._has_codes) or self._has_codes.all():
                return
            place = np.empty_like(self._order)
            place[self._order] = np.arange(len(place), dtype=place.dtype)
            mapped = MappedMemory(self._vectors)

            def code(start: int, stop: int) -> None:  # in the order that a disk likes
                vectors = self._vectors[start:stop]
                self._code(place[start:stop], vectors, self._norms[start:stop])
                mapped.read(vectors.nbytes)

            in_parts(code, len(place), _ADDED_ROWS, threads)
            self._has_codes[:] = True

    def _make_codes(self, probed: Rows) -> None:
        """Make the codes of those lists, int64 of any shape, that have none yet."""
        with self._coding:
            wanted = np.zeros_like(self._has_codes)
            wanted[probed] = True
            for number in np.flatnonzero(wanted & ~self._has_codes):
                part = slice(self._ends[number], self._ends[number + 1])
                rows = self._order[part]
                self._code(part, self._vectors[rows], self._norms[rows])
                self._has_codes[number] = True

    def _code(
        self,
        places: slice | NDArray[np.int32],
        vectors: NDArray[Any],
        norms: NDArray[np.float64],
    ) -> None:
        self._codes[places], self._steps[places] = codes_of(vectors, norms)

    def _compared(
        self, queries: NDArray[np.int8], probed: Rows, wanted: NDArray[np.bool_]
    ) -> Iterator[tuple[Rows, NDArray[np.int32], Scores]]:
        """Each list that is wanted, in parts: rows (m,), queries (a,), their scores (a, m)."""
        # Numbers of 16 bits are sorted in a fraction of the time; memory is what these arrays cost.
        small = np.uint16 if len(self._ends) <= 1 << 16 else np.int32
        listed = probed[wanted].astype(small)
        order = np.argsort(listed, kind="stable")
        listed = listed[order]
        query = np.repeat(np.arange(len(probed), dtype=np.int32), wanted.sum(axis=1))[order]
        del order
        starts = np.flatnonzero(np.diff(listed.astype(np.int32), prepend=-1))
        for start, stop in zip(starts, [*starts[1:], len(listed)], strict=True):
            first, end = self._ends[listed[start]], self._ends[listed[start] + 1]
            for from_row in range(first, end, _COMPARED_ROWS):
                part = slice(from_row, min(from_row + _COMPARED_ROWS, end))
                rows = self._order[part].astype(np.int64)
                step = max(1, _COMPARED_PAIRS // len(rows))
                for from_query in range(start, stop, step):
                    asked = query[from_query : min(from_query + step, stop)]
                    scores = products(queries[asked], self._codes[part], self._steps[part])
                    yield rows, asked, scores


def best_in_order(
    queries: NDArray[Any], rows: NDArray[Any], scores: Scores, shape: tuple[int, int]
) -> tuple[Scores, Rows]:
    """Of every query's rows, in any order, the best: scores and rows (q, depth), as `shape`.

    `queries`, `rows`: int32 or int64 (n,), as many of each query as are wanted at least; `scores`:
    float32 (n,).
    """
    # One number instead of two keys, sorted in a fraction of the time: cosines lie within 1, what
    # is missing comes last. Stable: of equal codes those of the first list come first.
    order = np.argsort(4.0 * queries - np.clip(scores, -1.5, 1.5), kind="stable")
    counts = np.bincount(queries, minlength=shape[0])
    best = order[(counts.cumsum() - counts)[:, None] + np.arange(shape[1])]
    return scores[best], rows[best].astype(np.int64)
