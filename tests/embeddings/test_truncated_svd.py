"""The truncated singular value decomposition against NumPy's of the dense matrix."""

import numpy as np
import pytest
from scipy import sparse

from product_length.embeddings import truncated_svd as module
from product_length.embeddings.truncated_svd import truncated_svd
from product_length.stage_progress import StageProgress


def sparse_of(rows: int, columns: int, rank: int, fall: float) -> sparse.csr_matrix:
    """A product of two sparse matrices; its singular values fall about so fast."""
    random = np.random.default_rng(1)
    left, right = random.normal(size=(rows, rank)), random.normal(size=(rank, columns))
    left *= random.random(left.shape) < 0.1
    right *= random.random(right.shape) < 0.1
    return sparse.csr_matrix((left * fall ** np.arange(rank) @ right).astype(np.float32))


@pytest.mark.parametrize("shape", [(400, 700), (700, 400)])
def test_equals_numpy(shape: tuple[int, int]) -> None:
    matrix = sparse_of(*shape, rank=200, fall=0.95)
    strengths, directions = truncated_svd("decomposing", matrix, 24, seed=0)
    assert strengths.dtype == directions.dtype == np.float32
    expected, axes = np.linalg.svd(matrix.toarray().astype(np.float64), full_matrices=False)[1:]
    np.testing.assert_allclose(strengths, expected[:24], rtol=1e-4)
    np.testing.assert_allclose(directions @ directions.T, np.eye(24), atol=1e-5)
    np.testing.assert_allclose(np.abs((directions @ axes[:24].T).diagonal()), 1, atol=1e-3)


@pytest.mark.parametrize("shape", [(600, 500), (500, 600)])
@pytest.mark.parametrize("rank", [1, 5, 40])
def test_of_a_matrix_of_low_rank_the_other_values_are_0(rank: int, shape: tuple[int, int]) -> None:
    matrix = sparse_of(*shape, rank, fall=0.9)
    strengths, directions = truncated_svd("decomposing", matrix, 60, seed=0)
    expected = np.linalg.svd(matrix.toarray(), compute_uv=False)[: len(strengths)]
    np.testing.assert_allclose(strengths, expected, rtol=1e-4, atol=5e-5 * expected[0])
    found = directions[:rank]
    np.testing.assert_allclose(found @ found.T, np.eye(rank), atol=1e-4)


@pytest.mark.parametrize("rank", [80, 4])
@pytest.mark.parametrize("shape", [(3, 900), (900, 3), (80, 900), (1, 1)])
def test_a_small_matrix_is_decomposed_exactly(shape: tuple[int, int], rank: int) -> None:
    matrix = sparse_of(*shape, rank, fall=0.99)
    strengths, directions = truncated_svd("decomposing", matrix, 32, seed=0)
    expected, axes = np.linalg.svd(matrix.toarray().astype(np.float64), full_matrices=False)[1:]
    np.testing.assert_allclose(strengths, expected[:32], rtol=1e-5, atol=1e-5)
    assert directions.dtype == np.float32
    assert directions.shape == (min(32, *shape), shape[1])
    there = expected[:32] > 1e-3
    cosines = (directions * axes[:32]).sum(axis=1)[there]
    np.testing.assert_allclose(np.abs(cosines), 1, atol=1e-4)


def test_each_product_is_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []

    class Remembered(StageProgress):
        def __init__(self, stage: str, total: int, unit: str) -> None:
            super().__init__(stage, total, unit)
            begun.append((self, total))

    monkeypatch.setattr(module, "StageProgress", Remembered)
    truncated_svd("decomposing", sparse_of(400, 700, rank=200, fall=0.95), 24, seed=0)
    ((progress, total),) = begun
    assert progress.done == total == 10
