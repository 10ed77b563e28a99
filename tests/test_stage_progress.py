"""The progress of a fit."""

import logging

import pytest

from product_length import stage_progress
from product_length.stage_progress import StageProgress


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
