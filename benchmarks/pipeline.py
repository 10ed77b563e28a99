"""The whole way at growing sizes, from a catalogue file to a submission: time and memory.

    python benchmarks/pipeline.py [--rows 10000,100000,2249698] [--minilm FOLDER] [--texts 5000]

For each size a demo catalogue is written as CSV, with a second file of a third as many products to
predict, as in the challenge (2,249,698 and 734,736). Then, each in a process of its own whose peak
memory is noted (mapped files included):

- `product_length.train` with LSA embeddings (a process for each core), 20 neighbours and one epoch.
  Its report tells how long it read, embedded, looked for neighbours, trained, and judged beside the
  baselines.
- `product_length.predict`, from nothing and once more with the texts encoded.

With --minilm, a folder of all-MiniLM-L6-v2, so many texts are also predicted with that encoder: the
share of the time that goes without encoded texts in the cache is the share of the encoder. Results
go to benchmarks/results/pipeline.json and pipeline.md, where those of other sizes stay, the picture
to docs/pipeline.png.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from measured import RESULTS, Figure, add_figures
from pyarrow import csv

from product_length.demo.generator import DemoGenerator
from product_length.evaluation.report import load_report
from product_length.writing import write_text, write_whole

PICTURE = Path(__file__).parent.parent / "docs" / "pipeline.png"
TRAIN_ROWS, TEST_ROWS = 2_249_698, 734_736
LENGTH = "PRODUCT_LENGTH"
# The report's timings and what they stand for.
STAGES = {
    "read": "reading",
    "embed": "LSA",
    "features": "neighbours",
    "train": "one epoch",
    "evaluate": "judging",
}
ENCODER_SHARE = 0.9
Run = tuple[float, float]


def main() -> None:
    options = parser().parse_args()
    figures: list[Figure] = []
    for rows in options.rows:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            figures += measure(Path(folder), rows, options.types, "lsa")
        print(as_markdown(figures), flush=True)
    if options.minilm:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            words = ["minilm", f"embeddings.encoders.minilm.model={options.minilm}"]
            figures += encoder_share(Path(folder), options.texts, words)
    command = f"python benchmarks/pipeline.py --rows {','.join(map(str, options.rows))}"
    command += f" --minilm FOLDER --texts {options.texts}" if options.minilm else ""
    figures = add_figures(options.results / "pipeline.json", figures, command)
    write_text(options.results / "pipeline.md", as_markdown(figures))
    write_whole(options.picture, lambda path: draw(figures, path))
    print(as_markdown(figures))


def measure(folder: Path, rows: int, types: int, encoder: str) -> list[Figure]:
    """Train on so many rows and predict a third as many."""
    predicted = max(1, round(rows * TEST_ROWS / TRAIN_ROWS))
    write_demo(folder, rows, predicted, types)
    workers = os.cpu_count() or 1
    trained, memory = train(folder, [encoder, f"embeddings.workers={workers}"])
    stages = load_report(folder / "run").timings
    figures = [Figure(words, stages[stage], "s", rows) for stage, words in STAGES.items()]
    figures += [
        Figure("training run, all of it", trained, "s", rows),
        Figure("training run, peak memory", memory, "GB", rows),
    ]
    for name in ("prediction", "prediction, texts encoded"):
        seconds, memory = predict(folder, f"workers={workers}")
        figures += [
            Figure(name, seconds, "s", predicted),
            Figure(f"{name}: rate", predicted / seconds, "rows/s", predicted),
            Figure(f"{name}: peak memory", memory, "GB", predicted),
        ]
    return figures


def encoder_share(folder: Path, texts: int, words: list[str]) -> list[Figure]:
    """The share of a prediction from nothing that the encoder takes."""
    write_demo(folder, 1000, texts, 100)
    train(folder, words)
    without, _ = predict(folder)
    encoded, _ = predict(folder)
    share = 1 - encoded / without
    return [
        Figure("MiniLM, prediction", without, "s", texts),
        Figure("MiniLM, prediction, texts encoded", encoded, "s", texts),
        Figure("MiniLM, prediction: share of the encoder", share, "", texts, ENCODER_SHARE),
    ]


def write_demo(folder: Path, rows: int, predicted: int, types: int) -> None:
    """Write train.csv and test.csv, the latter without lengths, of one generated catalogue."""
    batches = DemoGenerator(rows=rows + predicted, types=types, seed=0).batches()
    first = next(batches)
    unlabelled = first.drop_columns([LENGTH]).schema
    with (
        csv.CSVWriter(folder / "train.csv", first.schema) as train_file,
        csv.CSVWriter(folder / "test.csv", unlabelled) as test_file,
    ):
        done = 0
        for batch in chained(first, batches):
            mine = max(0, min(rows - done, len(batch)))
            train_file.write_batch(batch.slice(0, mine))
            test_file.write_batch(batch.slice(mine).drop_columns([LENGTH]))
            done += len(batch)


def chained(first: pa.RecordBatch, others: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from others


def train(folder: Path, embeddings: list[str]) -> Run:
    return run(
        "train",
        "data=amazon2023",
        f"data.path={folder / 'train.csv'}",
        f"embeddings={embeddings[0]}",
        *embeddings[1:],
        "features=knn",
        "trainer.max_epochs=1",
        "tracking=none",
        f"cache_dir={folder / 'cache'}",
        f"hydra.run.dir={folder / 'run'}",
    )


def predict(folder: Path, *words: str) -> Run:
    return run(
        "predict",
        f"checkpoint={folder / 'run' / 'checkpoints' / 'best.ckpt'}",
        f"data.path={folder / 'test.csv'}",
        f"output={folder / 'submission.csv'}",
        *words,
        f"cache_dir={folder / 'cache'}",
    )


def run(verb: str, *words: str) -> Run:
    """Run a command: seconds and its peak memory in GB."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", f"product_length.{verb}", *words])
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        sys.exit(f"product_length.{verb} failed")
    return seconds, usage.ru_maxrss / 2**20


def as_markdown(figures: list[Figure]) -> str:
    """One line a size: the training run, then the prediction."""
    sizes = sorted({each.rows for each in figures if each.name == STAGES["read"]})
    names = [*STAGES.values(), "training run, all of it", "training run, peak memory"]
    lines = [
        f"| rows | {' | '.join(STAGES.values())} | whole run | peak memory |",
        "| ---: |" + " ---: |" * (len(STAGES) + 2),
    ]
    lines += [line_of(figures, rows, names) for rows in sizes]
    lines += [
        "",
        "| rows predicted | from nothing | texts encoded | rate, texts encoded | peak memory |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    names = ["prediction", "prediction, texts encoded"]
    names += ["prediction, texts encoded: rate", "prediction: peak memory"]
    sizes = sorted({each.rows for each in figures if each.name == names[0]})
    lines += [line_of(figures, rows, names) for rows in sizes]
    shares = [each for each in figures if "share" in each.name]
    for each in shares:
        lines += [
            "",
            f"{each.rows:,} texts predicted with MiniLM and an empty cache: {each.value:.0%} of "
            f"the time is the encoder's, where at least {ENCODER_SHARE:.0%} is asked for.",
        ]
    return "\n".join(lines) + "\n"


def line_of(figures: list[Figure], rows: int, names: list[str]) -> str:
    return f"| {rows:,} |" + "".join(f" {shown(figures, name, rows)} |" for name in names)


def shown(figures: list[Figure], name: str, rows: int) -> str:
    each = next(each for each in figures if (each.name, each.rows) == (name, rows))
    value = f"{each.value:,.0f}" if each.value >= 100 else f"{each.value:.3g}"
    return f"{value} {each.unit}"


def draw(figures: list[Figure], path: Path) -> None:
    """Seconds of each stage against rows."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(7.2, 4.4), dpi=150, layout="constrained", facecolor="white")
    FigureCanvasAgg(drawing)
    axes = drawing.subplots()
    colours = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"]
    names = [*STAGES.values(), "prediction, texts encoded"]
    for name, colour in zip(names, colours, strict=True):
        drawn = sorted((each.rows, each.value) for each in figures if each.name == name)
        rows, seconds = zip(*drawn, strict=True)
        style = "s--" if name.startswith("prediction") else "o-"
        axes.plot(rows, seconds, style, color=colour, label=name, markersize=4)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("rows")
    axes.set_ylabel("seconds")
    axes.grid(visible=True, color="#e4e6e8", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("Cost of each stage against rows", loc="left")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    drawing.savefig(path, format="png")


def sizes(words: str) -> list[int]:
    return [int(rows) for rows in words.split(",")]


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--rows", type=sizes, default=[10_000, 100_000], help="sizes, with commas")
    made.add_argument("--types", type=int, default=12_000, help="product types of the catalogue")
    made.add_argument("--minilm", metavar="FOLDER", help="also predict with this encoder")
    made.add_argument("--texts", type=int, default=5000, help="how many with that encoder")
    made.add_argument("--folder", type=Path, help="where files and caches are kept meanwhile")
    made.add_argument("--results", type=Path, default=RESULTS)
    made.add_argument("--picture", type=Path, default=PICTURE)
    return made


if __name__ == "__main__":
    main()
