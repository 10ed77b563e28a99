"""Batches: the right rows, the right order, none lost and none twice."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.errors import UserError
from product_length.training.batches import Inputs, OrderedBatches, ShuffledBatches


def inputs_of(rows: int) -> Inputs:
    """The row's number can be seen in each column."""
    numbers = np.arange(rows)
    columns = {
        "half": np.stack([numbers, -numbers], axis=1).astype(np.float16),
        "full": numbers[:, None].astype(np.float32) / 4,
        "number": numbers,
        "ids": np.stack([numbers, numbers + 1], axis=1).astype(np.int32),
    }
    return Inputs(columns, numbers.astype(np.float32) + 1)


def numbers_of(batches: OrderedBatches | ShuffledBatches) -> list[list[int]]:
    return [batch["number"].tolist() for batch in batches]


def test_a_batch_holds_the_same_rows_in_every_column() -> None:
    batch = inputs_of(9).take(np.array([7, 2, 2, 0]))
    assert len(batch) == 4
    assert list(batch.columns) == ["half", "full", "number", "ids"]
    assert batch["half"].dtype == torch.float16
    assert batch["half"].tolist() == [[7, -7], [2, -2], [2, -2], [0, 0]]
    assert batch["full"][:, 0].tolist() == [1.75, 0.5, 0.5, 0]
    assert batch["number"].tolist() == [7, 2, 2, 0]
    assert batch["ids"].tolist() == [[7, 8], [2, 3], [2, 3], [0, 1]]
    assert batch.lengths is not None
    assert batch.lengths.tolist() == [8, 3, 3, 1]


def test_a_change_is_made_to_every_column_and_the_lengths() -> None:
    doubled = inputs_of(9).take(np.array([7, 0])).map(lambda tensor: 2 * tensor)
    assert doubled["half"].tolist() == [[14, -14], [0, 0]]
    assert doubled["ids"].tolist() == [[14, 16], [0, 2]]
    assert doubled.lengths is not None
    assert doubled.lengths.tolist() == [16, 2]
    unknown = Inputs({"number": np.arange(3)}).take(np.array([1])).map(lambda tensor: 2 * tensor)
    assert unknown["number"].tolist() == [2]
    assert unknown.lengths is None


def test_reads_from_disk_without_touching_it(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float16)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    batches = OrderedBatches(Inputs({"text": mapped}), np.arange(50), 8)
    read = torch.cat([batch["text"] for batch in batches])
    np.testing.assert_array_equal(read.numpy(), vectors)
    for batch in batches:
        batch["text"].zero_()  # a copy: the file is read-only
    np.testing.assert_array_equal(np.load(tmp_path / "vectors.npy"), vectors)


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(0, 40), size=st.integers(1, 12))
def test_ordered_gives_every_row_once_in_order(rows: int, size: int) -> None:
    chosen = np.random.default_rng(rows).permutation(50)[:rows]
    batches = OrderedBatches(inputs_of(50), chosen, size)
    found = numbers_of(batches)
    assert [row for batch in found for row in batch] == chosen.tolist()
    assert len(found) == len(batches)
    assert all(len(batch) == size for batch in found[:-1])


@settings(max_examples=150, deadline=None)
@given(
    rows=st.integers(2, 90),
    size=st.integers(2, 12),
    world=st.integers(1, 3),
    epoch=st.integers(0, 3),
)
def test_shuffled_gives_every_row_once_to_one_process(
    rows: int, size: int, world: int, epoch: int
) -> None:
    inputs, chosen = inputs_of(200), np.arange(3, 3 + 2 * rows, 2)
    if rows < 2 * world:
        with pytest.raises(UserError, match="training rows are too few"):
            ShuffledBatches(inputs, chosen, size, 1, world=world)
        return
    parts = []
    for rank in range(world):
        batches = ShuffledBatches(inputs, chosen, size, 1, rank=rank, world=world)
        batches.set_epoch(epoch)
        parts.append(numbers_of(batches))
        assert len(parts[-1]) == len(batches)
        assert batches.left_out < 2 * world
        assert batches.rows_per_epoch == rows - batches.left_out
    seen = [row for part in parts for batch in part for row in batch]
    assert len(seen) == len(set(seen)) == batches.rows_per_epoch
    assert set(seen) <= set(chosen.tolist())
    assert all(2 <= len(batch) <= size for part in parts for batch in part)
    assert all(len(part) == len(parts[0]) for part in parts)


def test_order_follows_from_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        batches = ShuffledBatches(inputs_of(100), np.arange(100), 16, seed)
        batches.set_epoch(epoch)
        np.random.default_rng()  # nothing global decides
        return numbers_of(batches)

    assert order(1, 0) == order(1, 0)
    assert order(1, 2) == order(1, 2)
    different = [order(1, 0), order(1, 1), order(2, 0), order(0, 1)]
    assert len({str(batches) for batches in different}) == 4


def test_the_row_left_out_changes_from_epoch_to_epoch() -> None:
    batches = ShuffledBatches(inputs_of(33), np.arange(33), 16, 0)
    assert batches.left_out == 1
    missing = set()
    for epoch in range(30):
        batches.set_epoch(epoch)
        missing |= set(range(33)) - {row for batch in numbers_of(batches) for row in batch}
    assert len(missing) > 10


def test_a_batch_larger_than_the_split_is_the_split() -> None:
    batches = ShuffledBatches(inputs_of(5), np.arange(5), 512, 0)
    assert [sorted(batch) for batch in numbers_of(batches)] == [[0, 1, 2, 3, 4]]


def test_the_fingerprint_follows_rows_lengths_and_columns() -> None:
    inputs, rows = inputs_of(300), np.arange(200)
    assert inputs.fingerprint(rows) == inputs_of(300).fingerprint(rows.copy())
    assert inputs.fingerprint(rows).startswith("200 rows, ")
    others = [inputs.fingerprint(rows[:-1]), inputs.fingerprint(rows[::-1])]
    assert inputs.lengths is not None
    inputs.lengths[199] += 1
    others.append(inputs.fingerprint(rows))
    inputs.lengths[199] -= 1
    inputs.columns["half"][:] *= 2
    others.append(inputs.fingerprint(rows))
    assert len({inputs_of(300).fingerprint(rows), *others}) == 5


def test_inputs_of_unequal_length_are_refused() -> None:
    vectors = np.zeros((4, 2), np.float16)
    with pytest.raises(ValueError, match=r"equally many rows, not \[3, 4\]"):
        Inputs({"text": vectors, "types": np.zeros(3, np.int64)})
    with pytest.raises(ValueError, match=r"lengths \(5,\) must be \(4,\)"):
        Inputs({"text": vectors}, np.ones(5, np.float32))
    with pytest.raises(ValueError, match="equally many rows"):
        Inputs({})
