"""The optimiser and its schedule, as a real fit uses them."""

import logging
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
from fitting_problem import KillAt, Killed, Problem, scores
from lightning.pytorch.callbacks import Callback
from typing_extensions import override


def test_learning_rate_climbs_and_falls_by_the_step(problem: Problem, tmp_path: Path) -> None:
    rates: list[float] = []

    class Watch(Callback):
        @override
        def on_train_batch_start(self, trainer: L.Trainer, *_: Any) -> None:
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    problem.fit(tmp_path, max_epochs=5, batch_size=20, warmup=0.2, callbacks=[Watch()])
    assert len(rates) == 50
    peak = int(np.argmax(rates))
    assert peak == 9
    assert rates[peak] == pytest.approx(1e-3)
    assert (np.diff(rates[: peak + 1]) > 0).all()
    assert (np.diff(rates[peak:]) < 0).all()
    assert rates[-1] < 1e-6


class Rates(Callback):
    """The learning rate of every step."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    @override
    def on_train_batch_start(self, trainer: L.Trainer, *_: Any) -> None:
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])


def test_a_run_that_is_extended_goes_on_along_the_longer_cycle(
    problem: Problem, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    long, short, more, again = Rates(), Rates(), Rates(), Rates()
    problem.fit(tmp_path / "long", max_epochs=6, callbacks=[long])
    finished = problem.fit(tmp_path / "short", max_epochs=2, callbacks=[short])
    assert short.rates[-1] < 1e-6
    with caplog.at_level(logging.INFO):
        extended = problem.fit(
            tmp_path / "more", max_epochs=6, resume=finished.last_checkpoint, callbacks=[more]
        )
    steps = len(short.rates)
    assert extended.epochs == 6
    assert [*long.rates[:steps], *more.rates] == pytest.approx(long.rates, rel=1e-12)
    assert f"one cycle over 6 epochs, {long.rates[steps]:.3g} at the next step" in caplog.text
    # Cut and continued, an extended run still comes to the same.
    with pytest.raises(Killed):
        problem.fit(
            tmp_path / "cut", max_epochs=6, resume=finished.last_checkpoint, callbacks=[KillAt(4)]
        )
    caplog.clear()
    last = tmp_path / "cut/checkpoints/last.ckpt"
    resumed = problem.fit(tmp_path / "cut", max_epochs=6, resume=last, callbacks=[again])
    assert scores(resumed) == scores(extended)
    assert again.rates == more.rates[2 * steps // 2 :]
    assert "one cycle" not in caplog.text


@pytest.mark.parametrize(("epochs", "batch_size"), [(1, 512), (2, 512), (1, 10), (3, 512)])
def test_schedules_of_a_few_steps(
    problem: Problem, tmp_path: Path, epochs: int, batch_size: int
) -> None:
    # 20 steps x 0.05 = 1 and a single step both divide by zero in a plain OneCycleLR.
    result = problem.fit(tmp_path, max_epochs=epochs, batch_size=batch_size, warmup=0.05)
    assert result.epochs == epochs


def test_norms_and_biases_do_not_decay(problem: Problem, tmp_path: Path) -> None:
    groups: list[dict[str, Any]] = []

    class Watch(Callback):
        @override
        def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            groups.extend(trainer.optimizers[0].param_groups)

    problem.fit(tmp_path, max_epochs=1, weight_decay=0.3, callbacks=[Watch()])
    decayed, free = groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.3, 0.0)
    assert all(weight.ndim == 2 for weight in decayed["params"])
    assert all(weight.ndim == 1 for weight in free["params"])
    count = len(list(problem.networks[0].parameters()))
    assert len(decayed["params"]) + len(free["params"]) == count
