"""How long neighbours take to find, exactly and in IVF lists, and how many of them are found.

    python benchmarks/neighbours.py [--rows 10000,100000,1000000] [--dimension 384] [--threads 1]

For each size, float16 unit vectors are made that resemble sentence embeddings (`catalogue_like`),
and the 20 nearest of each are searched among all, itself excluded: exactly, and in IVF lists tuned
to recall@20 0.95. The time in lists counts making and tuning them. Where the whole search
would take long, blocks of it are timed, and the whole is *estimated*: time per query times rows.
Where there is a GPU, the exact search is its own, of all rows.
Recall is measured on 1,000 rows other than those the tuning looked at. Memory is the most that a
process which makes the vectors and searches one way has held. `--lsa 300000` also measures LSA's
vectors of so many texts of the demo catalogue, `--vectors array.npy` others, float16 (rows, d).
Results go to benchmarks/results/neighbours.json and .md, the picture to docs/neighbours.png.

    python benchmarks/neighbours.py --rows 300000 --lsa 300000 --against ../before

measures the approximate search alone, in turns with that of another checkout of the project, each
in a process of its own; neighbours_against.json and .md take the ratios.
"""

import argparse
import json
import multiprocessing
import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from measured import RESULTS, machine
from neighbours_page import RECALL, K, Measured, as_markdown, draw, entries_of, line_of
from numpy.typing import NDArray

from product_length.features.neighbours.index import NeighbourIndex
from product_length.search.tuning import tuning_sample
from product_length.writing import write_text, write_whole

PICTURE = Path(__file__).parent.parent / "docs" / "neighbours.png"
TYPES, FITTED = 12_907, 20_000  # of the demo catalogue; texts that LSA is fitted on
JUDGED = 1000  # rows that tell the recall
MADE = 8192  # vectors made at a time
BLOCK = {"exact": 8192, "approximate": 65_536}  # queries of one call, as in a run
# Pairs of query and row that are timed; where the whole has more, it is estimated.
TIMED = {"exact": 4e9, "approximate": 4e10}


def catalogue_like(rows: int, dimension: int, seed: int = 0) -> NDArray[np.float16]:
    """Unit vectors float16 (rows, dimension) in clusters of very different sizes.

    The sum of a direction common to all, one of √rows topics (Zipf sizes), one of rows / 10
    families (Pareto sizes) and noise of varying strength, each Gaussian with deviations that fall
    as i^-0.35 over the axes. Weights were chosen to agree with all-MiniLM-L6-v2 on 7,150 texts of
    the challenge: mean cosine to the 1st, 5th and 20th neighbour 0.59, 0.52, 0.45 (there 0.60,
    0.52, 0.45), of random pairs 0.11 (0.11), and the recall that probing a given share of lists
    gives, 0.957 at 9.5% (0.950).
    """
    rng = np.random.default_rng(seed)
    spectrum = np.arange(1, dimension + 1) ** -0.35
    spectrum = (spectrum / np.linalg.norm(spectrum)).astype(np.float32)

    def gaussian(count: int) -> NDArray[np.float32]:
        return rng.standard_normal((count, dimension), dtype=np.float32) * spectrum

    common = rng.normal(size=dimension)
    common = (0.33 * common / np.linalg.norm(common)).astype(np.float32)
    topics = gaussian(max(1, int(rows**0.5)))
    families = max(1, rows // 10)
    topic_sizes = np.arange(1, len(topics) + 1) ** -0.7
    topic = rng.choice(len(topics), families, p=topic_sizes / topic_sizes.sum())
    family_sizes = rng.pareto(1.2, families) + 0.2
    centres = 0.35 * topics[topic] + 0.5 * gaussian(families)
    family = rng.choice(families, rows, p=family_sizes / family_sizes.sum())
    vectors = np.empty((rows, dimension), dtype=np.float16)
    for start in range(0, rows, MADE):
        own = family[start : start + MADE]
        noise = 0.8 * rng.lognormal(0, 0.35, (len(own), 1)).astype(np.float32)
        made = common + centres[own] + noise * gaussian(len(own))
        vectors[start : start + MADE] = made / np.linalg.norm(made, axis=1, keepdims=True)
    return vectors


def lsa_of_demo(rows: int) -> NDArray[np.float16]:
    """LSA's vectors of the texts of the demo catalogue, float16 (rows, 256)."""
    from product_length.demo import DemoGenerator
    from product_length.embeddings.config import LsaOptions
    from product_length.embeddings.lsa import LsaEncoder

    columns = ("TITLE", "BULLET_POINTS", "DESCRIPTION")
    texts: list[str] = []
    for batch in DemoGenerator(rows, TYPES, seed=0).batches():
        parts = [batch.column(name).to_pylist() for name in columns]
        texts += [" ".join(filter(None, each)) for each in zip(*parts, strict=True)]
    encoder = LsaEncoder.fit("lsa", LsaOptions(kind="lsa"), texts[:FITTED])
    made = [encoder.encode(texts[start : start + MADE]) for start in range(0, rows, MADE)]
    return np.concatenate(made)


def main() -> None:
    options = parser().parse_args()
    words = f"--rows {options.rows} --dimension {options.dimension} --threads {options.threads}"
    words += f" --lsa {options.lsa}" if options.lsa else ""
    words += " --vectors ARRAY" if options.vectors else ""
    with TemporaryDirectory() as folder:
        sources: list[Any] = [int(rows) for rows in options.rows.split(",")]
        if options.lsa:
            sources.append(str(Path(folder) / "LSA.npy"))
            np.save(sources[-1], lsa_of_demo(options.lsa))
        sources += [options.vectors] if options.vectors else []
        if options.against:
            words += f" --rounds {options.rounds} --against OTHER"
            publish_against(options, sources, f"python benchmarks/neighbours.py {words}")
        else:
            publish(options, sources, f"python benchmarks/neighbours.py {words}")


def publish(options: argparse.Namespace, sources: list[Any], command: str) -> None:
    """Measure both ways; write the figures and draw the curve."""
    measured = []
    for source in sources:
        pair = {
            how: apart(measure, how, source, options.dimension, options.threads) for how in TIMED
        }
        measured.append({"of": name_of(source), **compare(**pair)})
        print(line_of(measured[-1]), flush=True)
    entries = entries_of(measured, command, machine())
    text = json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
    write_text(Path(options.results) / "neighbours.json", text)
    write_text(Path(options.results) / "neighbours.md", as_markdown(measured, options.threads))
    made = [each for each in measured if not each["of"]]
    write_whole(Path(options.picture), lambda path: draw(made, options.threads, path))


def name_of(source: int | str) -> str:
    """What others than made vectors are called, behind their number."""
    return f" ({Path(source).stem})" if isinstance(source, str) else ""


def publish_against(options: argparse.Namespace, sources: list[Any], command: str) -> None:
    """Measure in turns with another checkout; write the ratios."""
    from neighbours_against import against, as_markdown

    compared = against(options.against, sources, options.dimension, options.threads, options.rounds)
    told = {"command": command, "machine": machine(), "compared": compared}
    results = Path(options.results)
    write_text(results / "neighbours_against.json", json.dumps(told, indent=2) + "\n")
    write_text(results / "neighbours_against.md", as_markdown(compared))


def apart(function: Any, *arguments: Any) -> Measured:
    """Call it in a process of its own, so that memory is its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        found: Measured = pool.submit(function, *arguments).result()
    return found


def measure(how: str, source: int | str, dimension: int, threads: int) -> Measured:
    """Search one way: seconds to prepare and for the whole search, neighbours of judged rows."""
    import torch  # noqa: F401  # before the clock runs
    from threadpoolctl import threadpool_limits

    from product_length.search import vectors as package

    package.load_faiss()
    # An older checkout that is measured with --against has another name for it.
    on_gpu = how == "exact" and package.searches_on_a_gpu()
    with threadpool_limits(threads):
        vectors = catalogue_like(source, dimension) if isinstance(source, int) else np.load(source)
        rows = len(vectors)
        ones = np.ones(rows, np.float32)
        numbers = np.arange(rows)
        index = NeighbourIndex.build(vectors, numbers, ones, [""] * rows, numbers.astype(np.uint64))
        start, cpu = time.perf_counter(), time.process_time()
        facts = index.tune(K, RECALL) if how == "approximate" else {"kind": "exact"}
        index.search(vectors[:1], K)  # builds what is built once
        prepared = time.perf_counter() - start
        processor = time.process_time() - cpu

        # Whole blocks from all over, as many as the time allows.
        starts = np.arange(0, rows, BLOCK[how])
        allowed = len(starts) if on_gpu else max(1, round(TIMED[how] / rows / BLOCK[how]))
        chosen = starts[np.unique(np.linspace(0, len(starts) - 1, allowed).astype(int))]
        start, cpu, queries = time.perf_counter(), time.process_time(), 0
        for first in chosen:
            block = numbers[first : first + BLOCK[how]]
            index.search(vectors[block], K, exclude_rows=block)
            queries += len(block)
        searched = (time.perf_counter() - start) / queries * rows
        processor += (time.process_time() - cpu) / queries * rows

        judged = judged_rows(rows)
        found = index.search(vectors[judged], K, exclude_rows=judged)
    return {
        "rows": rows,
        "on_gpu": on_gpu,
        "seconds": prepared + searched,
        "prepared": prepared,
        "processor": processor,
        "estimated": queries < rows,
        "facts": facts,
        "found": found.rows,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    }


def judged_rows(rows: int) -> NDArray[np.int64]:
    """Rows by which the recall is told: not those of the tuning, if there are others."""
    pool = np.setdiff1d(np.arange(rows), tuning_sample(rows))
    pool = pool if len(pool) else np.arange(rows)
    return np.sort(np.random.default_rng(1).permutation(pool)[:JUDGED])


def compare(exact: Measured, approximate: Measured) -> Measured:
    pairs = zip(exact["found"], approximate["found"], strict=True)
    shared = [
        len(set(one[one >= 0]) & set(other)) / max(1, (one >= 0).sum()) for one, other in pairs
    ]
    return {
        "rows": exact["rows"],
        "on_gpu": exact["on_gpu"],
        "exact": exact["seconds"],
        "exact_estimated": exact["estimated"],
        "approximate": approximate["seconds"],
        "approximate_estimated": approximate["estimated"],
        "prepared": approximate["prepared"],
        "ratio": exact["seconds"] / approximate["seconds"],
        "recall": float(np.mean(shared)),
        "facts": approximate["facts"],
        "memory_exact": exact["memory"],
        "memory": approximate["memory"],
    }


def parser() -> argparse.ArgumentParser:
    described = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    described.add_argument("--rows", default="10000,100000,1000000", help="sizes, with commas")
    described.add_argument("--dimension", type=int, default=384)
    described.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    described.add_argument("--lsa", type=int, help="so many LSA vectors are measured as well")
    described.add_argument("--vectors", metavar="FILE", help="other vectors to measure as well")
    described.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout")
    described.add_argument("--rounds", type=int, default=1, help="turns of each, with --against")
    described.add_argument("--results", default=RESULTS, help="where neighbours.json and .md go")
    described.add_argument("--picture", default=PICTURE, help="where the curve goes")
    return described


if __name__ == "__main__":
    main()
