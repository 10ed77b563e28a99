"""How fast texts become vectors: this project beside `SentenceTransformer.encode`, in one run.

    python benchmarks/encoding.py [--minilm FOLDER] [--texts 600] [--data train.csv]

The same texts, model and max_seq_length; each contestant encodes all of them once a repeat, in
turns, and its best repeat counts. Cosines are to SentenceTransformer.encode in float32. Without
--data the texts are the demo generator's. With --workers 2 also the same texts in chunks by one
process and by so many that share its threads or the GPUs, ready before the clock runs: a row each.
On a GPU also tokens/s, and their share of the rate at
which the card multiplies large float16 matrices. Results go to benchmarks/results/encoding.json
and encoding.md.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from measured import RESULTS, machine
from numpy.typing import NDArray

from product_length.artefacts import ArtefactStore
from product_length.catalogue.prepare import open_catalogue
from product_length.composition import CONF
from product_length.embeddings.config import SentenceTransformerOptions
from product_length.embeddings.engine import deal_devices
from product_length.embeddings.processes import encode_in_processes
from product_length.embeddings.sentence_transformer import SentenceTransformerEncoder
from product_length.experiment import Experiment, from_config
from product_length.writing import write_text

LENGTH = 256
FLOOR, FLOOR_MEAN, FLOOR_LEAST = 1.8, 0.999, 0.99
LIBRARY = "SentenceTransformer.encode"


def main() -> None:
    options = parser().parse_args()
    texts = read_texts(options.data, options.texts)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    library = load_library(options.minilm, device)
    mine = {
        "product_length, float32": encoder(options.minilm, device, "float32"),
        "product_length, auto": encoder(options.minilm, device, "auto"),
    }
    chosen = mine["product_length, auto"].address["precision"]
    contestants: dict[str, Callable[[], NDArray[Any]]] = {LIBRARY: lambda: library.encode(texts)}
    for name, each in mine.items():
        contestants[name] = lambda each=each: each.encode(texts)
    library.encode(texts[:8])
    for each in mine.values():
        each.encode(texts[:8])  # models are loaded before the clock runs
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    # Where other programs run too, what a contestant had of the processor is the fairer measure.
    processor: dict[str, list[float]] = {name: [] for name in contestants}
    vectors = {}
    for repeat in range(options.repeats):
        for name, run in contestants.items():
            started, busy = time.perf_counter(), time.process_time()
            vectors[name] = run()
            processor[name].append(time.process_time() - busy)
            seconds[name].append(time.perf_counter() - started)
            print(f"[{repeat + 1}/{options.repeats}] {name}: {seconds[name][-1]:.1f} s", flush=True)
    best = {name: min(each) for name, each in seconds.items()}
    said = f"--texts {options.texts} --repeats {options.repeats}"
    said += f" --workers {options.workers}" if options.workers > 1 else ""
    common = {
        "rows": len(texts),
        "command": f"python benchmarks/encoding.py {'--data DATA ' if options.data else ''}{said}",
        "machine": machine(),
    }
    records: list[dict[str, Any]] = []

    def note(name: str, value: float | str, unit: str, floor: float | None = None) -> None:
        records.append({"name": name, "value": value, "unit": unit, "floor": floor, **common})

    note("threads", torch.get_num_threads(), "threads")
    note("precision of auto", chosen, "")
    for name in contestants:
        note(name, len(texts) / best[name], "texts/s")
    for name in mine:
        floor = FLOOR if name.endswith("auto") and device == "cpu" else None
        note(f"{name}: ratio", best[LIBRARY] / best[name], "× the library", floor)
        spent = min(processor[LIBRARY]) / min(processor[name])
        note(f"{name}: ratio in processor time", spent, "× the library")
        mean, least = cosines(vectors[name], vectors[LIBRARY])
        note(f"{name}: cosine, mean", mean, "", FLOOR_MEAN)
        note(f"{name}: cosine, least", least, "", FLOOR_LEAST)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kilobytes = peak / 1024 if sys.platform == "darwin" else peak  # macOS counts bytes
    note("peak memory of the whole comparison", kilobytes / 1024, "MB")
    if device == "cuda":
        note_gpu(note, library, texts, best["product_length, auto"])
    else:
        note("GPU: tokens/s and share of the matrix rate", "not run: no GPU", "")
    if options.workers > 1:
        note_workers(note, mine["product_length, auto"], texts, options.workers)
    content = json.dumps(records, indent=2, ensure_ascii=False)
    write_text(options.results / "encoding.json", content + "\n")
    write_text(options.results / "encoding.md", as_markdown(records))
    print(as_markdown(records))


def read_texts(data: str | None, count: int) -> list[str]:
    """Some texts of a catalogue, drawn without replacement, joined as the project joins them."""
    told = ["data=demo", f"data.rows={2 * count}"]
    if data:
        told = ["data=amazon2023", f"data.path={data}"]
    with initialize_config_dir(str(CONF)), tempfile.TemporaryDirectory() as folder:
        experiment = from_config(compose("train", overrides=told), Experiment)
        catalogue = open_catalogue(experiment.data, ArtefactStore(Path(folder)))
        count = min(count, len(catalogue))
        rows = np.random.default_rng(0).choice(len(catalogue), count, replace=False)
        return catalogue.texts_of(np.sort(rows))


def load_library(model: str, device: str) -> Any:
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(model, device=device)
    library.max_seq_length = LENGTH
    return library


def encoder(model: str, device: str, precision: str) -> SentenceTransformerEncoder:
    told = {"kind": "sentence_transformer", "model": model, "max_seq_length": LENGTH}
    told |= {"device": device, "precision": precision}
    return SentenceTransformerEncoder("minilm", SentenceTransformerOptions.model_validate(told))


def cosines(vectors: NDArray[Any], reference: NDArray[Any]) -> tuple[float, float]:
    """Mean and least cosine similarity over rows."""
    one, other = vectors.astype(np.float64), reference.astype(np.float64)
    found = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    return float(found.mean()), float(found.min())


def note_gpu(note: Callable[..., None], library: Any, texts: list[str], seconds: float) -> None:
    """Tokens/s, and what they cost as a share of the card's own float16 matrix rate."""
    ids = library.tokenizer(texts, truncation=True, max_length=LENGTH)["input_ids"]
    lengths = np.array([len(each) for each in ids], dtype=np.float64)
    config = library[0].model.config
    layers, width, inner = config.num_hidden_layers, config.hidden_size, config.intermediate_size
    # A multiplication and an addition for each weight, then scores and sums of attention.
    per_token = 2 * layers * (4 * width**2 + 2 * width * inner)
    operations = per_token * lengths.sum() + 4 * layers * width * (lengths**2).sum()
    size = 8192
    one = torch.randn(size, size, device="cuda", dtype=torch.float16)
    rates = []
    for _ in range(10):
        torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(5):
            one @ one
        torch.cuda.synchronize()
        rates.append(5 * 2 * size**3 / (time.perf_counter() - started))
    note("GPU: tokens", float(lengths.sum() / seconds), "tokens/s")
    note("GPU: matrix rate, float16", max(rates) / 1e12, "TFLOP/s")
    note("GPU: share of the matrix rate", float(operations / seconds / max(rates)), "")
    note("GPU: peak memory", torch.cuda.max_memory_allocated() / 1e6, "MB")


def note_workers(
    note: Callable[..., None],
    encoder: SentenceTransformerEncoder,
    texts: list[str],
    workers: int,
) -> None:
    """Texts/s of one process and of several, over the same chunks; each has loaded its model."""
    size = max(1, len(texts) // (4 * workers))
    chunks = [texts[start : start + size] for start in range(0, len(texts), size)]
    gpus = torch.cuda.device_count()
    rates = {}
    for count in (1, workers):
        devices = deal_devices(encoder.device, count, gpus)
        warming = [texts[:8]] * 3 * count
        every = iter([*warming, *chunks])
        engine: Iterator[Any]
        if count > 1:
            engine = encode_in_processes(encoder, every, devices)
        else:
            engine = map(encoder.encode_marked, every)
        # Several processes are given `count` chunks ahead: until then none of those that count.
        for _ in range(2 * count):
            next(engine)
        started = time.perf_counter()
        for _ in engine:
            pass
        rates[count] = len(texts) / (time.perf_counter() - started)
        note(f"processes: {count}", rates[count], "texts/s")
    note(f"processes: ratio of {workers} to 1", rates[workers] / rates[1], "")


def as_markdown(records: list[dict[str, Any]]) -> str:
    first = records[0]
    lines = [
        f"{first['rows']} texts, {first['machine']}",
        "",
        "| | value | floor |",
        "| --- | ---: | ---: |",
    ]
    for record in records:
        value, floor = record["value"], record["floor"]
        shown = value if isinstance(value, str) else f"{value:.5g} {record['unit']}".strip()
        lines.append(f"| {record['name']} | {shown} | {'' if floor is None else f'≥ {floor}'} |")
    return "\n".join(lines) + "\n"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--data", metavar="FILE", help="CSV or Parquet of the challenge's catalogue")
    made.add_argument("--minilm", default="sentence-transformers/all-MiniLM-L6-v2")
    made.add_argument("--texts", type=int, default=600)
    made.add_argument("--repeats", type=int, default=3)
    made.add_argument("--workers", type=int, default=1, help="compare with so many processes")
    made.add_argument("--results", type=Path, default=RESULTS, help="where table and figures go")
    return made


if __name__ == "__main__":
    main()
