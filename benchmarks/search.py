"""The search in IVF lists of `product_length.search` against FAISS's own, side by side.

    python benchmarks/search.py [--rows 300000] [--vectors NAME=array.npy ...] [--queries 32768]

Both find the 20 nearest of the same rows among all, themselves left out, with the fewest lists that
give recall@20 0.95 on 1,000 rows, and score their last 32 candidates again in float64. FAISS's is
IVF with fast scan over a 4-bit product quantiser of residuals, refined on float16, with the
overfetch (k_factor) that is fastest; it is given the centroids of ours. Rounds alternate in one
process, and only ratios are told: FAISS's time to ours, the median of the rounds and their range.
The total counts building, measured once, and every row as a query. Writes
benchmarks/results/search.md.
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
from product_length.search.tuning import exact_cosines, recalls_of, tuning_sample
from product_length.search.vectors import load_faiss, unit
from product_length.writing import write_text

K, RECALL = 20, 0.95
CODES, K_FACTORS = "PQ{}x4fsr", (2, 4, 8)  # half as many quantisers as dimensions
THREADS, ROUNDS = (1, 2), 3
TRIED = 4096  # queries that tell which overfetch is fastest
ADDED = 16_384
TRAINED = 50_000  # rows that FAISS's codes are trained on
HEAD = "| threads | search, processor | search, clock | total, processor | total, clock |"


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
    def __init__(self, vectors: NDArray[Any], centroids: NDArray[np.float32]) -> None:
        super().__init__(vectors)  # scores the candidates
        faiss, (lists, dimension) = load_faiss(), centroids.shape
        self.quantizer = faiss.IndexFlatIP(dimension)
        self.quantizer.add(centroids)
        codes = CODES.format(dimension // 2)
        self.ivf, self.float16 = (
            faiss.index_factory(dimension, kind, faiss.METRIC_INNER_PRODUCT)
            for kind in (f"IVF{lists},{codes}", "SQfp16")
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
        _, found = self.index.search(unit(queries), K + OVERFETCH)
        cosines = self.search.cosines(queries, found)
        cosines[(found < 0) | (found == asked[:, None])] = -np.inf
        return best_of(cosines, found, K)


def compare(name: str, vectors: NDArray[Any], queries: int) -> str:
    """One set of vectors: a line about both searches and a table of ratios."""
    sample = tuning_sample(len(vectors))
    ours = _Ours(vectors)
    exact = exact_cosines(ours.search, vectors[sample], K, themselves(sample))
    asked = np.random.default_rng(1).permutation(len(vectors))[:queries]
    with threadpool_limits(max(THREADS)):
        built = [timed(ours.build)]
        faiss = _Faiss(vectors, ours.lists.centroids)
        # FAISS finds the list of each row as it adds it: ours is not counted as well.
        built.append(built[0] - timed(faiss.assign) + timed(faiss.build))
    most = len(ours.lists)
    nprobe, recall = tune(ours, sample, exact, most)
    tried = []
    for faiss.index.k_factor in K_FACTORS:
        found = tune(faiss, sample, exact, min(most, 2 * nprobe))
        took = timed(lambda: faiss.find(asked[:TRIED]))[0]
        tried.append((found[1] < RECALL, took, faiss.index.k_factor, *found))
    _, _, faiss.index.k_factor, *theirs = min(tried)
    faiss.use(theirs[0])
    lines = [
        f"{len(vectors):,} × {vectors.shape[1]}, {name}, {most:,} lists. Ours: nprobe {nprobe}, "
        f"recall@{K} {recall:.3f}. FAISS: {CODES.format(vectors.shape[1] // 2)}, nprobe "
        f"{theirs[0]}, k_factor {faiss.index.k_factor:g}, recall@{K} {theirs[1]:.3f}; "
        f"building takes it {built[1][0] / built[0][0]:.2f} times as long (processor).",
        *("", HEAD, "| ---: " * 5 + "|"),
    ]
    for threads in THREADS:
        with threadpool_limits(threads):
            for way in (ours, faiss):
                way.find(asked[:64])  # builds what is built once
            rounds = [
                [timed(partial(way.find, asked)) for way in (ours, faiss)] for _ in range(ROUNDS)
            ]
        search = np.array(rounds)  # rounds, ours and FAISS, processor and clock
        # Built with the most threads: the clock of fewer is taken to run in proportion.
        once = np.array(built) * [1, max(THREADS) / threads]
        total = search * len(vectors) / len(asked) + once
        ratios = np.concatenate([each[:, 1] / each[:, 0] for each in (search, total)], axis=1)
        told = [f"{np.median(each):.2f} ({each.min():.2f}–{each.max():.2f})" for each in ratios.T]
        lines.append(f"| {threads} | {' | '.join(told)} |")
    print("\n".join(lines), flush=True)
    return "\n".join([*lines, ""])


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
