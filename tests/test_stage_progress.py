"""The progress of a fit."""

import logging

import numpy as np
import pytest
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from product_length import stage_progress
from product_length.embeddings.watched_matrix import watched
from product_length.stage_progress import StageProgress


@pytest.mark.parametrize("shape", [(40, 90), (90, 40)])
def test_each_product_of_a_decomposition_is_a_step_and_changes_no_more_than_rounding(
    shape: tuple[int, int],
) -> None:
    matrix = sparse.random(*shape, density=0.2, format="csr", dtype=np.float32, random_state=1)
    plain = randomized_svd(sparse.csr_matrix(matrix), 5, n_iter=4, random_state=0)
    with StageProgress("decomposing", 10, "products") as progress:
        seen = randomized_svd(
            watched(sparse.csr_matrix(matrix), progress), 5, n_iter=4, random_state=0
        )
    assert progress.done == 10
    for one, other in zip(plain, seen, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_without_a_terminal_a_long_stage_logs_its_rate_and_time_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr(stage_progress.time, "perf_counter", lambda: next(clock))
    with (
        caplog.at_level(logging.INFO, logger="product_length"),
        StageProgress("counting", 8, "texts") as progress,
    ):
        for _ in range(8):
            progress.step()
    assert [record.getMessage() for record in caplog.records] == [
        "counting, 8 texts …",
        "counting: 3 of 8 texts, 0.25/s, 20 s left",
        "counting: 6 of 8 texts, 0.25/s, 8 s left",
        "counting: 36.0 s",
    ]
