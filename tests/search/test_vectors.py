"""Vectors of several encoders as one array, against NumPy."""

import numpy as np
import pytest

from product_length.search.vectors import SideBySide, side_by_side


def parts(rows=40):
    random = np.random.default_rng(0)
    first = random.normal(size=(rows, 5)).astype(np.float16) * 9
    second = random.normal(size=(rows, 3)).astype(np.float32) / 7
    second[4] = 0
    return first, second


def test_a_cosine_is_the_mean_of_the_encoders_cosines():
    first, second = parts()
    both = SideBySide([first, second])
    assert both.shape == (40, 8)
    assert len(both) == 40
    assert both.dtype == both[:].dtype == np.float16
    rows = both[:].astype(float)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)

    def cosines(vectors):
        norms = np.linalg.norm(vectors.astype(float), axis=1, keepdims=True)
        unit = vectors / np.where(norms > 0, norms, 1)
        return unit @ unit.T

    wanted = (cosines(first) + cosines(second)) / 2
    known = np.arange(40) != 4
    np.testing.assert_allclose((rows @ rows.T)[known][:, known], wanted[known][:, known], atol=2e-3)
    # A row that one encoder knows nothing of has the other's cosines, all lowered alike.
    np.testing.assert_allclose(
        (rows @ rows.T)[4][known], cosines(first)[4][known] / np.sqrt(2), atol=2e-3
    )


def test_rows_are_read_in_parts_and_in_any_order(monkeypatch):
    monkeypatch.setattr("product_length.search.vectors.BLOCK_ROWS", 7)
    both = SideBySide(parts())
    whole = both[:]
    np.testing.assert_array_equal(both[10:31], whole[10:31])
    np.testing.assert_array_equal(both[35:99], whole[35:])
    chosen = np.array([3, 39, 3, 0])
    np.testing.assert_array_equal(both[chosen], whole[chosen])
    assert both[np.array([], dtype=np.int64)].shape == (0, 8)


def test_one_array_stays_as_it_is():
    first, second = parts()
    assert side_by_side([first]) is first
    assert isinstance(side_by_side([first, second]), SideBySide)


def test_arrays_of_other_rows_are_refused():
    with pytest.raises(ValueError, match=r"\[40, 39\] rows"):
        SideBySide([np.ones((40, 2), np.float16), np.ones((39, 2), np.float16)])
