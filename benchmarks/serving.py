"""How fast a served model answers, and whether it keeps memory: a load on this machine only.

`python benchmarks/serving.py` trains an LSA recipe on the demo catalogue, serves it at a free port
of 127.0.0.1, and asks: one product at a time, a thousand at a time, and many clients at once. Each
part ends after --requests or --seconds, whichever is first. `--run` serves a run that is there.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from measured import RESULTS, Figure, write_figures
from tqdm import tqdm

from product_length.demo.generator import DemoGenerator
from product_length.writing import write_text

TRAINED = "data=demo data.rows=8000 embeddings=lsa features=types loss=histogram tracking=none"
TRAINED += " trainer.max_epochs=3 trainer.progress=false evaluation.baselines=false"
BATCH = 1000
BATCHES = 10
SINGLES = 500
CLIENTS = 8
WARM_UP = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, help="folder of a finished run of a demo catalogue")
    parser.add_argument("--requests", type=int, default=10_000, help="of many clients at once")
    parser.add_argument("--seconds", type=float, default=180.0, help="most of each part")
    parser.add_argument("--output", type=Path, default=RESULTS / "serving.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        run = options.run or trained(Path(place) / "run")
        with served(run) as (address, process):
            figures = measure(address, process, options.requests, options.seconds)
    load = os.getloadavg()[0]
    figures.append(Figure("other work: load average after", load, "processes", 1))
    command = "python benchmarks/serving.py" + " --run RUN" * (options.run is not None)
    write_figures(options.output, figures, command)
    write_text(options.output.with_suffix(".md"), table(figures))
    print(table(figures))


def trained(folder: Path) -> Path:
    """An LSA recipe of the demo catalogue."""
    words = [*TRAINED.split(), f"hydra.run.dir={folder}", f"cache_dir={folder.parent / 'cache'}"]
    subprocess.run([sys.executable, "-m", "product_length.train", *words], check=True)
    return folder


@contextmanager
def served(run: Path) -> Iterator[tuple[str, int]]:
    """The address and the process of a server of a run."""
    words = [sys.executable, "-m", "product_length.serve", f"checkpoint={run}", "port=0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        found = (re.search(r"serving at (http://\S+/)", line) for line in process.stdout)
        address = next(match[1] for match in found if match)
        yield address, process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def measure(address: str, process: int, requests: int, seconds: float) -> list[Figure]:
    products = demo_products()
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        single = [{"product": each} for each in products]
        timed(client, single[:50], seconds)
        began = processor_seconds(process)
        alone = timed(client, single[:SINGLES], seconds)
        spent_alone = processor_seconds(process) - began
        many = [{"products": products[:BATCH]}] * BATCHES
        began = processor_seconds(process)
        batches = timed(client, many, seconds)
        spent_in_batches = processor_seconds(process) - began
    crowd(address, single, WARM_UP, seconds)  # memory grows until each thread has its own
    before = resident(process)
    together, faults, took = crowd(address, single, requests, seconds)
    after = resident(process)
    return [
        Figure("one product, median", 1000 * float(np.median(alone)), "ms", len(alone)),
        Figure("one product, 99%", 1000 * float(np.quantile(alone, 0.99)), "ms", len(alone)),
        # What other work on the machine does not change:
        Figure(
            "one product, processor time", 1000 * spent_alone / len(alone), "ms", len(alone)
        ),
        Figure(
            f"{BATCH:,} products a request, processor time",
            1000 * spent_in_batches / (len(batches) * BATCH), "ms a product",
            len(batches) * BATCH,
        ),
        Figure(
            f"{BATCH:,} products a request", BATCH / float(np.median(batches)), "products/s",
            len(batches) * BATCH, floor=1000,
        ),
        Figure(f"{CLIENTS} clients, one product each", len(together) / took, "products/s",
               len(together)),
        Figure(f"{CLIENTS} clients, median", 1000 * float(np.median(together)), "ms",
               len(together)),
        Figure(f"{CLIENTS} clients, 99%", 1000 * float(np.quantile(together, 0.99)), "ms",
               len(together)),
        Figure("requests that failed", faults, "requests", len(together)),
        Figure("memory before these requests", before, "MB", WARM_UP),
        Figure("memory after them, more", after - before, "MB", len(together)),
    ]  # fmt: skip


def demo_products(rows: int = 2000) -> list[dict[str, Any]]:
    """Products as requests have them, unlike those of training."""
    keys = {
        "TITLE": "title",
        "BULLET_POINTS": "bullet_points",
        "DESCRIPTION": "description",
        "PRODUCT_TYPE_ID": "product_type",
    }
    batches = DemoGenerator(rows=rows, types=200, seed=99).batches()
    return [
        {keys[key]: str(row[key] or "") for key in keys}
        for batch in batches
        for row in batch.to_pylist()
    ]


def timed(client: httpx.Client, bodies: list[dict[str, Any]], most: float) -> list[float]:
    """Seconds of each request, one after the other, until `most` seconds are over."""
    end, found = time.perf_counter() + most, []
    for body in bodies:
        begun = time.perf_counter()
        client.post("predict", json=body).raise_for_status()
        found.append(time.perf_counter() - begun)
        if time.perf_counter() > end:
            break
    return found


def crowd(
    address: str, bodies: list[dict[str, Any]], requests: int, most: float
) -> tuple[list[float], int, float]:
    """Seconds of each request of many clients at once, how many failed, and seconds in all."""
    end, begun = time.perf_counter() + most, time.perf_counter()
    found: list[float] = []
    faults = [0]
    lock = threading.Lock()
    bar = tqdm(total=requests, unit=" requests", disable=None)

    def ask(client_number: int) -> None:
        with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
            for number in range(client_number, requests, CLIENTS):
                if time.perf_counter() > end:
                    return
                started = time.perf_counter()
                reply = client.post("predict", json=bodies[number % len(bodies)])
                took = time.perf_counter() - started
                with lock:
                    found.append(took)
                    faults[0] += reply.status_code != 200
                    bar.update()

    work: Callable[[int], None] = ask
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    bar.close()
    return found, faults[0], time.perf_counter() - begun


def processor_seconds(process: int) -> float:
    """Processor time of all threads of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(process: int) -> float:
    """Resident memory of a process, MB of 1,000,000 bytes."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def table(figures: list[Figure]) -> str:
    """The figures as Markdown."""
    lines = ["| asked | measured | of |", "| --- | ---: | ---: |"]
    lines += [
        f"| {each.name} | {each.value:,.4g} {each.unit} | {each.rows:,} |" for each in figures
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
