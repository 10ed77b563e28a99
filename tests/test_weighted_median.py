"""The weighted median against brute-force minimisation of the weighted absolute error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from product_length.weighted_median import (
    weighted_median,
    weighted_median_by_code,
    weighted_median_rows,
)

pairs = st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 4)), min_size=1, max_size=12).filter(
    lambda rows: any(weight for _, weight in rows)
)


def brute_force(values, weights):
    """The least value, of those given, with the least weighted absolute error."""
    costs = [(np.sum(weights * np.abs(values - value)), value) for value in values]
    return min(costs)[1]


@given(pairs)
def test_minimises_the_weighted_absolute_error(rows):
    values, weights = np.array(rows, dtype=np.float64).T
    # Small integers: costs are exact, so equal costs are equal. The lower median is the least
    # minimiser of positive weight.
    assert weighted_median(values, weights) == brute_force(
        values[weights > 0], weights[weights > 0]
    )


@given(st.lists(st.floats(1e-3, 2e9), min_size=1, max_size=30), st.randoms())
def test_no_value_has_a_lower_mape(lengths, random):
    y = np.array(lengths)
    best = weighted_median(y, 1 / y)
    assert best in y
    for other in [*y, best * 0.99, best * 1.01]:
        cost = np.mean(np.abs(y - other) / y)
        assert np.mean(np.abs(y - best) / y) <= cost * (1 + 1e-12)


@given(pairs, pairs)
def test_rows_are_independent(first, second):
    size = min(len(first), len(second))
    values = np.array([first[:size], second[:size]], dtype=np.float64)
    medians = weighted_median_rows(values[..., 0], values[..., 1])
    for row, median in zip(values, medians, strict=True):
        if row[:, 1].any():
            assert median == weighted_median(row[:, 0], row[:, 1])
        else:
            assert np.isnan(median)


def test_by_hand():
    # Half of the weight lies on the first value: it is the lower median.
    assert weighted_median(np.array([1.0, 2.0]), np.array([1.0, 1.0])) == 1
    assert weighted_median(np.array([1.0, 2.0]), np.array([1.0, 1.1])) == 2
    assert weighted_median(np.array([np.nan, 5.0, np.inf]), np.array([0.0, 1.0, 0.0])) == 5
    assert weighted_median_rows(np.zeros((2, 0)), np.zeros((2, 0))).tolist() == pytest.approx(
        [np.nan, np.nan], nan_ok=True
    )


def test_by_code_does_not_round_light_codes_away():
    values = np.array([7.0, 1.0, 2.0, 3.0])
    weights = np.array([1e15, 1e-9, 1e-9, 1e-9])
    medians = weighted_median_by_code(values, weights, np.array([0, 2, 2, 2]), 4)
    assert medians[[0, 2]].tolist() == [7, 2]
    assert np.isnan(medians[[1, 3]]).all()
    assert np.isnan(weighted_median_by_code(values[:0], values[:0], np.zeros(0, int), 2)).all()


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_refuses_bad_weights(weight):
    with pytest.raises(ValueError, match="finite and not negative"):
        weighted_median(np.array([1.0, 2.0]), np.array([1.0, weight]))


def test_refuses_bad_shapes_and_no_weight():
    with pytest.raises(ValueError, match="must be"):
        weighted_median(np.ones((2, 2)), np.ones((2, 2)))
    with pytest.raises(ValueError, match="must both be"):
        weighted_median(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="no weight is positive"):
        weighted_median(np.ones(2), np.zeros(2))
    with pytest.raises(ValueError, match="codes must lie"):
        weighted_median_by_code(np.ones(2), np.ones(2), np.array([0, 2]), 2)
