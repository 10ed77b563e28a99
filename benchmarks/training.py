"""Training throughput: a bare PyTorch loop, Lightning, and blocks read from a file, in one run.

    python benchmarks/training.py [--rows N] [--dimension D] [--batch 512,4096] [--threads N]
        [--hidden 1024,256,64] [--rounds 3] [--shuffle-mb MB] [--larger-than-memory]

In every round one epoch each of, one after another, for each batch size:

- bare: a plain loop over tensors in memory. Same network, objective, AdamW, schedule and clipping.
- lightning: `training.fit` of one epoch over the same arrays in memory.
- blocks: `training.fit` with `trainer.memory=blocks` over a memory-mapped file. With
  --larger-than-memory the file's pages are dropped from the page cache before each pass, so that it
  is read from the disk; how much was read stands in the table.

The two fits are timed from the start of the epoch to the end of training: validation of 1,024 rows,
metrics and checkpoints are in it, what Lightning does before the first epoch is not. Beside them,
batches are drawn without a network, to tell what reading alone can deliver. Ratios are medians over
rounds; memory is the most anonymous memory a pass had above what there was before it (pages of a
mapped file are not in it: they can be dropped at any time). In bfloat16 where the CPU has it.

On a machine with an NVIDIA GPU the reference's setting follows: 1.85 M rows, 2048 + 128 + 32
inputs, 4.1 M parameters, batch 512. Results go to benchmarks/results/training.json and training.md;
those of other commands stay there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback

from product_length.features.config import KnnOptions, TypeOptions
from product_length.loss.point import Mape
from product_length.model.config import Mlp
from product_length.model.network import Batch, LengthNetwork
from product_length.model.trunk import parameter_count
from product_length.training.batches import Inputs
from product_length.training.config import TrainerOptions
from product_length.training.fit import fit
from product_length.training.objective import PointObjective
from product_length.training.placement import OnDevice, choose_blocks, training_batches

RESULTS = Path(__file__).parent / "results"
VAL_ROWS, TYPES, NEIGHBOURS = 1024, 1000, 40
REFERENCE = {"rows": 1_850_000, "dimension": 2048, "hidden": [1024, 1024, 512, 256]}
H200_PEAK = 989e12
"""Dense bfloat16 operations a second, NVIDIA's data sheet."""
FLOORS = {"lightning / bare": 0.9, "blocks / in memory": 0.8}


@dataclass
class Setting:
    """What one comparison is about, and the data for it in memory and in a file."""

    batch: int
    hidden: list[int]
    shuffle_mb: int
    accelerator: str
    precision: str
    cold: bool
    memory: Inputs
    file: Inputs
    path: Path
    seconds: dict[str, list[float]] = field(default_factory=dict)
    added: dict[str, float] = field(default_factory=dict)
    read: dict[str, float] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Training rows."""
        return len(self.memory) - VAL_ROWS

    def options(self, kind: str) -> TrainerOptions:
        """The project's own, for one epoch of a kind of pass."""
        return TrainerOptions(
            max_epochs=1,
            batch_size=self.batch,
            accelerator=self.accelerator,
            precision=self.precision,
            memory="blocks" if "blocks" in kind else "resident",
            shuffle_mb=self.shuffle_mb,
            progress=False,
        )

    def objective(self) -> PointObjective:
        """MAPE on a log target."""
        return PointObjective.build(Mape(name="mape"), self.memory.lengths, log_target=True)

    def network(self) -> LengthNetwork:
        """Embeddings, types and neighbours into an MLP; the same weights each time."""
        torch.manual_seed(0)
        return LengthNetwork(
            options=Mlp(name="mlp", hidden=self.hidden),
            embedding_dims=[self.memory.embeddings[0].shape[1]],
            type_count=TYPES,
            type_options=TypeOptions(dimensions=128),
            neighbour_width=NEIGHBOURS,
            knn_options=KnnOptions(projection=32),
            outputs=1,
            initial_bias=self.objective().initial_bias(self.memory.lengths),
        )


def main() -> None:
    options = parser().parse_args()
    torch.set_num_threads(options.threads)
    command = command_of(options)
    entries: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        for batch in options.batch:
            setting = make_setting(
                Path(scratch),
                rows=options.rows,
                dimension=options.dimension,
                batch=batch,
                hidden=options.hidden,
                shuffle_mb=options.shuffle_mb,
                accelerator="cpu",
                precision="bf16-mixed" if cpu_has_bfloat16() else "32-true",
                cold=options.larger_than_memory,
            )
            entries += compare(setting, options.rounds, command)
        if torch.cuda.is_available():
            setting = make_setting(
                Path(scratch),
                **REFERENCE,
                batch=512,
                shuffle_mb=1024,
                accelerator="gpu",
                precision="bf16-mixed",
                cold=False,
            )
            entries += compare(setting, options.rounds, command)
        else:
            entries.append(entry("reference's setting on a GPU", None, "not run: no GPU", command))
    write(Path(options.results), command, entries)


def make_setting(folder: Path, *, rows: int, dimension: int, **rest: Any) -> Setting:
    """Random data, in memory and in a file that is kept for the next batch size."""
    random = np.random.default_rng(0)
    path = folder / f"{rows}x{dimension}.npy"
    total = rows + VAL_ROWS
    if not path.exists():
        file = np.lib.format.open_memmap(path, "w+", np.float16, (total, dimension))
        piece = random.normal(size=(min(total, 8192), dimension)).astype(np.float16)
        for start in range(0, total, len(piece)):  # repeated: only its size matters here
            file[start : start + len(piece)] = piece[: total - start]
        file.flush()
        del file
    vectors = np.fromfile(path, np.float16, offset=path.stat().st_size - 2 * total * dimension)
    others = (
        random.integers(0, TYPES, total),
        random.normal(size=(total, NEIGHBOURS)).astype(np.float32),
        random.lognormal(6, 1, total).astype(np.float32),
    )
    mapped = np.load(path, mmap_mode="r")
    memory = Inputs((vectors.reshape(total, dimension),), *others)
    return Setting(memory=memory, file=Inputs((mapped,), *others), path=path, **rest)


def compare(setting: Setting, rounds: int, command: str) -> list[dict[str, Any]]:
    """Every kind of pass in every round, told as entries."""
    kinds: dict[str, Callable[[], float]] = {
        "bare": lambda: bare(setting),
        "lightning": lambda: lightning(setting, "lightning"),
        "blocks": lambda: lightning(setting, "blocks"),
        "drawing in memory": lambda: drawing(setting, "in memory"),
        "drawing blocks": lambda: drawing(setting, "blocks"),
    }
    bare(setting, steps=3)
    for number in range(rounds):
        for kind, run in kinds.items():
            if setting.cold and "blocks" in kind:
                drop(setting.path)
            with watched(setting, kind):
                setting.seconds.setdefault(kind, []).append(run())
            rate = setting.rows / setting.seconds[kind][-1]
            print(
                f"round {number + 1}, batch {setting.batch}, {kind}: {rate:,.0f} rows/s", flush=True
            )
    return entries_of(setting, command)


def bare(setting: Setting, steps: int | None = None) -> float:
    """Seconds of one epoch as a person writes it for tensors in memory, or on the card."""
    device = torch.device("cuda" if setting.accelerator == "gpu" else "cpu")
    network, objective, options = (
        setting.network().to(device),
        setting.objective(),
        setting.options(""),
    )
    weights = list(network.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [w for w in weights if w.ndim > 1]},
        {"params": [w for w in weights if w.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, weight_decay=0.01)
    count = -(-setting.rows // setting.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1e-3, total_steps=count, pct_start=0.05, cycle_momentum=False
    )
    inputs = setting.memory
    if device.type == "cuda":
        data = OnDevice(inputs, device)._all
    else:
        parts = (inputs.types, inputs.neighbours, inputs.lengths)
        vectors = torch.from_numpy(inputs.embeddings[0])
        data = Batch((vectors,), *(torch.from_numpy(part) for part in parts))
    half = setting.precision == "bf16-mixed"
    network.train()
    synchronize(device)
    started = time.perf_counter()
    order = torch.randperm(setting.rows, device=device)
    for step, rows in enumerate(order.split(setting.batch)):
        if step == steps:
            break
        batch = Batch((data.embeddings[0][rows],), data.types[rows], data.neighbours[rows], None)
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            loss = objective.cost(network(batch), data.lengths[rows])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, options.gradient_clip)
        optimizer.step()
        schedule.step()
    synchronize(device)
    return time.perf_counter() - started


def lightning(setting: Setting, kind: str) -> float:
    """Seconds of one epoch by the project's own fit."""
    inputs = setting.file if kind == "blocks" else setting.memory
    clock = Clock()
    folder = setting.path.parent / "run"
    rows = np.arange(len(inputs))
    fit(
        setting.network(),
        setting.objective(),
        inputs,
        rows[: setting.rows],
        rows[setting.rows :],
        options=setting.options(kind),
        seed=0,
        folder=folder,
        callbacks=[clock],
    )
    shutil.rmtree(folder)
    return clock.seconds


class Clock(Callback):
    """From the start of the first epoch to the end of training, its checkpoints written."""

    started = seconds = 0.0

    def on_train_epoch_start(self, *_: Any) -> None:
        """Start."""
        self.started = self.started or time.perf_counter()

    def on_train_end(self, trainer: L.Trainer, *_: Any) -> None:
        """Stop."""
        synchronize(trainer.strategy.root_device)
        self.seconds = time.perf_counter() - self.started


def drawing(setting: Setting, kind: str) -> float:
    """Seconds to draw an epoch's batches, and do nothing with them."""
    inputs = setting.file if kind == "blocks" else setting.memory
    options = setting.options(kind)
    blocks = choose_blocks(inputs, options, "cpu", 1)
    batches: Iterable[Batch] = training_batches(
        inputs, np.arange(setting.rows), options, 0, blocks, rank=0, world=1
    )
    started = time.perf_counter()
    for _ in batches:
        pass
    return time.perf_counter() - started


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def drop(path: Path) -> None:
    """Have the kernel forget the file's pages."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@contextmanager
def watched(setting: Setting, kind: str) -> Iterator[None]:
    """Note the most memory that was added, and the bytes that came from the disk; GB."""
    before, read, most = status("RssAnon"), disk_read(), 0.0
    over = threading.Event()

    def look() -> None:
        nonlocal most
        while not over.wait(0.02):
            most = max(most, status("RssAnon") - before)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()
    setting.added[kind] = max(setting.added.get(kind, 0), most)
    setting.read[kind] = disk_read() - read


def status(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1e6 if found else 0.0


def disk_read() -> float:
    found = re.search(r"read_bytes: (\d+)", Path("/proc/self/io").read_text())
    return int(found[1]) / 1e9 if found else 0.0


def entries_of(setting: Setting, command: str) -> list[dict[str, Any]]:
    width = setting.memory.embeddings[0].shape[1]
    parameters = parameter_count(setting.network())
    where = "GPU" if setting.accelerator == "gpu" else "CPU"
    about = (
        f"{where}, batch {setting.batch}, {width} dimensions, {parameters / 1e6:.1f} M parameters"
    )

    def told(name: str, value: float, unit: str, floor: float | None = None) -> dict[str, Any]:
        return entry(f"{about}: {name}", value, unit, command, floor=floor, rows=setting.rows)

    times = setting.seconds
    found = [
        told(kind, setting.rows / median(seconds), "rows/s") for kind, seconds in times.items()
    ]
    pairs = {
        "lightning / bare": ("bare", "lightning"),
        "blocks / in memory": ("lightning", "blocks"),
        "drawing blocks / drawing in memory": ("drawing in memory", "drawing blocks"),
    }
    for name, (slow, fast) in pairs.items():
        ratios = [a / b for a, b in zip(times[slow], times[fast], strict=True)]
        found.append(told(name, median(ratios), "ratio", FLOORS.get(name)))
    found.append(told("data in the file", setting.path.stat().st_size / 1e9, "GB"))
    found.append(told("trainer.shuffle_mb", setting.shuffle_mb * 2**20 / 1e9, "GB"))
    found += [
        told(f"memory added by {kind}", setting.added[kind], "GB")
        for kind in ("lightning", "blocks")
    ]
    found.append(told("read from the disk by blocks, last pass", setting.read["blocks"], "GB"))
    if where == "GPU":
        epoch = median(times["lightning"])
        found.append(told("an epoch, at most 10", epoch, "s"))
        peak = 6 * parameters * setting.rows / epoch / H200_PEAK
        found.append(told("share of an H200's dense bfloat16 peak", peak, "ratio"))
    return found


def entry(name: str, value: float | None, unit: str, command: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "floor": None,
        "rows": None,
        **more,
        "command": command,
        "machine": machine(),
    }


def machine() -> str:
    """Model, cores and memory; the GPU, if there is one."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    name = model[1] if model else platform.machine()
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{name}, {os.cpu_count()} cores, {memory:.0f} GB RAM{gpu}"


def cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 itself; emulated it is slower than float32."""
    flags = re.search(r"flags\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return bool(flags and {"amx_bf16", "avx512_bf16"} & set(flags[1].split()))


def command_of(options: argparse.Namespace) -> str:
    words = ["python benchmarks/training.py"]
    for name, value in vars(options).items():
        if value == parser().get_default(name) or name in {"scratch", "results"}:
            continue
        text = ",".join(map(str, value)) if isinstance(value, list) else value
        words.append(f"--{name.replace('_', '-')}" + ("" if value is True else f" {text}"))
    return " ".join(words)


def write(folder: Path, command: str, entries: list[dict[str, Any]]) -> None:
    path = folder / "training.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    every = [each for each in kept if each["command"] != command] + entries
    path.write_text(json.dumps(every, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "training.md").write_text(as_markdown(every), encoding="utf-8")
    print(as_markdown(entries))


def as_markdown(entries: list[dict[str, Any]]) -> str:
    lines = []
    for command, where in dict.fromkeys((each["command"], each["machine"]) for each in entries):
        lines += [f"`{command}` on {where}:", "", "| | value | floor |", "| --- | ---: | ---: |"]
        for each in entries:
            if (each["command"], each["machine"]) == (command, where):
                floor = "" if each["floor"] is None else f"{each['floor']:.2f}"
                lines.append(f"| {each['name']} | {shown(each)} | {floor} |")
        lines.append("")
    return "\n".join(lines)


def shown(each: dict[str, Any]) -> str:
    value, unit = each["value"], each["unit"]
    if value is None:
        return str(unit)
    return (
        f"{value:,.0f} {unit}" if unit == "rows/s" else f"{value:.2f} {unit}".replace(" ratio", "")
    )


def parser() -> argparse.ArgumentParser:
    def numbers(text: str) -> list[int]:
        return [int(word) for word in text.split(",")]

    described = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    described.add_argument("--rows", type=int, default=100_000)
    described.add_argument("--dimension", type=int, default=384)
    described.add_argument("--batch", type=numbers, default=[512, 4096])
    described.add_argument("--hidden", type=numbers, default=[1024, 256, 64])
    described.add_argument("--rounds", type=int, default=3)
    described.add_argument("--threads", type=int, default=1)
    described.add_argument("--shuffle-mb", type=int, default=64)
    described.add_argument("--larger-than-memory", action="store_true")
    described.add_argument("--scratch", help="where the data file is written")
    described.add_argument("--results", default=RESULTS, help="where training.json and .md go")
    return described


if __name__ == "__main__":
    main()
