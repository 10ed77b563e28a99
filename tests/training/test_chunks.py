"""Chunk-shuffled batches: the right rows, none lost and none twice, within the memory given."""

import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_batches import inputs_of, numbers_of

from product_length.errors import UserError
from product_length.training.batches import Inputs
from product_length.training.chunks import ChunkBatches, Chunks
from product_length.training.reading import RowReader, runs


def on_disk(array: NDArray[Any], path: Path) -> NDArray[Any]:
    np.save(path, array)
    mapped: NDArray[Any] = np.load(path, mmap_mode="r")
    return mapped


@settings(max_examples=150, deadline=None)
@given(
    rows=st.integers(2, 90),
    size=st.integers(2, 12),
    world=st.integers(1, 3),
    epoch=st.integers(0, 3),
    chunk=st.integers(1, 20),
    group=st.integers(1, 100),
)
def test_every_row_once_to_one_process(
    rows: int, size: int, world: int, epoch: int, chunk: int, group: int
) -> None:
    inputs, chosen = inputs_of(200), np.arange(3, 3 + 2 * rows, 2)
    if rows < 2 * world:
        return
    parts = []
    for rank in range(world):
        chunks = Chunks(chunk, group)
        batches = ChunkBatches(inputs, chosen, size, 1, chunks, rank=rank, world=world)
        batches.set_epoch(epoch)
        parts.append(numbers_of(batches))
        assert len(parts[-1]) == len(batches)
    seen = [row for part in parts for batch in part for row in batch]
    assert len(seen) == len(set(seen)) == batches.rows_per_epoch
    assert set(seen) <= set(chosen.tolist())
    assert all(2 <= len(batch) <= size for part in parts for batch in part)
    assert all(len(batch) == size for part in parts for batch in part[:-1])


@settings(max_examples=150, deadline=None)
@given(
    rows=st.integers(1, 500),
    step=st.integers(1, 40),
    chunk=st.integers(1, 60),
    group=st.integers(1, 200),
    seed=st.integers(0, 9),
)
def test_groups_are_whole_steps_and_not_larger_than_memory(
    rows: int, step: int, chunk: int, group: int, seed: int
) -> None:
    groups = Chunks(chunk, group).groups(rows, step, np.random.default_rng(seed))
    assert sorted(np.concatenate(groups).tolist()) == list(range(rows))
    assert all(len(each) % step == 0 for each in groups[:-1])
    assert max(map(len, groups)) < group + 2 * chunk + step


@pytest.mark.parametrize("whole", [True, False], ids=["file", "part of a file"])
def test_batches_hold_what_the_file_holds(tmp_path: Path, whole: bool) -> None:
    in_memory = inputs_of(350)
    longer = inputs_of(350 if whole else 400)
    mapped = {
        name: on_disk(longer.columns[name], tmp_path / f"{name}.npy")[:350]
        for name in ("half", "full")
    }
    inputs = replace(in_memory, columns={**in_memory.columns, **mapped})
    rows = np.random.default_rng(0).permutation(350)[:300]  # any order, with gaps
    batches = ChunkBatches(inputs, rows, 16, 5, Chunks(10, 60))
    count = 0
    for batch in batches:
        assert batch.lengths is not None
        numbers = batch["number"].numpy()
        np.testing.assert_array_equal(batch["half"][:, 1].numpy(), -numbers.astype("f2"))
        np.testing.assert_array_equal(batch["full"][:, 0].numpy(), numbers / 4)
        np.testing.assert_array_equal(batch["ids"][:, 1].numpy(), numbers + 1)
        np.testing.assert_array_equal(batch.lengths.numpy(), numbers + 1)
        count += len(numbers)
    assert count == 300 - batches.left_out


def test_order_follows_from_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        batches = ChunkBatches(inputs_of(100), np.arange(100), 16, seed, Chunks(4, 40))
        numbers_of(batches)  # what was read before does not matter
        batches.set_epoch(epoch)
        return numbers_of(batches)

    assert order(1, 0) == order(1, 0)
    assert order(1, 2) == order(1, 2)
    different = [order(1, 0), order(1, 1), order(2, 0), order(0, 1)]
    assert len({str(batches) for batches in different}) == 4


def test_the_row_left_out_changes_from_epoch_to_epoch() -> None:
    batches = ChunkBatches(inputs_of(33), np.arange(33), 16, 0, Chunks(3, 10))
    missing = set()
    for epoch in range(30):
        batches.set_epoch(epoch)
        missing |= set(range(33)) - {row for batch in numbers_of(batches) for row in batch}
    assert len(missing) > 10


@pytest.mark.parametrize("step", [512, 4096])
@pytest.mark.parametrize("memory", [2**26, 2**28, 2**30])
def test_sizes_keep_to_the_memory_and_mix_many_chunks(step: int, memory: int) -> None:
    wide = np.broadcast_to(np.zeros(1, np.float16), (10, 2048))
    inputs = Inputs({"text": wide})
    chunks = Chunks.within(inputs, memory, step)
    largest = chunks.group + 2 * chunks.chunk + step
    assert 2 * largest * 4096 <= memory + 2 * step * 4096
    assert 64 * 2**10 <= chunks.chunk * 4096 <= 256 * 2**10
    if memory == 2**30:
        assert chunks.group / chunks.chunk >= 0.95 * step


def test_memory_for_less_than_a_step_still_trains() -> None:
    chunks = Chunks.within(inputs_of(50), 1, 16)
    assert chunks.group == 16
    assert len(numbers_of(ChunkBatches(inputs_of(50), np.arange(50), 16, 0, chunks))) == 4


def test_a_pass_keeps_to_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory, scratch = 2**21, 2**18
    monkeypatch.setattr("product_length.training.reading._MOST_BYTES", scratch)
    mapped = on_disk(np.ones((8000, 1024), np.float16), tmp_path / "vectors.npy")  # 16 MB
    inputs, rows = Inputs({"text": mapped}), np.delete(np.arange(8000), slice(0, -1, 9))
    batches = ChunkBatches(inputs, rows, 16, 0, Chunks.within(inputs, memory, 16))
    tracemalloc.start()
    try:
        assert sum(int(batch["text"][:, 0].sum()) for batch in batches) == len(rows)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert memory / 2 < most < memory + scratch + 5 * rows.nbytes


def test_leaves_no_thread_and_no_open_file_behind(tmp_path: Path) -> None:
    mapped = on_disk(np.zeros((500, 2), np.float16), tmp_path / "vectors.npy")
    inputs = Inputs({"text": mapped, "number": np.arange(500)})
    before = threading.active_count()
    coming = iter(ChunkBatches(inputs, np.arange(500), 10, 0, Chunks(5, 50)))
    next(coming)
    assert threading.active_count() == before + 1
    coming.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    # pytest turns the ResourceWarning of an open file into an error.


def test_a_file_that_shrank_is_reported(tmp_path: Path) -> None:
    mapped = on_disk(np.zeros((500, 2), np.float16), tmp_path / "vectors.npy")
    with (tmp_path / "vectors.npy").open("r+b") as file:
        file.truncate(300)
    batches = ChunkBatches(
        Inputs({"text": mapped, "number": np.arange(500)}), np.arange(500), 10, 0, Chunks(5, 50)
    )
    with pytest.raises(UserError, match=r"cannot read .*vectors\.npy: it ends too early"):
        numbers_of(batches)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.sets(st.integers(0, 300), max_size=100), gap=st.integers(0, 9), most=st.integers(1, 40)
)
def test_runs_cover_the_rows_and_read_little_else(rows: set[int], gap: int, most: int) -> None:
    ascending = np.array(sorted(rows), np.int64)
    found = list(runs(ascending, gap, most))
    assert [i for start, stop in found for i in range(start, stop)] == list(range(len(rows)))
    for start, stop in found:
        run = ascending[start:stop]
        assert run[-1] - run[0] < most
        assert np.all(np.diff(run) <= gap + 1)


def test_few_reads_through_any_buffer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(0).normal(size=(900, 3)).astype(np.float32)
    reader = RowReader(on_disk(vectors, tmp_path / "vectors.npy"))
    monkeypatch.setattr("product_length.training.reading._MOST_BYTES", 12 * 7)
    for rows in (np.arange(900), np.arange(0, 900, 3), np.array([0, 1, 2, 899]), np.arange(0)):
        np.testing.assert_array_equal(reader.copy(rows, gap=4), vectors[rows])
    reader.close()
