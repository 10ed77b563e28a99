"""Batches of rows of arrays, in memory or on disk; the same ones after a resume."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from product_length.errors import UserError
from product_length.features.columns import Batch, Columns

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Inputs:
    """Everything the network sees of a catalogue, row by row, in memory or memory-mapped.

    columns: for each feature, by its name, an array (rows, …). lengths: float32 (rows,), in the
    model's unit, or None where they are to be predicted. texts: int64 (rows,), see
    `repeated_texts`, or None where there are none.

    Raises ValueError when the columns differ in rows, or there is none.
    """

    columns: Columns
    lengths: NDArray[np.float32] | None = None
    texts: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        counts = {len(column) for column in self.columns.values()}
        if len(counts) != 1:
            raise ValueError(f"the columns must have equally many rows, not {sorted(counts)}")
        if self.lengths is not None and self.lengths.shape != (len(self),):
            raise ValueError(f"lengths {self.lengths.shape} must be ({len(self)},)")
        if self.texts is not None and self.texts.shape != (len(self),):
            raise ValueError(f"texts {self.texts.shape} must be ({len(self)},)")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def arrays(self) -> list[NDArray[Any]]:
        """All columns, and the lengths and texts if there are any."""
        others = [each for each in (self.lengths, self.texts) if each is not None]
        return [*self.columns.values(), *others]

    def map(self, change: Callable[[NDArray[Any]], Tensor]) -> Batch:
        """A tensor for each array."""
        lengths = None if self.lengths is None else change(self.lengths)
        texts = None if self.texts is None else change(self.texts)
        columns = {name: change(column) for name, column in self.columns.items()}
        return Batch(columns, lengths, texts)

    def take(self, rows: Rows) -> Batch:
        """These rows, int64 (n,), in this order, copied into tensors of their own."""
        return self.map(lambda array: torch.from_numpy(np.take(np.asarray(array), rows, axis=0)))

    def fingerprint(self, rows: Rows) -> str:
        """Short digest of `rows`, int64 (n,): their lengths, and what 64 of them look like."""
        digest = hashlib.sha256(np.ascontiguousarray(rows).tobytes())
        if self.lengths is not None:
            digest.update(self.lengths[rows].tobytes())
        some = rows[:: max(1, len(rows) // 64)][:64]
        for column in self.columns.values():
            digest.update(np.take(np.asarray(column), some, axis=0).tobytes())
        return f"{len(rows)} rows, {digest.hexdigest()[:12]}"


class Source(Protocol):
    """Where batches come from: Inputs, or a copy of them on an accelerator."""

    def take(self, rows: Rows) -> Batch:
        """These rows, int64 (n,), in this order."""
        ...


class OrderedBatches:
    """Batches of `rows`, int64 (n,), in that order: every row once, the last batch may be short."""

    def __init__(self, inputs: Source, rows: Rows, batch_size: int) -> None:
        self.inputs = inputs
        self.rows = rows
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, len(self.rows), self.batch_size):
            yield self.inputs.take(self.rows[start : start + self.batch_size])


class ShuffledBatches:
    """Training batches in an order that (seed, epoch) alone decide; `set_epoch` chooses the epoch.

    Each of `world` processes takes its own part of every step, up to `batch_size` rows of it. The
    rows that do not fill a step make a shorter one, unless that would leave a process with a single
    row, on which batch norm cannot train: then they are left out, others in each epoch.

    Raises UserError when there are not two rows for each process.
    """

    def __init__(
        self,
        inputs: Source,
        rows: Rows,
        batch_size: int,
        seed: int,
        *,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.inputs = inputs
        self.rows = rows
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world = world
        self.epoch = 0
        step = batch_size * world
        rest = len(rows) % step
        self.left_out = rest if rest < 2 * world else 0
        """Rows that an epoch goes without."""
        self.steps = len(rows) // step + (rest > 0 and not self.left_out)
        if not self.steps:
            raise UserError(
                f"{len(rows)} training rows are too few: {2 * world} are needed at least, 2 for "
                "each device"
            )

    def __len__(self) -> int:
        return self.steps

    @property
    def rows_per_epoch(self) -> int:
        """Rows that an epoch trains on, in all processes together."""
        return len(self.rows) - self.left_out

    def set_epoch(self, epoch: int) -> None:
        """Draw the batches of `epoch` (0 is the first) from now on."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Batch]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.rows)
        for part in self._steps(order[: len(order) - self.left_out]):
            # Within a batch the order is free: ascending is kind to disk and cache.
            yield self.inputs.take(np.sort(part))

    def _steps(self, order: Rows) -> Iterator[Rows]:
        """This process's rows of each step of `order`, int64 (n,)."""
        step = self.batch_size * self.world
        for start in range(0, len(order), step):
            yield np.array_split(order[start : start + step], self.world)[self.rank]
