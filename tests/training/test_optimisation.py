"""The optimiser and its schedule, as a real fit uses them."""

from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
from fitting_problem import Problem
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
