"""Training batches from data larger than memory: long reads, shuffled many chunks at a time.

The epoch's rows are cut into chunks of consecutive rows, at other places in each epoch. A group is
as many chunks as memory holds, taken from all over the file: the chunks are divided into runs of
neighbours, as many to a run as there are groups, and each group gets one chunk of every run. Each
group's rows are shuffled together, and while it is trained on, a thread reads the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass

import numpy as np
from typing_extensions import Self, override

from product_length.features.columns import Batch
from product_length.prefetch import prefetch
from product_length.training.batches import Inputs, Rows, ShuffledBatches
from product_length.training.reading import RowReader, row_bytes

_LEAST_READ, _LONGEST_READ = 64 * 2**10, 256 * 2**10
"""Bytes of one column's chunk; below the first a disk mostly seeks, above the second it gains
nothing."""


@dataclass(frozen=True)
class Chunks:
    """Rows of a chunk, and of a group: of all chunks that are shuffled together."""

    chunk: int
    group: int

    def __str__(self) -> str:
        return f"in blocks of {self.chunk} rows, {self.group} shuffled at a time"

    @classmethod
    def within(cls, inputs: Inputs, memory: int, step: int) -> Self:
        """Sizes for steps of `step` rows, in `memory` bytes; a group holds a step at least.

        Two groups are in memory: one is trained on while the next is read.
        """
        of_row = max(1, row_bytes(inputs.arrays()))
        widest = max([1, *(row_bytes([column]) for column in inputs.columns.values())])
        group = max(memory // (2 * of_row) - step, step)
        # As many chunks as a step has rows: then few rows of a step are neighbours in the file.
        wanted = min(max(group // step, _LEAST_READ // widest), _LONGEST_READ // widest)
        chunk = max(1, min(wanted, group))
        return cls(chunk, max(group - 2 * chunk, step))

    def groups(self, rows: int, step: int, random: np.random.Generator) -> list[Rows]:
        """The places 0 … rows-1, each in one group, in the order of their chunks.

        Every group but the last is a whole number of steps.
        """
        starts = np.arange(random.integers(self.chunk) - self.chunk + 1, rows, self.chunk)
        count = -(-rows // self.group)
        of_runs = np.full(-(-len(starts) // count) * count, -1)
        of_runs[: len(starts)] = np.arange(len(starts))
        of_groups = random.permuted(of_runs.reshape(-1, count), axis=1).T
        chosen = [random.permutation(chunks[chunks >= 0]) for chunks in of_groups]
        places = [
            np.arange(max(0, starts[i]), min(rows, starts[i] + self.chunk))
            for i in np.concatenate(chosen)
        ]
        sizes = np.array([len(each) for each in places])
        ends = sizes.cumsum()[np.cumsum([len(chunks) for chunks in chosen]) - 1]
        cuts = np.unique(ends[:-1] // step * step)
        return [part for part in np.split(np.concatenate(places), cuts) if len(part)]


class ChunkBatches(ShuffledBatches):
    """Training batches as ShuffledBatches, their rows read in chunks and shuffled in groups.

    The order follows from (seed, epoch) and `chunks`; several processes read the same chunks, and
    each keeps its own rows.
    """

    def __init__(
        self,
        inputs: Inputs,
        rows: Rows,
        batch_size: int,
        seed: int,
        chunks: Chunks,
        *,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        super().__init__(inputs, np.sort(rows), batch_size, seed, rank=rank, world=world)
        self.in_memory = inputs
        self.chunks = chunks

    @override
    def __iter__(self) -> Iterator[Batch]:
        with ExitStack() as stack:
            readers = {
                name: stack.enter_context(closing(RowReader(column)))
                for name, column in self.in_memory.columns.items()
            }
            groups = (self._read(readers, steps) for steps in self._plan())
            coming = stack.enter_context(closing(prefetch(groups, 1, name="read-ahead")))
            for group, steps in coming:
                for places in steps:
                    yield group.take(places)
                del group  # there is memory for this one and the one being read

    def _plan(self) -> Iterator[list[Rows]]:
        """For each group the rows of this process, step by step."""
        random = np.random.default_rng([self.seed, self.epoch])
        step = self.batch_size * self.world
        groups = self.chunks.groups(len(self.rows), step, random)
        for number, places in enumerate(groups, start=1):
            order = random.permutation(self.rows[places])
            if number == len(groups):
                order = order[: len(order) - self.left_out]
            if len(order):
                yield list(self._steps(order))

    def _read(
        self, readers: Mapping[str, RowReader], steps: list[Rows]
    ) -> tuple[Inputs, list[Rows]]:
        """The rows of all steps, in memory, and where among them each step's rows are."""
        rows = np.sort(np.concatenate(steps))
        columns = {name: reader.copy(rows, self.chunks.chunk) for name, reader in readers.items()}
        lengths, texts = self.in_memory.lengths, self.in_memory.texts
        group = Inputs(
            columns,
            None if lengths is None else lengths[rows],
            None if texts is None else texts[rows],
        )
        return group, [np.searchsorted(rows, np.sort(step)) for step in steps]
