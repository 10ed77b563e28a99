"""How fast a folder of parts is predicted: as one file, part after part, and on a local Ray.

    python benchmarks/predicting_parts.py [--rows 100000] [--parts 8] [--workers 2]

An LSA recipe of the demo catalogue predicts Parquet parts of other products of it. The ways take
turns, each as a whole command with an empty cache; the best round of each counts. What a command
costs beside its rows is measured on a folder with one part of 50 rows, and taken off for the rate
of rows. Results go to benchmarks/results/predicting_parts.json and .md.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measured import RESULTS, Figure, machine, write_figures

from product_length.demo.generator import DemoGenerator
from product_length.writing import write_text

TRAINED = "data=demo embeddings=lsa features=types loss=histogram tracking=none"
TRAINED += " trainer.max_epochs=3 trainer.progress=false evaluation.baselines=false"
ONE_FILE = "one file"
_FEW = 50


def main() -> None:
    options = parser().parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        figures = measure(folder, options)
    command = f"python benchmarks/predicting_parts.py --rows {options.rows}"
    command += f" --parts {options.parts} --rounds {options.rounds} --workers {options.workers}"
    path = options.results / "predicting_parts.json"
    write_figures(path, figures, command)
    write_text(path.with_suffix(".md"), table(figures))
    print(table(figures))


def measure(folder: Path, options: argparse.Namespace) -> list[Figure]:
    """Seconds of each way, and what comes of them."""
    train(folder, options.trained_rows)
    write_parts(folder / "parts", options.rows, options.parts)
    write_parts(folder / "few", _FEW, 1)
    ways = {
        ONE_FILE: ["output=one.parquet"],
        "part after part": ["output=local"],
        f"Ray, {options.workers} workers": [
            "output=ray",
            "engine=ray",
            f"workers={options.workers}",
        ],
    }
    best = dict.fromkeys(ways, np.inf)
    fixed = dict(best)
    for number in range(options.rounds):
        for name, words in ways.items():
            alone = [*words[:-1], "workers=1"] if "engine=ray" in words else words
            fixed[name] = min(fixed[name], seconds(folder, "few", alone))
            best[name] = min(best[name], seconds(folder, "parts", words))
            print(f"[{number + 1}/{options.rounds}] {name}: {best[name]:.1f} s", flush=True)
    return figures_of(best, fixed, difference(folder), options.rows)


def figures_of(
    best: Mapping[str, float], fixed: Mapping[str, float], differs: float, rows: int
) -> list[Figure]:
    """All figures: of each way its rate, of those with parts its ratio to one file."""
    rates = {name: rows / max(best[name] - fixed[name], 1e-9) for name in best}
    found = []
    for name in best:
        found.append(Figure(f"rows/s: {name}", rates[name], "rows/s", rows))
        found.append(Figure(f"whole command: {name}", best[name], "s", rows))
        found.append(Figure(f"beside the rows: {name}", fixed[name], "s", _FEW))
        if name != ONE_FILE:
            ratio = rates[name] / rates[ONE_FILE]
            found.append(Figure(f"rate, ratio to one file: {name}", ratio, "", rows))
    found.append(Figure("greatest difference to one file, relative", differs, "", rows))
    found.append(Figure("other work: load average after", os.getloadavg()[0], "processes", rows))
    return found


def train(folder: Path, rows: int) -> None:
    words = [*TRAINED.split(), f"data.rows={rows}", "hydra.run.dir=RUN", "cache_dir=trained"]
    subprocess.run([sys.executable, "-m", "product_length.train", *words], cwd=folder, check=True)


def write_parts(folder: Path, rows: int, parts: int) -> None:
    """Products unlike those of training, in parts of equal size."""
    made = pa.Table.from_batches(DemoGenerator(rows=max(rows, 200), types=200, seed=99).batches())
    made = made.drop_columns(["PRODUCT_LENGTH"]).slice(0, rows)
    folder.mkdir()
    edges = [rows * number // parts for number in range(parts + 1)]
    for number in range(parts):
        part = made.slice(edges[number], edges[number + 1] - edges[number])
        pq.write_table(part, folder / f"part-{number:05}.parquet")


def seconds(folder: Path, data: str, words: Sequence[str]) -> float:
    """Wall time of a command that finds nothing in its cache and no output."""
    for each in (folder / "cache", folder / "local", folder / "ray"):
        shutil.rmtree(each, ignore_errors=True)
    given = ["checkpoint=RUN", f"data.path={data}", "cache_dir=cache", "device=cpu", *words]
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "product_length.predict", *given],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    took = time.perf_counter() - began
    if data == "parts" and (made := words[0].partition("=")[2]) in ("local", "ray"):
        shutil.rmtree(folder / f"kept-{made}", ignore_errors=True)
        shutil.copytree(folder / made, folder / f"kept-{made}")
    return took


def difference(folder: Path) -> float:
    """The greatest relative difference of a length in parts to that in one file."""
    one = lengths_of([folder / "one.parquet"])
    others = (sorted((folder / f"kept-{made}").glob("*.parquet")) for made in ("local", "ray"))
    return max(float(np.abs(lengths_of(each) / one - 1).max()) for each in others)


def lengths_of(files: Sequence[Path]) -> np.ndarray:
    tables = [pq.read_table(path, columns=["PRODUCT_LENGTH"]) for path in files]
    return pa.concat_tables(tables)["PRODUCT_LENGTH"].to_numpy()


def table(figures: Sequence[Figure]) -> str:
    lines = [f"On {machine()}:", "", "| measured | rows | |", "| --- | ---: | ---: |"]
    for each in figures:
        value = f"{each.value:.3g}" if each.value < 1000 else f"{each.value:,.0f}"
        lines.append(f"| {each.name} | {each.rows:,} | {value} {each.unit} |")
    return "\n".join(lines) + "\n"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--rows", type=int, default=100_000)
    made.add_argument("--parts", type=int, default=8)
    made.add_argument("--workers", type=int, default=2, help="of Ray")
    made.add_argument("--rounds", type=int, default=2)
    made.add_argument("--trained-rows", type=int, default=8000)
    made.add_argument("--results", type=Path, default=RESULTS, help="where table and figures go")
    return made


if __name__ == "__main__":
    main()
