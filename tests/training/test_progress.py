"""The bar on a terminal, and what takes its place elsewhere."""

import logging
import re
import sys
from pathlib import Path

import pytest
from fitting_problem import KillAt, Killed, Problem
from test_histogram_fit import problem_of


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    # pytest puts a new object of this class in place for each phase of a test.
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda _: True)


@pytest.mark.usefixtures("terminal")
def test_bar_shows_epoch_rate_time_left_and_the_figure(
    problem: Problem,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        result = problem.fit(tmp_path, max_epochs=2, progress=True)
    out, err = capsys.readouterr()
    last = err.rstrip().split("\r")[-1]
    assert out == ""
    assert last.startswith("epoch 2/2: 100%")
    assert re.search(r"400/400 \[00:\d\d<00:00, .* rows/s", last)
    assert f"val/mape {result.history[-1]['val/mape']:.2%}" in last
    assert f"best {result.best_val_mape:.2%}" in last
    assert not caplog.records


@pytest.mark.usefixtures("terminal")
def test_the_log_file_has_the_epochs_that_a_bar_shows(
    problem: Problem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, level = logging.getLogger(), logging.getLogger().level
    handlers = [logging.FileHandler(tmp_path / "train.log"), logging.StreamHandler(sys.stdout)]
    try:
        root.setLevel(logging.INFO)
        for handler in handlers:
            root.addHandler(handler)
        problem.fit(tmp_path, max_epochs=2, progress=True)
    finally:
        root.setLevel(level)
        for handler in handlers:
            root.removeHandler(handler)
        handlers[0].close()
    lines = (tmp_path / "train.log").read_text(encoding="utf-8").splitlines()
    assert [line[:10] for line in lines] == ["epoch 1/2:", "epoch 2/2:"]
    out, err = capsys.readouterr()
    assert "epoch 2/2: 100%" in err
    assert out == ""


def test_a_distributions_line_has_what_chooses_the_epoch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        result = problem_of().fit(tmp_path, max_epochs=25, patience=3, learning_rate=0.05)
    best = result.history[result.best_epoch - 1]
    assert best is not result.history[-1]
    last = result.history[-1]
    assert (
        f"val/loss {last['val/loss']:.5g}, val/mape {last['val/mape']:.2%} "
        f"(best val/loss {best['val/loss']:.5g}, val/mape {best['val/mape']:.2%}, "
        f"epoch {result.best_epoch}), train/"
    ) in caplog.messages[-1]


@pytest.mark.usefixtures("terminal")
def test_bar_of_a_resumed_run_starts_where_it_was_cut(
    problem: Problem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Killed):
        problem.fit(tmp_path, max_epochs=2, callbacks=[KillAt(1)], progress=True)
    assert capsys.readouterr().err.endswith("\n")  # the bar is closed: a message can follow
    problem.fit(tmp_path, max_epochs=2, progress=True, resume=tmp_path / "checkpoints/last.ckpt")
    bar = capsys.readouterr().err
    assert "200/400" in bar
    assert "400/400" in bar
    assert " 32.0/400" not in bar


@pytest.mark.usefixtures("terminal")
def test_without_progress_there_are_lines(
    problem: Problem,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        problem.fit(tmp_path, max_epochs=2, progress=False)
    assert "rows/s" not in capsys.readouterr().err
    assert [record.getMessage()[:10] for record in caplog.records] == ["epoch 1/2:", "epoch 2/2:"]
