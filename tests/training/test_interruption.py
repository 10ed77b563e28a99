"""Ctrl-C in the middle of a fit, in this process and in one of its own."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning as L
import pytest
from fitting_problem import Problem, scores
from lightning.pytorch.callbacks import Callback
from typing_extensions import override

from product_length.errors import InterruptedFitError
from product_length.training.fit import FitResult


@pytest.fixture(autouse=True)
def _ctrl_c() -> Iterator[None]:
    """Ctrl-C means what it means at a prompt: a job in the background is born ignoring it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Press(Callback):
    """Sends a signal to this very process in the given epoch."""

    def __init__(self, epoch: int, number: signal.Signals) -> None:
        self.epoch, self.number = epoch, number

    @override
    def on_train_batch_end(self, trainer: L.Trainer, *rest: Any) -> None:
        if (trainer.current_epoch, rest[-1]) == (self.epoch, 2):
            os.kill(os.getpid(), self.number)


def test_ctrl_c_keeps_the_last_epoch_and_says_how_to_go_on(
    problem: Problem,
    tmp_path: Path,
) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(InterruptedFitError) as raised:
        problem.fit(tmp_path / "cut", callbacks=[Press(2, signal.SIGINT)])
    last = tmp_path / "cut/checkpoints/last.ckpt"
    assert str(raised.value) == (
        f"interrupted after 2 of 4 epochs; continue with trainer.resume={last}"
    )
    assert raised.value.exit_code == 130
    assert signal.getsignal(signal.SIGINT) is before
    resumed = problem.fit(tmp_path / "cut", resume=last)
    assert scores(resumed) == scores(problem.fit(tmp_path / "whole"))


def test_sigterm_does_the_same(problem: Problem, tmp_path: Path) -> None:
    with pytest.raises(InterruptedFitError, match=r"after 1 of 4 epochs; continue with"):
        problem.fit(tmp_path, callbacks=[Press(1, signal.SIGTERM)])


def test_a_press_that_code_swallows_or_turns_into_another_error_counts(
    problem: Problem, tmp_path: Path
) -> None:
    """As torch does while it writes a file: the press becomes a RuntimeError."""

    class Swallowing(Press):
        @override
        def on_train_batch_end(self, trainer: L.Trainer, *rest: Any) -> None:
            with contextlib.suppress(KeyboardInterrupt):
                super().on_train_batch_end(trainer, *rest)

    class Changing(Press):
        @override
        def on_train_batch_end(self, trainer: L.Trainer, *rest: Any) -> None:
            try:
                super().on_train_batch_end(trainer, *rest)
            except KeyboardInterrupt as error:
                raise RuntimeError("unexpected pos 64 vs 0") from error

    for kind in (Swallowing, Changing):
        with pytest.raises(InterruptedFitError, match=r"after 1 of 4 epochs; continue with"):
            problem.fit(tmp_path / kind.__name__, callbacks=[kind(1, signal.SIGINT)])


def test_before_the_first_epoch_there_is_nothing_to_resume(
    problem: Problem, tmp_path: Path
) -> None:
    with pytest.raises(InterruptedFitError, match="nothing to resume"):
        problem.fit(tmp_path, callbacks=[Press(0, signal.SIGINT)])


def test_someone_elses_exit_stays_an_exit(problem: Problem, tmp_path: Path) -> None:
    class Leave(Callback):
        @override
        def on_exception(self, *_: Any) -> None:
            raise SystemExit(3)

        @override
        def setup(self, *_: Any, **__: Any) -> None:
            raise ZeroDivisionError

    with pytest.raises(SystemExit) as left:
        problem.fit(tmp_path, callbacks=[Leave()])
    assert left.value.code == 3


def test_runs_outside_the_main_thread(problem: Problem, tmp_path: Path) -> None:
    results: list[FitResult] = []
    thread = threading.Thread(target=lambda: results.append(problem.fit(tmp_path, max_epochs=1)))
    thread.start()
    thread.join()
    assert len(results) == 1
