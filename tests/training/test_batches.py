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
    """Every part of a row tells the row's number."""
    numbers = np.arange(rows)
    return Inputs(
        embeddings=(
            np.stack([numbers, -numbers], axis=1).astype(np.float16),
            numbers[:, None].astype(np.float32),
        ),
        types=numbers.astype(np.int64),
        neighbours=numbers[:, None].astype(np.float32) / 2,
        lengths=numbers.astype(np.float32) + 1,
        dimensions=numbers[:, None].astype(np.float32) / 4,
        terms=np.stack([numbers, numbers + 1], axis=1).astype(np.int32),
    )


def drawn(batches: OrderedBatches | ShuffledBatches) -> list[list[int]]:
    found = []
    for batch in batches:
        assert batch.types is not None
        found.append(batch.types.tolist())
    return found


def test_a_batch_holds_the_same_rows_in_every_part() -> None:
    rows = np.array([7, 2, 2, 0])
    batch = inputs_of(9).take(rows)
    first, second = batch.embeddings
    assert first.dtype == torch.float16
    assert first.tolist() == [[7, -7], [2, -2], [2, -2], [0, 0]]
    assert second[:, 0].tolist() == [7, 2, 2, 0]
    assert batch.types is not None
    assert batch.types.tolist() == [7, 2, 2, 0]
    assert batch.neighbours is not None
    assert batch.neighbours[:, 0].tolist() == [3.5, 1, 1, 0]
    assert batch.lengths is not None
    assert batch.lengths.tolist() == [8, 3, 3, 1]
    assert batch.dimensions is not None
    assert batch.dimensions[:, 0].tolist() == [1.75, 0.5, 0.5, 0]
    assert batch.terms is not None
    assert batch.terms.tolist() == [[7, 8], [2, 3], [2, 3], [0, 1]]


def test_reads_from_disk_without_touching_it(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float16)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    batches = OrderedBatches(Inputs((mapped,), None, None, None), np.arange(50), 8)
    read = torch.cat([batch.embeddings[0] for batch in batches])
    np.testing.assert_array_equal(read.numpy(), vectors)
    for batch in batches:
        batch.embeddings[0].zero_()  # a copy: the file is read-only
    np.testing.assert_array_equal(np.load(tmp_path / "vectors.npy"), vectors)


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(0, 40), size=st.integers(1, 12))
def test_ordered_gives_every_row_once_in_order(rows: int, size: int) -> None:
    chosen = np.random.default_rng(rows).permutation(50)[:rows]
    batches = OrderedBatches(inputs_of(50), chosen, size)
    found = drawn(batches)
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
        parts.append(drawn(batches))
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
        return drawn(batches)

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
        missing |= set(range(33)) - {row for batch in drawn(batches) for row in batch}
    assert len(missing) > 10


def test_a_batch_larger_than_the_split_is_the_split() -> None:
    batches = ShuffledBatches(inputs_of(5), np.arange(5), 512, 0)
    assert [sorted(batch) for batch in drawn(batches)] == [[0, 1, 2, 3, 4]]


def test_fingerprint_tells_rows_lengths_and_vectors_apart() -> None:
    inputs, rows = inputs_of(300), np.arange(200)
    assert inputs.fingerprint(rows) == inputs_of(300).fingerprint(rows.copy())
    assert inputs.fingerprint(rows).startswith("200 rows, ")
    others = [inputs.fingerprint(rows[:-1]), inputs.fingerprint(rows[::-1])]
    assert inputs.lengths is not None
    inputs.lengths[199] += 1
    others.append(inputs.fingerprint(rows))
    inputs.lengths[199] -= 1
    inputs.embeddings[0][:] *= 2
    others.append(inputs.fingerprint(rows))
    assert len({inputs_of(300).fingerprint(rows), *others}) == 5


def test_inputs_of_unequal_length_are_refused() -> None:
    vectors = np.zeros((4, 2), np.float16)
    with pytest.raises(ValueError, match=r"equally many rows, not \[3, 4\]"):
        Inputs((vectors,), np.zeros(3, np.int64), None, None)
    with pytest.raises(ValueError, match=r"lengths \(5,\) must be \(4,\)"):
        Inputs((vectors,), None, None, np.ones(5, np.float32))
    with pytest.raises(ValueError, match="equally many rows"):
        Inputs((), None, None, None)
