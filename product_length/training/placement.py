"""Where the training data lies, and how batches come from there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from product_length.features.columns import Batch
from product_length.prefetch import prefetch
from product_length.training.batches import Inputs, Rows, ShuffledBatches, Source
from product_length.training.chunks import ChunkBatches, Chunks
from product_length.training.config import TrainerOptions
from product_length.training.memory import memory_limit
from product_length.training.reading import row_bytes

SHARE = 0.5
"""Of a machine's or a card's memory: data that takes no more counts as fitting in."""
_FREE_SHARE = 0.8
_CHUNK_ROWS = 16384
_AHEAD = 3
_Moved = tuple[Batch, torch.cuda.Event | None]


def choose_chunks(
    inputs: Inputs, options: TrainerOptions, accelerator: str, world: int
) -> Chunks | None:
    """How chunks are read in a new run; None where single rows are read.

    `auto` asks what there is in all, not what is free: every process must come to the same.
    """
    if options.memory == "resident" or (options.memory == "auto" and _fits(inputs, accelerator)):
        return None
    return Chunks.within(inputs, options.shuffle_mb * 2**20, options.batch_size * world)


def _fits(inputs: Inputs, accelerator: str) -> bool:
    mapped = [array for array in inputs.arrays() if isinstance(array, np.memmap)]
    limit = memory_limit()
    if limit is None or len(inputs) * row_bytes(mapped) <= SHARE * limit:
        return True
    if accelerator != "cuda":
        return False
    card = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
    return _bytes(inputs) <= SHARE * card


def training_batches(
    inputs: Inputs,
    rows: Rows,
    options: TrainerOptions,
    seed: int,
    chunks: Chunks | None,
    *,
    rank: int,
    world: int,
) -> ShuffledBatches:
    """One process's batches of `rows`, int64 (n,): read in chunks, or one by one."""
    size = options.batch_size
    if chunks is None:
        return ShuffledBatches(inputs, rows, size, seed, rank=rank, world=world)
    return ChunkBatches(inputs, rows, size, seed, chunks, rank=rank, world=world)


def on_card(inputs: Inputs, chunks: Chunks | None, device: torch.device) -> Source:
    """`inputs`, or their copy on a CUDA device where rows are read one by one and all fit there.

    That is, when they take at most four fifths of what is free there just now.
    """
    if device.type != "cuda" or chunks is not None:
        return inputs
    free, _ = torch.cuda.mem_get_info(device)
    return OnDevice(inputs, device) if _bytes(inputs) <= _FREE_SHARE * free else inputs


def _bytes(inputs: Inputs) -> int:
    return len(inputs) * row_bytes(inputs.arrays())


class OnDevice:
    """A copy of all `inputs` on a device; batches are gathered there."""

    def __init__(self, inputs: Inputs, device: torch.device) -> None:
        self.device = device
        self._all = inputs.map(lambda array: _copied(array, device))

    def take(self, rows: Rows) -> Batch:
        """These rows, int64 (n,), in this order, as tensors on the device."""
        chosen = torch.from_numpy(rows).to(self.device, non_blocking=True)
        return self._all.map(lambda part: part.index_select(0, chosen))


def _copied(array: NDArray[Any], device: torch.device) -> Tensor:
    """The array on the device, by way of pieces that hardly take memory here."""
    empty = torch.from_numpy(np.empty(0, array.dtype))
    whole = torch.empty(array.shape, dtype=empty.dtype, device=device)
    for start in range(0, len(array), _CHUNK_ROWS):
        piece = torch.from_numpy(np.array(array[start : start + _CHUNK_ROWS]))
        whole[start : start + _CHUNK_ROWS].copy_(piece)
    return whole


class Prefetched:
    """The same batches, prepared by a thread; on CUDA copied there beside the computation."""

    def __init__(self, batches: ShuffledBatches, device: torch.device) -> None:
        self.batches = batches
        self.device = device

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        with closing(prefetch(self._moved(), _AHEAD, name="prefetch")) as coming:
            for batch, event in coming:
                yield _arrived(batch, event, self.device)

    def _moved(self) -> Iterator[_Moved]:
        """Each batch on its way to the device, and on CUDA the event of its arrival."""
        if self.device.type != "cuda":
            yield from ((batch, None) for batch in self.batches)
            return
        stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        for batch in self.batches:
            with torch.cuda.stream(stream):
                moved = batch.map(lambda part: part.pin_memory().to(self.device, non_blocking=True))
                event = stream.record_event()
            yield moved, event


def _arrived(batch: Batch, event: torch.cuda.Event | None, device: torch.device) -> Batch:
    """The batch, for use on the device's current stream."""
    if event is not None:
        current = torch.cuda.current_stream(device)
        current.wait_event(event)

        def used(part: Tensor) -> Tensor:
            # Its memory must not be given to the next copy before this stream is done with it.
            part.record_stream(current)
            return part

        batch.map(used)
    return batch
