"""The search in IVF lists of `product_length.search` against FAISS's own indexes, side by side.

    python benchmarks/search.py [--rows 300000] [--vectors NAME=array.npy ...] [--queries 32768]

All find the 20 nearest of the same rows among all, themselves left out, with the least work that
gives recall@20 0.95 on 1,000 rows, and score their last 32 candidates again in float64. FAISS's
are: IVF with fast scan over a 4-bit product quantiser of residuals, and over RaBitQ's bits, both
refined on float16 with the overfetch (k_factor) that is fastest, and given the centroids of ours;
and HNSW over 8-bit codes. Rounds alternate in one process, and only ratios are told: FAISS's time
to ours, the median of the rounds and their range. The total counts building, measured once, and
every row as a query. Writes benchmarks/results/search.md.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from measured import RESULTS, machine
from neighbours import catalogue_like
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from product_length.search.cosine import OVERFETCH, CosineSearch, Forbidden, Rows, best_of
from product_length.search.ivf import IvfLists
from product_length.search.tuning import exact_neighbours, recalls_of, tuning_sample
from product_length.search.vectors import load_faiss, unit
from product_length.writing import write_text

K, RECALL = 20, 0.95
PQ, RABITQ, HNSW = "PQ{}x4fsr", "RaBitQfs", "HNSW32,SQ8"  # half as many quantisers as dimensions
K_FACTORS = (2, 4, 8)
THREADS, ROUNDS = (1, 2), 3
TRIED = 4096  # queries that tell which overfetch is fastest
ADDED = 16_384
ASKED = 4096  # queries of one call of FAISS
TRAINED = 50_000  # rows that FAISS's codes are trained on
HEAD = "| FAISS | threads | search, processor | search, clock | total, processor | total, clock |"


def main() -> None:
    options = parser().parse_args()
    sources = [("made vectors", catalogue_like(options.rows, options.dimension))]
    for name, _, path in (words.partition("=") for words in options.vectors):
        sources.append((name, np.load(path)))
    parts = [compare(name, vectors, options.queries) for name, vectors in sources]
    text = "\n".join([*parts, f"Machine: {machine()}.", ""])
    write_text(Path(options.results) / "search.md", text)


class _Ours:
    def __init__(self, vectors: NDArray[Any]) -> None:
        self.search = CosineSearch(vectors)

    def build(self) -> None:
        self.lists = IvfLists.train(self.search.vectors)

    def use(self, nprobe: int) -> None:
        self.search.use(replace(self.lists, nprobe=nprobe))

    def find(self, asked: Rows) -> tuple[Rows, NDArray[np.float32]]:
        return self.search.search(self.search.vectors[asked], K, themselves(asked))


class _Faiss(_Ours):
    effort = "nprobe"

    def __init__(self, vectors: NDArray[Any], codes: str, centroids: NDArray[np.float32]) -> None:
        super().__init__(vectors)  # scores the candidates
        faiss, (lists, dimension) = load_faiss(), centroids.shape
        self.name = codes.format(dimension // 2)
        self.quantizer = faiss.IndexFlatIP(dimension)
        self.quantizer.add(centroids)
        self.ivf, self.float16 = (
            faiss.index_factory(dimension, kind, faiss.METRIC_INNER_PRODUCT)
            for kind in (f"IVF{lists},{self.name}", "SQfp16")
        )
        self.ivf.quantizer, self.ivf.own_fields = self.quantizer, False
        self.index = faiss.IndexRefine(self.ivf, self.float16)

    def build(self) -> None:
        vectors = self.search.vectors
        chosen = np.random.default_rng(0).permutation(len(vectors))[:TRAINED]
        self.index.train(unit(vectors[np.sort(chosen)]))
        for start in range(0, len(vectors), ADDED):
            self.index.add(unit(vectors[start : start + ADDED]))

    def assign(self) -> None:
        for start in range(0, len(self.search.vectors), ADDED):
            self.quantizer.search(unit(self.search.vectors[start : start + ADDED]), 1)

    def use(self, nprobe: int) -> None:
        self.ivf.nprobe = nprobe

    def find(self, asked: Rows) -> tuple[Rows, NDArray[np.float32]]:
        queries = self.search.vectors[asked]
        directions = unit(queries)
        parts = range(0, len(asked), ASKED)  # more at once is more memory than there is
        found = np.concatenate(
            [self.index.search(directions[at : at + ASKED], K + OVERFETCH)[1] for at in parts]
        )
        cosines = self.search.cosines(queries, found)
        cosines[(found < 0) | (found == asked[:, None])] = -np.inf
        return best_of(cosines, found, K)


class _Hnsw(_Faiss):
    effort, name = "efSearch", HNSW

    def __init__(self, vectors: NDArray[Any]) -> None:
        _Ours.__init__(self, vectors)
        faiss = load_faiss()
        self.index = faiss.index_factory(vectors.shape[1], HNSW, faiss.METRIC_INNER_PRODUCT)

    def use(self, ef: int) -> None:
        self.index.hnsw.efSearch = ef


def compare(name: str, vectors: NDArray[Any], queries: int) -> str:
    """One set of vectors: a line about the searches and a table of ratios."""
    sample = tuning_sample(len(vectors))
    ours = _Ours(vectors)
    _, exact = exact_neighbours(ours.search, vectors[sample], K, themselves(sample))
    asked = np.random.default_rng(1).permutation(len(vectors))[:queries]
    with threadpool_limits(max(THREADS)):
        built = timed(ours.build)
    most = len(ours.lists)
    nprobe, recall = tune(ours, sample, exact, most)
    lines = [
        f"{len(vectors):,} × {vectors.shape[1]}, {name}, {most:,} lists. "
        f"Ours: nprobe {nprobe}, recall@{K} {recall:.3f}.",
        *("", HEAD, "| --- |" + " ---: |" * 5),
    ]
    for codes in (PQ, RABITQ, HNSW):
        with threadpool_limits(max(THREADS)):
            if codes == HNSW:
                theirs: _Faiss = _Hnsw(vectors)
                once = timed(theirs.build)
            else:
                theirs = _Faiss(vectors, codes, ours.lists.centroids)
                # FAISS finds the list of each row as it adds it: ours is not counted as well.
                once = built - timed(theirs.assign) + timed(theirs.build)
        told = tuned(theirs, sample, exact, most, asked[:TRIED])
        lines += rows_of(told, ours, theirs, np.array([built, once]), asked)
    print("\n".join(lines), flush=True)
    return "\n".join([*lines, ""])


def tuned(theirs: _Faiss, sample: Rows, exact: NDArray[np.float32], lists: int, asked: Rows) -> str:
    """Have FAISS's index give the recall in the least time; what that takes, in words."""
    if isinstance(theirs, _Hnsw):
        effort, recall = tune(theirs, sample, exact, 2048)
        return f"{theirs.name}, {theirs.effort} {effort}, recall@{K} {recall:.3f}"
    tried = []
    for theirs.index.k_factor in K_FACTORS:
        found = tune(theirs, sample, exact, lists)
        took = timed(lambda: theirs.find(asked))[0]
        tried.append((found[1] < RECALL, took, theirs.index.k_factor, *found))
    _, _, theirs.index.k_factor, effort, recall = min(tried)
    theirs.use(effort)
    factor = f"k_factor {theirs.index.k_factor:g}"
    return f"{theirs.name}, {theirs.effort} {effort}, {factor}, recall@{K} {recall:.3f}"


def rows_of(told: str, ours: _Ours, theirs: _Faiss, built: NDArray[Any], asked: Rows) -> list[str]:
    """A row of the table for each number of threads."""
    lines = []
    for threads in THREADS:
        with threadpool_limits(threads):
            for way in (ours, theirs):
                way.find(asked[:64])  # builds what is built once
            rounds = [
                [timed(partial(way.find, asked)) for way in (ours, theirs)] for _ in range(ROUNDS)
            ]
        search = np.array(rounds)  # rounds, ours and FAISS, processor and clock
        # Built with the most threads: the clock of fewer is taken to run in proportion.
        once = built * [1, max(THREADS) / threads]
        total = search * len(ours.search.vectors) / len(asked) + once
        ratios = np.concatenate([each[:, 1] / each[:, 0] for each in (search, total)], axis=1)
        cells = [f"{np.median(each):.2f} ({each.min():.2f}–{each.max():.2f})" for each in ratios.T]
        lines.append(f"| {told} | {threads} | {' | '.join(cells)} |")
    return lines


def tune(way: _Ours, sample: Rows, exact: NDArray[np.float32], most: int) -> tuple[int, float]:
    """The fewest lists that give the recall, and the recall; the most where none does."""
    steps = {factor << bits for factor in (1, 3) for bits in range(2, 20)}
    for nprobe in sorted(step for step in steps if step <= most):
        way.use(nprobe)
        recall = float(recalls_of(*way.find(sample), exact).mean())
        if recall >= RECALL:
            break
    return nprobe, recall


def themselves(asked: Rows) -> Forbidden:
    return lambda queries, rows: rows == asked[queries, None]


def timed(work: Callable[[], Any]) -> NDArray[np.float64]:
    """Seconds of the processor and of the clock."""
    start = np.array([time.process_time(), time.perf_counter()])
    work()
    return np.array([time.process_time(), time.perf_counter()]) - start


def parser() -> argparse.ArgumentParser:
    described = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    described.add_argument("--rows", type=int, default=300_000, help="of made vectors")
    described.add_argument("--dimension", type=int, default=384, help="of made vectors")
    described.add_argument("--vectors", metavar="NAME=FILE", nargs="*", default=[])
    described.add_argument("--queries", type=int, default=32_768)
    described.add_argument("--results", default=RESULTS, help="where search.md goes")
    return described


if __name__ == "__main__":
    main()
