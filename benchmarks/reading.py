"""How fast a catalogue is read, beside pyarrow's own CSV reader over the same file.

    python benchmarks/reading.py [--rows 200000] [--data train.csv] [--repeats 3]

Without --data a demo catalogue of so many rows, with texts as long as the challenge's, is written
as CSV first. Then, in turn and several times over, the file is read by pyarrow (as a stream of
batches in one thread, and whole with all its threads; newlines in values allowed, as catalogues
have them) and by this project (columns found, faults told, rows numbered). Ratios are of the best
times. At last the whole preparation (cleaned texts, keys, checks, kept on disk) is timed in a
process of its own, with its peak memory, and a second start that finds what is kept. Results go to
benchmarks/results/reading.json and reading.md.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pyarrow as pa
from measured import RESULTS, Figure, write_figures
from pyarrow import csv

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import AMAZON2023_COLUMNS, FileData, SplitOptions, TextRecipe
from product_length.catalogue.file_columns import FileColumns
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.reader import read_products
from product_length.demo.generator import DemoGenerator
from product_length.tables.open_table import open_table
from product_length.writing import write_text

STREAM, WHOLE = "pyarrow, as a stream", "pyarrow, whole, all threads"
OURS = "product_length"
_PARSE = csv.ParseOptions(newlines_in_values=True)


def main() -> None:
    options = parser().parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = options.data or write_demo(Path(folder) / "train.csv", options.rows)
        readers = {STREAM: stream, WHOLE: whole, OURS: ours}
        times: dict[str, list[float]] = {name: [] for name in readers}
        for _ in range(options.repeats):
            for name, read in readers.items():
                rows, seconds = timed(read, path)
                times[name].append(seconds)
        best = {name: min(each) for name, each in times.items()}
        cold, memory = apart(prepare, path, Path(folder) / "cache")
        warm, _ = apart(prepare, path, Path(folder) / "cache")
        size = path.stat().st_size
    figures = [Figure(f"{name}, rows/s", rows / best[name], "rows/s", rows) for name in readers]
    figures += [
        Figure("reading, ratio to pyarrow's stream", best[STREAM] / best[OURS], "", rows, 0.8),
        Figure("reading, ratio to pyarrow with all threads", best[WHOLE] / best[OURS], "", rows),
        Figure("size of the file", size / 1e9, "GB", rows),
        Figure("preparation, all of it", cold, "s", rows),
        Figure("preparation, peak memory", memory, "GB", rows),
        Figure("second start", warm, "s", rows),
    ]
    data = "--data FILE" if options.data else f"--rows {options.rows}"
    command = f"python benchmarks/reading.py {data} --repeats {options.repeats}"
    write_figures(options.results / "reading.json", figures, command)
    write_text(options.results / "reading.md", as_markdown(figures))
    print(as_markdown(figures))


def write_demo(path: Path, rows: int) -> Path:
    batches = DemoGenerator(rows=rows, types=12_000, seed=0).batches()
    first = next(batches)
    with csv.CSVWriter(path, first.schema) as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)
    return path


def timed(read: Callable[[Path], int], path: Path) -> tuple[int, float]:
    start = time.perf_counter()
    rows = read(path)
    return rows, time.perf_counter() - start


def stream(path: Path) -> int:
    options = csv.ReadOptions(use_threads=False)
    with csv.open_csv(path, options, _PARSE, texts(path)) as reader:
        return sum(len(batch) for batch in reader)


def whole(path: Path) -> int:
    return len(csv.read_csv(path, parse_options=_PARSE, convert_options=texts(path)))


def texts(path: Path) -> csv.ConvertOptions:
    """Every column as text, as this project reads it: pyarrow need not guess, nor parse numbers."""
    with csv.open_csv(path, parse_options=_PARSE) as reader:
        names = reader.schema.names
    return csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))


def ours(path: Path) -> int:
    return sum(
        len(batch.rows)
        for batch in read_products(open_table(path), FileColumns.of(AMAZON2023_COLUMNS))
    )


def prepare(path: Path, cache: Path) -> tuple[float, float]:
    """Seconds until the catalogue is open, and the process's peak memory in GB."""
    start = time.perf_counter()
    recipe = TextRecipe(fields=["title", "bullet_points", "description"])
    data = FileData(
        source="file",
        path=path,
        columns=AMAZON2023_COLUMNS,
        unit="hundredth_inch",
        text=recipe,
        split=SplitOptions(),
    )
    open_catalogue(data, ArtefactStore(cache))
    seconds = time.perf_counter() - start
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def apart(
    function: Callable[[Path, Path], tuple[float, float]], *arguments: Path
) -> tuple[float, float]:
    """Call it in a process of its own, so that memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def as_markdown(figures: list[Figure]) -> str:
    lines = ["| reading a catalogue | rows | measured | at least |", "| --- | ---: | ---: | ---: |"]
    for each in figures:
        floor = "" if each.floor is None else f"{each.floor:g}"
        value = f"{each.value:,.0f}" if each.value >= 1000 else f"{each.value:.3g}"
        lines.append(f"| {each.name} | {each.rows:,} | {value} {each.unit} | {floor} |")
    return "\n".join(lines) + "\n"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--rows", type=int, default=200_000)
    made.add_argument("--data", type=Path, help="a catalogue of the challenge's columns instead")
    made.add_argument("--repeats", type=int, default=3)
    made.add_argument("--folder", type=Path, help="where the file and the cache are kept meanwhile")
    made.add_argument("--results", type=Path, default=RESULTS)
    return made


if __name__ == "__main__":
    main()
