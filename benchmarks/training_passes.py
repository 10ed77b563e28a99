"""What benchmarks/training.py times: one epoch in each of several ways, on the same data."""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from product_length.features.columns import Batch
from product_length.features.encoder import Encoder, NumbersEncoder
from product_length.features.feature import Feature
from product_length.features.scaler import Scaler
from product_length.features.text.feature import TextVectors
from product_length.features.types.encoder import TypesEncoder
from product_length.loss.point import Mape
from product_length.model.config import Mlp
from product_length.model.network import LengthNetwork
from product_length.training.batches import Inputs
from product_length.training.config import TrainerOptions
from product_length.training.fit import fit
from product_length.training.placement import OnDevice, choose_chunks, training_batches
from product_length.training.point_objective import PointObjective

VAL_ROWS, TYPES, NEIGHBOURS = 1024, 1000, 40


class Seconds(NamedTuple):
    """What a pass took: by the clock, and by the processor's time of this process."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> Seconds:
        """Where both clocks stand."""
        return cls(time.perf_counter(), time.process_time())

    def since(self, started: Seconds) -> Seconds:
        """From then to now."""
        return Seconds(self.wall - started.wall, self.cpu - started.cpu)


@dataclass(frozen=True)
class Made(Feature):
    """A feature whose column is random numbers."""

    name: str
    make_encoder: Callable[[], Encoder]

    def transform(self, products: Any, columns: Any) -> Any:
        """Not asked for: the column is there."""
        raise NotImplementedError

    def encoder(self) -> Encoder:
        """What the network sees."""
        return self.make_encoder()

    def state(self) -> dict[str, Any]:
        """Nothing is kept."""
        return {}


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
    seconds: dict[str, list[Seconds]] = field(default_factory=dict)
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

    def cost(self, objective: Any, network: Any, batch: Batch) -> Tensor:
        """What a step of the bare loop lessens."""
        return objective.cost(network(batch), batch.lengths)

    def network(self) -> LengthNetwork:
        """Embeddings, types and neighbours into an MLP; the same weights each time."""
        torch.manual_seed(0)
        dimension = self.memory.columns["text"].shape[1]
        scaler = Scaler(np.zeros(NEIGHBOURS), np.ones(NEIGHBOURS))
        features = [
            Made("text", lambda: TextVectors(dimension)),
            Made("types", lambda: TypesEncoder(torch.arange(TYPES)[:, None], 128, 0.05)),
            Made("neighbours", lambda: NumbersEncoder(scaler, 32)),
        ]
        return LengthNetwork(
            features,
            Mlp(name="mlp", hidden=self.hidden),
            outputs=1,
            initial_bias=self.objective().initial_bias(self.memory.lengths),
        )


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
    others, lengths = _others(random, total), _lengths(random, total)
    mapped = np.load(path, mmap_mode="r")
    memory = Inputs({"text": vectors.reshape(total, dimension), **others}, lengths)
    file = Inputs({"text": mapped, **others}, lengths)
    return Setting(memory=memory, file=file, path=path, **rest)


def _others(random: np.random.Generator, rows: int) -> dict[str, Any]:
    """Columns of types and neighbours."""
    return {
        "types": random.integers(0, TYPES, rows),
        "neighbours": random.normal(size=(rows, NEIGHBOURS)).astype(np.float32),
    }


def _lengths(random: np.random.Generator, rows: int) -> Any:
    return random.lognormal(6, 1, rows).astype(np.float32)


def random_inputs(rows: int, dimension: int) -> Inputs:
    """Random data in memory; vectors are repeated, since only their size matters here."""
    random = np.random.default_rng(0)
    total = rows + VAL_ROWS
    piece = random.normal(size=(min(total, 8192), dimension)).astype(np.float16)
    vectors = np.tile(piece, (-(-total // len(piece)), 1))[:total]
    return Inputs({"text": vectors, **_others(random, total)}, _lengths(random, total))


def bare(setting: Setting, steps: int | None = None, kind: str = "eager") -> Seconds:
    """One epoch as a person writes it for tensors in memory, or on the card.

    `kind`: "compiled" by torch.compile, and with "CUDA graphs" the steps' kernels are launched
    together too.
    """
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
    optimizer = torch.optim.AdamW(groups, lr=1e-3, weight_decay=0.01, fused=True)
    count = -(-setting.rows // setting.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1e-3, total_steps=count, pct_start=0.05, cycle_momentum=False
    )
    inputs = setting.memory
    on_card = device.type == "cuda"
    data = OnDevice(inputs, device)._all if on_card else inputs.map(torch.from_numpy)
    half = setting.precision == "bf16-mixed"
    network.train()
    called: Any = network
    if kind != "eager":
        called = torch.compile(network, mode=None if kind == "compiled" else "reduce-overhead")
    synchronize(device)
    started = Seconds.now()
    order = torch.randperm(setting.rows, device=device)
    for step, rows in enumerate(order.split(setting.batch)):
        if step == steps:
            break
        # Not data[rows], which takes six times as long.
        batch = data.map(lambda part, rows=rows: part.index_select(0, rows))
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            loss = setting.cost(objective, called, batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, options.gradient_clip)
        optimizer.step()
        schedule.step()
    synchronize(device)
    return Seconds.now().since(started)


def lightning(setting: Setting, kind: str) -> Seconds:
    """One epoch by the project's own fit."""
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
    setting.seconds.setdefault(f"{kind}, its steps alone", []).append(clock.steps)
    return clock.seconds


class Clock(Callback):
    """From the start of the first epoch to the end of training, its checkpoints written.

    `steps`: to the end of the epoch's steps, before rows are validated.
    """

    started: Seconds | None = None
    seconds = steps = Seconds(0, 0)

    def on_validation_start(self, trainer: L.Trainer, *_: Any) -> None:
        """Note the steps."""
        synchronize(trainer.strategy.root_device)
        self.steps = Seconds.now().since(self.started or Seconds.now())

    def on_train_epoch_start(self, *_: Any) -> None:
        """Start."""
        self.started = self.started or Seconds.now()

    def on_train_end(self, trainer: L.Trainer, *_: Any) -> None:
        """Stop."""
        synchronize(trainer.strategy.root_device)
        self.seconds = Seconds.now().since(self.started or Seconds.now())


def drawing(setting: Setting, kind: str) -> Seconds:
    """Draw an epoch's batches, and do nothing with them."""
    inputs = setting.file if kind == "blocks" else setting.memory
    options = setting.options(kind)
    chunks = choose_chunks(inputs, options, "cpu", 1)
    batches: Iterable[Batch] = training_batches(
        inputs, np.arange(setting.rows), options, 0, chunks, rank=0, world=1
    )
    started = Seconds.now()
    for _ in batches:
        pass
    return Seconds.now().since(started)


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
