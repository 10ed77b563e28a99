"""What counts as found, and when the search is exact."""

import numpy as np

from product_length.search import tuning
from product_length.search.ivf import IvfLists


def test_recall_counts_rows_as_similar_as_the_exact_ones():
    exact = np.array([[0.9, 0.5], [0.9, -np.inf], [-np.inf, -np.inf]], np.float32)
    rows = np.array([[3, 4], [1, -1], [-1, -1]])
    cosines = np.array([[0.9, 0.4], [0.9, 0], [0, 0]], np.float32)
    assert tuning.recalls_of(rows, cosines, exact).tolist() == [0.5, 1, 1]
    cosines[0, 1] = 0.5  # another row, but as similar
    assert tuning.recalls_of(rows, cosines, exact).tolist() == [1, 1, 1]
    assert tuning.standard_error(np.array([0.5])) == 0


def test_auto_is_exact_while_that_is_cheap_or_with_a_gpu(monkeypatch):
    monkeypatch.setattr(tuning, "searches_on_a_gpu", lambda: False)
    monkeypatch.setattr(tuning, "CHEAP", 1000)
    assert tuning.is_exact("auto", 10, 10, 10)
    assert not tuning.is_exact("auto", 11, 10, 10)
    assert tuning.is_exact("exact", 11, 10, 10)
    assert not tuning.is_exact("approximate", 1, 1, 1)
    monkeypatch.setattr(tuning, "searches_on_a_gpu", lambda: True)
    assert tuning.is_exact("auto", 11, 10, 10)
    assert not tuning.is_exact("approximate", 11, 10, 10)


def test_the_sample_catalogue_is_searched_exactly_and_the_challenge_is_not(monkeypatch):
    monkeypatch.setattr(tuning, "searches_on_a_gpu", lambda: False)
    assert tuning.is_exact("auto", 7_392, 6_300, 384)
    assert not tuning.is_exact("auto", 2_250_000, 1_900_000, 384)


def test_share_of_the_neighbours_in_the_nearest_lists():
    centroids = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    lists = IvfLists(centroids, np.array([0, 1, 2, 0], np.int32), 1)
    directions = np.array([[1, 0], [0.6, 0.8]], np.float32)  # of the lists 0, 1, 2 and 1, 0, 2
    rows = np.array([[0, 3, 1, -1], [2, 3, 1, -1]])
    assert tuning._within(lists, directions, rows).tolist() == [3 / 6, 5 / 6, 1]


def test_small_blocks_come_first(monkeypatch):
    monkeypatch.setattr(tuning, "_FIRST_ROWS", 3)
    monkeypatch.setattr(tuning, "_BLOCK_ROWS", 10)
    bounds = list(tuning._blocks(30))
    assert bounds == [(0, 3), (3, 6), (6, 12), (12, 22), (22, 30)]
    assert not list(tuning._blocks(0))
