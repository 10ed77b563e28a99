"""What a GPU makes of it, in at most eight minutes; each figure is written as soon as it is there.

    python benchmarks/gpu.py [--minilm FOLDER] [--minutes 8] [--small]

In this order, each step in what time is left, and nothing is installed for it:

1. the tests that need a GPU;
2. MiniLM: tokens/s, and their share of the rate at which the card multiplies float16 matrices;
3. exact neighbours of 2.25 million × 384, by FAISS where it has the GPU, else by torch: blocks of
   queries are timed, the whole is *estimated*;
4. the reference's setting (1.85 million rows, 2048 + 128 + 32 inputs, 4.1 million parameters) on
   data that lies on the card: seconds an epoch of batches of 512 and 4096 by the project's own fit
   and by a bare loop, as it is, with torch.compile, and with CUDA graphs beside it;
5. `experiment=best` on demo products, rows/s.

Without a GPU, --small runs the same steps on the CPU at a size that takes a minute or two, to see
that they run: such figures say nothing of a GPU. A step that fails says why, and the next one
follows. Results go to benchmarks/results/gpu.json and gpu.md.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from measured import RESULTS, Figure, machine, write_figures
from training_passes import Setting, bare, lightning, random_inputs, synchronize

from product_length.evaluation.report import load_report
from product_length.writing import write_text

ROOT = Path(__file__).resolve().parents[1]
K = 20
TESTS_S = 120  # at most


@dataclass(frozen=True)
class Size:
    """How much is measured: all of it, or enough to see that it runs."""

    texts: int
    rows: int  # that neighbours are searched among
    queries: int
    reference_rows: int
    dimension: int
    hidden: tuple[int, ...]
    demo_rows: int


FULL = Size(20_000, 2_250_000, 65_536, 1_850_000, 2048, (1024, 1024, 512, 256), 200_000)
SMALL = Size(60, 5_000, 1_024, 3_000, 64, (32, 16), 600)


class Clock:
    """What is left of the time that all steps share."""

    def __init__(self, minutes: float) -> None:
        self._end = time.monotonic() + 60 * minutes

    @property
    def left(self) -> float:
        """Seconds."""
        return self._end - time.monotonic()


def main() -> int:
    options = parser().parse_args()
    if not (torch.cuda.is_available() or options.small):
        print("no GPU here: nothing is measured (--small runs it on the CPU)", file=sys.stderr)
        return 2
    size, clock = SMALL if options.small else FULL, Clock(options.minutes)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    steps: dict[str, Callable[[], Iterator[Figure]]] = {
        "tests that need a GPU": lambda: gpu_tests(clock),
        "MiniLM": lambda: encoding(options.minilm, size),
        "exact neighbours": lambda: neighbours(size, device),
        "the reference's setting": lambda: reference(size, device, clock),
        "experiment=best": lambda: best(size, device, clock),
    }
    figures: list[Figure] = []
    notes: dict[str, str] = {}
    for name, step in steps.items():
        if clock.left < 10:
            notes[name] = "not run: no time was left"
        else:
            notes[name] = run(step, figures, lambda: write(options, figures, notes))
        print(f"{name}: {notes[name]}", flush=True)
        write(options, figures, notes)
    return 0


def run(
    step: Callable[[], Iterator[Figure]], figures: list[Figure], note: Callable[[], None]
) -> str:
    """Have a step add its figures, each written at once; what became of it, in words."""
    started = time.perf_counter()
    try:
        for figure in step():
            figures.append(figure)
            print(f"  {figure.name}: {figure.value:.4g} {figure.unit}", flush=True)
            note()
    except Exception as error:  # the next step may well run
        return f"failed after {time.perf_counter() - started:.0f} s: {error!r:.300}"
    return f"{time.perf_counter() - started:.0f} s"


def write(options: argparse.Namespace, figures: list[Figure], notes: dict[str, str]) -> None:
    words = ["python benchmarks/gpu.py", *(["--small"] if options.small else [])]
    write_figures(options.results / "gpu.json", figures, " ".join(words))
    lines = [
        f"`{' '.join(words)}` on {machine()}:",
        "",
        "| | rows | value |",
        "| --- | ---: | ---: |",
    ]
    lines += [f"| {each.name} | {each.rows:,} | {each.value:.4g} {each.unit} |" for each in figures]
    lines += ["", *(f"- {name}: {said}" for name, said in notes.items())]
    write_text(options.results / "gpu.md", "\n".join(lines) + "\n")


def gpu_tests(clock: Clock) -> Iterator[Figure]:
    """How many of them pass and fail; without a GPU none is run."""
    if not torch.cuda.is_available():
        return
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=min(TESTS_S, clock.left),
    )
    said = (done.stdout.strip() or done.stderr.strip()).splitlines()[-1]
    print(done.stdout[-3000:])
    for word in ("passed", "failed"):
        found = re.search(rf"(\d+) {word}", said)
        yield Figure(f"tests {word}", float(found[1]) if found else 0.0, "", 0)


def encoding(model: str, size: Size) -> Iterator[Figure]:
    """Texts of the demo catalogue, in batches of a budget of tokens; the weights are loaded."""
    from encoding import encoder, note_gpu, read_texts
    from sentence_transformers import SentenceTransformer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    texts, mine = read_texts(None, size.texts), encoder(model, device, "auto")
    mine.encode(texts[:64])
    started = time.perf_counter()
    mine.encode(texts)
    seconds = time.perf_counter() - started
    yield Figure("MiniLM: texts", len(texts) / seconds, "texts/s", len(texts))
    if device == "cuda":
        found: list[Figure] = []

        def note(name: str, value: float, unit: str, floor: float | None = None) -> None:
            found.append(Figure(name.replace("GPU", "MiniLM"), value, unit, len(texts), floor))

        note_gpu(note, SentenceTransformer(model, device=device), texts, seconds)
        yield from found


def neighbours(size: Size, device: torch.device) -> Iterator[Figure]:
    """Blocks of queries against all rows, as a run asks for them."""
    from neighbours import catalogue_like

    from product_length.search.cosine import CosineSearch

    vectors = catalogue_like(size.rows, 384)
    search = CosineSearch(vectors)
    search.search(vectors[:K], K)  # rows are copied to the card by the first search
    kind = type(search._faiss()).__name__
    started = time.perf_counter()
    search.search(vectors[: size.queries], K)
    synchronize(device)
    asked = min(size.queries, size.rows)
    whole = (time.perf_counter() - started) / asked * size.rows
    yield Figure(f"exact neighbours by {kind}, whole, estimated", whole, "s", size.rows)
    yield from peak("exact neighbours", size.rows)


def reference(size: Size, device: torch.device, clock: Clock) -> Iterator[Figure]:
    """Seconds an epoch; a bare loop is timed over some steps, the whole is estimated."""
    on_gpu = device.type == "cuda"
    inputs = random_inputs(size.reference_rows, size.dimension)
    with tempfile.TemporaryDirectory() as folder:
        for batch in (512, 4096):
            setting = Setting(
                batch=batch,
                hidden=list(size.hidden),
                shuffle_mb=1024,
                accelerator="gpu" if on_gpu else "cpu",
                precision="bf16-mixed" if on_gpu else "32-true",
                cold=False,
                memory=inputs,
                file=inputs,
                path=Path(folder) / "none",
            )
            name = f"reference, batch {batch}"
            steps = min(300, -(-setting.rows // batch))
            for kind in ("eager", "compiled", "CUDA graphs"):
                if kind != "eager" and (not on_gpu or clock.left < 60):
                    continue  # compiling takes its time, and a compiler
                bare(setting, steps=5, kind=kind)
                seconds = bare(setting, steps=steps, kind=kind).wall / steps
                whole = seconds * setting.rows / batch
                yield Figure(f"{name}: bare loop, {kind}, an epoch", whole, "s", setting.rows)
                yield Figure(f"{name}: bare loop, {kind}, a step", 1000 * seconds, "ms", batch)
            seconds = lightning(setting, "lightning").wall
            yield Figure(f"{name}: the project's fit, an epoch", seconds, "s", setting.rows)
            yield from peak(name, setting.rows)


def best(size: Size, device: torch.device, clock: Clock) -> Iterator[Figure]:
    """One run of the command; the first epoch warms up."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["experiment=best", f"data.rows={size.demo_rows}", "trainer.max_epochs=3"]
        words += [f"trainer={'gpu' if device.type == 'cuda' else 'cpu'}", "tracking=none"]
        words += ["evaluation.baselines=false", f"cache_dir={folder}/cache"]
        words += [f"hydra.run.dir={folder}/run"]
        subprocess.run(
            [sys.executable, "-m", "product_length.train", *words],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=max(10.0, clock.left),
        )
        report = load_report(Path(folder) / "run")
    rates = [epoch["rows_per_second"] for epoch in report.history[1:]]
    rows = report.data.rows["train"]
    yield Figure("experiment=best: training", float(np.median(rates)), "rows/s", rows)
    for stage in ("embed", "features", "train"):
        yield Figure(f"experiment=best: {stage}", report.timings[stage], "s", rows)


def peak(name: str, rows: int) -> Iterator[Figure]:
    """The most memory of the card that was taken since the last call."""
    if torch.cuda.is_available():
        yield Figure(f"{name}: peak memory", torch.cuda.max_memory_allocated() / 2**30, "GiB", rows)
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.empty_cache()


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--minilm", default="sentence-transformers/all-MiniLM-L6-v2")
    made.add_argument("--minutes", type=float, default=8)
    made.add_argument("--small", action="store_true", help="to see that it runs, without a GPU")
    made.add_argument("--results", type=Path, default=RESULTS)
    return made


if __name__ == "__main__":
    sys.exit(main())
