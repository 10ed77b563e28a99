"""How well shuffled chunks stand in for a true shuffle, on 100,000 rows of 4 KiB in 100 MB.

The measure of a label's spread is the standard deviation of its batch means over that of a uniform
shuffle, which is σ √(1/b − 1/n) for batches of b among n rows.
"""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from test_batches import numbers_of

from product_length.training.batches import Inputs, ShuffledBatches
from product_length.training.chunks import ChunkBatches, Chunks

ROWS, MEMORY, EPOCHS = 100_000, 100 * 10**6, 3
BATCHES = [128, 512]
both = pytest.mark.parametrize("size", BATCHES)


def chunks_for(size: int) -> Chunks:
    wide = np.broadcast_to(np.zeros(1, np.float16), (ROWS, 2048))
    chunks = Chunks.within(Inputs({"text": wide}), MEMORY, size)
    assert chunks.group < ROWS / 8  # much less memory than data
    return chunks


@cache
def orders(size: int, *, true: bool = False) -> list[list[NDArray[np.int64]]]:
    """The row numbers of each batch, for some epochs."""
    numbers = np.arange(ROWS)
    thin = Inputs({"number": numbers})
    batches: ShuffledBatches = ChunkBatches(thin, numbers, size, 3, chunks_for(size))
    if true:
        batches = ShuffledBatches(thin, numbers, size, 3)
    found = []
    for epoch in range(EPOCHS):
        batches.set_epoch(epoch)
        found.append([np.array(batch) for batch in numbers_of(batches)])
    return found


def spread(order: list[list[NDArray[np.int64]]], label: NDArray[np.float64]) -> float:
    size = len(order[0][0])
    means = [label[batch].mean() for epoch in order for batch in epoch if len(batch) == size]
    return float(np.std(means) / (label.std() * np.sqrt(1 / size - 1 / ROWS)))


@both
def test_the_measure_is_1_for_a_true_shuffle(size: int) -> None:
    assert spread(orders(size, true=True), np.arange(ROWS) / 1) == pytest.approx(1, abs=0.1)


@both
def test_sorted_data_spread_no_more_than_truly_shuffled(size: int) -> None:
    # The worst file there is: sorted by length. Every group holds chunks from all over it.
    assert spread(orders(size), np.arange(ROWS) / 1) < 1.1
    lognormal = np.sort(np.random.default_rng(0).lognormal(6, 1.5, ROWS))
    assert spread(orders(size), lognormal) < 1.1


@both
def test_neighbours_alike_spread_little_more(size: int) -> None:
    # Chunks as different from each other as they can be, each of equal rows: √2 by construction,
    # since a group has as many chunks as a batch has rows.
    of_chunk = np.random.default_rng(1).normal(size=ROWS)
    alike = of_chunk[np.arange(ROWS) // chunks_for(size).chunk]
    assert 1.0 < spread(orders(size), alike) < 1.5


@both
def test_when_a_row_comes_says_nothing_of_where_it_stands(size: int) -> None:
    for epoch in orders(size):
        order = np.concatenate(epoch)
        assert sorted(order.tolist()) == sorted(set(order.tolist()))
        assert abs(np.corrcoef(np.arange(len(order)), order)[0, 1]) < 4 / np.sqrt(ROWS)


@both
def test_neighbours_in_the_file_seldom_share_a_batch(size: int) -> None:
    for epoch in orders(size):
        batch_of = np.full(ROWS, -1)
        for number, batch in enumerate(epoch):
            batch_of[batch] = number
        together = np.mean(batch_of[1:] == batch_of[:-1])
        assert together < 1.2 * size / chunks_for(size).group


@both
def test_epochs_differ_in_which_rows_meet(size: int) -> None:
    first, second = (np.zeros(ROWS, int) for _ in range(2))
    for batch_of, epoch in zip((first, second), orders(size), strict=False):
        for number, batch in enumerate(epoch):
            batch_of[batch] = number
    pairs = np.random.default_rng(0).integers(0, ROWS, (200_000, 2))
    met = (first[pairs] == first[pairs[:, :1]]).all(1)
    again = (second[pairs] == second[pairs[:, :1]]).all(1)
    assert (met & again).sum() <= 20  # by chance: at most 200,000 / 195² = 5
