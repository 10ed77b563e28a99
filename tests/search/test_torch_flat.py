"""The search by torch against NumPy, across its blocks."""

import numpy as np
import pytest
import torch

from product_length.search import torch_flat
from product_length.search.cosine import CosineSearch
from product_length.search.torch_flat import TorchFlat
from product_length.search.vectors import unit

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("added", [[40], [7, 16, 17]])
def test_it_finds_the_best_of_all_blocks(monkeypatch, device, added):
    monkeypatch.setattr(torch_flat, "_BLOCK_ROWS", 16)
    random = np.random.default_rng(0)
    rows = random.normal(size=(sum(added), 8)).astype(np.float32)
    queries = random.normal(size=(5, 8)).astype(np.float32)
    index = TorchFlat(8, device)
    for part in np.split(rows, np.cumsum(added)[:-1]):
        index.add(part)
    assert index.ntotal == len(rows)
    scores, found = index.search(queries, 6)
    wanted = np.argsort(-(queries @ rows.T), axis=1)[:, :6]
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_allclose(
        scores, np.take_along_axis(queries @ rows.T, wanted, axis=1), rtol=1e-5
    )
    assert (scores.dtype, found.dtype) == (np.float32, np.int64)


def test_fewer_rows_than_are_asked_for():
    index = TorchFlat(2, torch.device("cpu"))
    index.add(np.eye(2, dtype=np.float32))
    scores, found = index.search(np.float32([[1, 0]]), 4)
    assert found.tolist() == [[0, 1, -1, -1]]
    assert scores.tolist() == [[1, 0, -np.inf, -np.inf]]


def test_a_search_by_torch_answers_as_one_by_faiss():
    random = np.random.default_rng(1)
    vectors = np.repeat(random.normal(size=(60, 8)).astype(np.float16), 3, axis=0)  # with twins
    by_faiss, by_torch = CosineSearch(vectors), CosineSearch(vectors)
    by_torch._index = TorchFlat(8, "cpu")
    by_torch._index.add(unit(vectors))
    for one, other in zip(by_faiss.search(vectors, 7), by_torch.search(vectors, 7), strict=True):
        np.testing.assert_array_equal(one, other)
