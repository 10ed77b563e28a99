"""What columns of values predict by themselves: counted by hand, row by row."""

import numpy as np
import pytest
import torch
from builders import batch_of, small_grid, training_of

from product_length.features.numbers.expert import NumbersExpert
from product_length.features.values_expert import ValuesExpert

GRID = small_grid()
CODES = np.array([[1, 0], [1, 2], [0, 2], [2, 1], [1, 2]], np.int32)
LENGTHS = np.array([150.0, 150.0, 999.0, 50.0, 300.0], np.float32)


def bin_of(length):
    return int(GRID.bin_of(torch.tensor([length]))[0])


def by_hand(row, column, added, left_out):
    """The distribution of a row's value, from the rows that share it."""
    inside = [
        GRID.smoothing[bin_of(float(LENGTHS[other]))]
        for other in range(len(CODES))
        if CODES[other, column] == CODES[row, column] and not (left_out and other == row)
    ]
    counts = torch.stack(inside).sum(0) if inside else torch.zeros(4)
    return (counts + added * GRID.marginal) / (len(inside) + added)


@pytest.fixture
def expert():
    made = ValuesExpert(GRID, 2, "given", [3, 4])
    made.fit(training_of(LENGTHS, given=CODES))
    with torch.no_grad():
        made.log_marginal_rows.copy_(torch.tensor([2.0, 5.0]).log())
        made.weight.bias.copy_(torch.tensor([0.5, -1.0]))
    return made


@pytest.mark.parametrize("left_out", [False, True])
def test_each_column_reweighs_what_is_expected(expert, left_out):
    expected = torch.tensor([0.4, 0.3, 0.2, 0.1]).log().expand(5, 4)
    lengths = torch.from_numpy(LENGTHS) if left_out else None
    opinion = expert(batch_of(lengths, given=torch.from_numpy(CODES)), torch.zeros(5, 2), expected)
    powers = torch.tensor([0.5, -1.0]).sigmoid()
    for row in range(5):
        shares = [by_hand(row, column, (2.0, 5.0)[column], left_out) for column in (0, 1)]
        product = expected[row].exp()
        for share, power in zip(shares, powers, strict=True):
            product = product * (share / GRID.marginal) ** power
        wanted = product / product.sum()
        torch.testing.assert_close(opinion.log_probs[row, 0].exp(), wanted)
        torch.testing.assert_close(opinion.expected[row].exp(), wanted)
    assert opinion.scores.shape == (5, 1)


def test_a_value_without_training_rows_changes_nothing(expert):
    codes = torch.tensor([[2, 3]])
    expected = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
    lengths = torch.tensor([50.0])  # the only row of code 2 is left out
    opinion = expert(batch_of(lengths, given=codes), torch.zeros(1, 2), expected)
    torch.testing.assert_close(opinion.log_probs[:, 0], expected)
    torch.testing.assert_close(opinion.expected, expected)


def test_numbers_are_alike_between_the_same_edges():
    edges = [np.float32([0, 10, 20]), np.float32([5]), np.float32([])]
    expert = NumbersExpert(GRID, 2, "numbers", edges)
    nothing = float("nan")
    numbers = torch.tensor(
        [[-1, 4, 3], [0, 5, 1e30], [0.1, 6, nothing], [20, nothing, 0], [21, 1e37, 0]]
    )
    reference = [
        [
            0 if np.isnan(x) else 1 + sum(x > edge for edge in each)
            for x, each in zip(row, edges, strict=True)
        ]
        for row in numbers.tolist()
    ]
    assert expert.codes(numbers).tolist() == reference
    assert expert.sizes == [5, 3, 2]
    expert.fit(training_of(LENGTHS, numbers=numbers.numpy()))
    said = expert(batch_of(numbers=numbers), torch.zeros(5, 2), GRID.marginal.log().expand(5, 4))
    assert torch.isfinite(said.log_probs).all()


def test_columns_without_any_number_are_of_no_harm():
    expert = NumbersExpert(GRID, 2, "numbers", [np.float32([])])
    assert expert.codes(torch.tensor([[1.0], [float("nan")]])).tolist() == [[1], [0]]
