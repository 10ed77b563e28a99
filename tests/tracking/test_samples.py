import numpy as np
import pytest

from product_length.evaluation.examples import sampled_rows
from product_length.tracking.samples import best_rows, worst_rows


@pytest.mark.parametrize(("rows", "count", "wanted"), [(1000, 50, 50), (7, 50, 7), (7, 0, 0)])
def test_sample_is_ascending_repeatable_and_of_different_rows(
    rows: int, count: int, wanted: int
) -> None:
    sample = sampled_rows(rows, count)
    assert len(set(sample.tolist())) == sample.size == wanted
    assert sample.tolist() == sorted(sample.tolist()) == sampled_rows(rows, count).tolist()
    assert all(0 <= row < rows for row in sample)


def test_sample_is_spread_over_all_rows() -> None:
    assert np.histogram(sampled_rows(10_000, 1000), bins=10, range=(0, 10_000))[0].min() > 60


def test_best_and_worst_take_the_first_of_equal_errors() -> None:
    errors = np.array([0.5, 0.1, 0.9, 0.1, 0.9, 0.3])
    assert best_rows(errors, 3).tolist() == [1, 3, 5]
    assert worst_rows(errors, 3).tolist() == [2, 4, 0]
    assert best_rows(errors, 99).size == worst_rows(errors, 99).size == 6
