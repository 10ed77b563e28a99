"""Block-shuffled batches: the right rows, none lost and none twice, within the memory given."""

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
from test_batches import drawn, inputs_of

from product_length.errors import UserError
from product_length.training.batches import Inputs
from product_length.training.blocks import BlockBatches, Blocks
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
    block=st.integers(1, 20),
    group=st.integers(1, 100),
)
def test_every_row_once_to_one_process(
    rows: int, size: int, world: int, epoch: int, block: int, group: int
) -> None:
    inputs, chosen = inputs_of(200), np.arange(3, 3 + 2 * rows, 2)
    if rows < 2 * world:
        return
    parts = []
    for rank in range(world):
        blocks = Blocks(block, group)
        batches = BlockBatches(inputs, chosen, size, 1, blocks, rank=rank, world=world)
        batches.set_epoch(epoch)
        parts.append(drawn(batches))
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
    block=st.integers(1, 60),
    group=st.integers(1, 200),
    seed=st.integers(0, 9),
)
def test_groups_are_whole_steps_and_not_larger_than_memory(
    rows: int, step: int, block: int, group: int, seed: int
) -> None:
    groups = Blocks(block, group).groups(rows, step, np.random.default_rng(seed))
    assert sorted(np.concatenate(groups).tolist()) == list(range(rows))
    assert all(len(each) % step == 0 for each in groups[:-1])
    assert max(map(len, groups)) < group + 2 * block + step


@pytest.mark.parametrize("whole", [True, False], ids=["file", "part of a file"])
def test_batches_hold_what_the_file_holds(tmp_path: Path, whole: bool) -> None:
    told = inputs_of(350)
    longer = inputs_of(350 if whole else 400)
    mapped = tuple(
        on_disk(vectors, tmp_path / f"{i}.npy") for i, vectors in enumerate(longer.embeddings)
    )
    if not whole:
        mapped = tuple(vectors[:350] for vectors in mapped)
    inputs = replace(told, embeddings=mapped)
    rows = np.random.default_rng(0).permutation(350)[:300]  # any order, with gaps
    batches = BlockBatches(inputs, rows, 16, 5, Blocks(10, 60))
    count = 0
    for batch in batches:
        assert batch.types is not None
        assert batch.neighbours is not None
        assert batch.lengths is not None
        assert batch.dimensions is not None
        assert batch.terms is not None
        numbers = batch.types.numpy()
        np.testing.assert_array_equal(batch.embeddings[0][:, 1].numpy(), -numbers.astype("f2"))
        np.testing.assert_array_equal(batch.embeddings[1][:, 0].numpy(), numbers)
        np.testing.assert_array_equal(batch.neighbours[:, 0].numpy(), numbers / 2)
        np.testing.assert_array_equal(batch.dimensions[:, 0].numpy(), numbers / 4)
        np.testing.assert_array_equal(batch.terms[:, 1].numpy(), numbers + 1)
        np.testing.assert_array_equal(batch.lengths.numpy(), numbers + 1)
        count += len(numbers)
    assert count == 300 - batches.left_out


def test_order_follows_from_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        batches = BlockBatches(inputs_of(100), np.arange(100), 16, seed, Blocks(4, 40))
        drawn(batches)  # what was drawn before does not matter
        batches.set_epoch(epoch)
        return drawn(batches)

    assert order(1, 0) == order(1, 0)
    assert order(1, 2) == order(1, 2)
    different = [order(1, 0), order(1, 1), order(2, 0), order(0, 1)]
    assert len({str(batches) for batches in different}) == 4


def test_the_row_left_out_changes_from_epoch_to_epoch() -> None:
    batches = BlockBatches(inputs_of(33), np.arange(33), 16, 0, Blocks(3, 10))
    missing = set()
    for epoch in range(30):
        batches.set_epoch(epoch)
        missing |= set(range(33)) - {row for batch in drawn(batches) for row in batch}
    assert len(missing) > 10


@pytest.mark.parametrize("step", [512, 4096])
@pytest.mark.parametrize("memory", [2**26, 2**28, 2**30])
def test_sizes_keep_to_the_memory_and_mix_many_blocks(step: int, memory: int) -> None:
    wide = np.broadcast_to(np.zeros(1, np.float16), (10, 2048))
    inputs = Inputs((wide,), None, None, None)
    blocks = Blocks.within(inputs, memory, step)
    largest = blocks.group + 2 * blocks.block + step
    assert 2 * largest * 4096 <= memory + 2 * step * 4096
    assert 64 * 2**10 <= blocks.block * 4096 <= 256 * 2**10
    if memory == 2**30:
        assert blocks.group / blocks.block >= 0.95 * step


def test_memory_for_less_than_a_step_still_trains() -> None:
    blocks = Blocks.within(inputs_of(50), 1, 16)
    assert blocks.group == 16
    assert len(drawn(BlockBatches(inputs_of(50), np.arange(50), 16, 0, blocks))) == 4


def test_a_pass_keeps_to_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory, scratch = 2**21, 2**18
    monkeypatch.setattr("product_length.training.reading._MOST_BYTES", scratch)
    mapped = on_disk(np.ones((8000, 1024), np.float16), tmp_path / "vectors.npy")  # 16 MB
    inputs, rows = Inputs((mapped,), None, None, None), np.delete(np.arange(8000), slice(0, -1, 9))
    batches = BlockBatches(inputs, rows, 16, 0, Blocks.within(inputs, memory, 16))
    tracemalloc.start()
    try:
        assert sum(int(batch.embeddings[0][:, 0].sum()) for batch in batches) == len(rows)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert memory / 2 < most < memory + scratch + 5 * rows.nbytes


def test_leaves_no_thread_and_no_open_file_behind(tmp_path: Path) -> None:
    mapped = on_disk(np.zeros((500, 2), np.float16), tmp_path / "vectors.npy")
    inputs = Inputs((mapped,), np.arange(500), None, None)
    before = threading.active_count()
    coming = iter(BlockBatches(inputs, np.arange(500), 10, 0, Blocks(5, 50)))
    next(coming)
    assert threading.active_count() == before + 1
    coming.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    # pytest turns the ResourceWarning of an open file into an error.


def test_a_file_that_shrank_is_told(tmp_path: Path) -> None:
    mapped = on_disk(np.zeros((500, 2), np.float16), tmp_path / "vectors.npy")
    with (tmp_path / "vectors.npy").open("r+b") as file:
        file.truncate(300)
    batches = BlockBatches(
        Inputs((mapped,), np.arange(500), None, None), np.arange(500), 10, 0, Blocks(5, 50)
    )
    with pytest.raises(UserError, match=r"cannot read .*vectors\.npy: it ends too early"):
        drawn(batches)


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
