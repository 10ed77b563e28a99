"""Ragged discrete distributions: merging atoms, the best estimate, and sampling by shares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.demo.labels import sample_from
from product_length.demo.truth import ConditionalLengths, merge_atoms

weighted_lengths = st.lists(
    st.tuples(st.integers(1, 50), st.integers(1, 30)), min_size=1, max_size=8
)


@given(st.lists(weighted_lengths, min_size=1, max_size=5))
@settings(deadline=None, max_examples=200)
def test_estimates_minimise_over_any_distributions(rows: list[list[tuple[int, int]]]) -> None:
    entries = [(i, a, w) for i, row in enumerate(rows) for a, w in row]
    index, atoms, weights = (np.array(column) for column in zip(*entries, strict=True))
    truth = merge_atoms(index, atoms.astype(np.float64), weights.astype(np.float64), len(rows))
    best = truth.best_for_mape()
    for i, row in enumerate(rows):
        total = sum(w for _, w in row)
        costs = [sum(w * abs(x - a) / a for a, w in row) / total for x, _ in row]
        assert truth.expected_mape(best)[i] == pytest.approx(min(costs), rel=1e-9, abs=1e-12)
        assert np.array_equal(truth.row(i)[0], np.unique([a for a, _ in row]))
        mass = [sum(w for a, w in row if a == atom) / total for atom in truth.row(i)[0]]
        assert truth.row(i)[1] == pytest.approx(mass)


def two_rows() -> ConditionalLengths:
    values, weights = np.array([30.0, 10.0, 5.0, 10.0]), np.array([1.0, 2.0, 4.0, 1.0])
    return merge_atoms(np.array([0, 0, 1, 0]), values, weights, 2)


def test_equal_atoms_are_merged_and_sorted() -> None:
    rows = two_rows()
    assert rows.atoms.tolist() == [10, 30, 5]
    assert rows.probabilities.tolist() == [0.75, 0.25, 1]
    assert rows.offsets.tolist() == [0, 2, 3]
    assert rows.expected_mape(np.array([20.0, 4.0])) == pytest.approx([0.75 + 0.25 / 3, 0.2])


def test_parts_are_put_together() -> None:
    whole = ConditionalLengths.concatenate([two_rows(), two_rows()])
    assert whole.offsets.tolist() == [0, 2, 3, 5, 6]
    assert whole.best_for_mape().tolist() == [10, 5, 10, 5]
    assert whole.row(2)[0].tolist() == [10, 30]


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="predictions for"):
        two_rows().expected_mape(np.ones(3))
    with pytest.raises(ValueError, match="shapes differ"):
        merge_atoms(np.zeros(2, np.int64), np.ones(2), np.ones(3), 1)
    with pytest.raises(ValueError, match="without any possible length"):
        merge_atoms(np.zeros(2, np.int64), np.ones(2), np.ones(2), 2)


def test_samples_follow_their_shares() -> None:
    shares = np.array([[0.2, 0.0, 0.8], [0.0, 1.0, 0.0]])
    cases = [(0.0, 0, 1), (0.1999, 0, 1), (0.2001, 2, 1), (1 - 2**-53, 2, 1)]
    for uniform, first, second in cases:
        assert sample_from(shares, np.full(2, uniform)).tolist() == [first, second]
    counts = np.bincount(
        sample_from(np.tile(shares[:1], (10_000, 1)), np.linspace(0, 0.9999, 10_000))
    )
    assert counts.tolist() == pytest.approx([2_000, 0, 8_000], abs=2)
