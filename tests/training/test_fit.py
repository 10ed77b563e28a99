"""Real fits with Lightning: what they learn, write, report, and how they end."""

import logging
import math
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from fitting_problem import Problem, scores
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import CSVLogger
from typing_extensions import override

from product_length.errors import ConfigError, UserError
from product_length.training.batches import OrderedBatches
from product_length.training.checkpoint_file import load_weights, read_checkpoint
from product_length.training.predict import decided, predict_raw


def predicted(problem: Problem, network: Any, rows: np.ndarray) -> np.ndarray:
    batches = OrderedBatches(problem.inputs, rows, 7)
    return decided(problem.objective, predict_raw(network, batches))


def truth(problem: Problem, rows: np.ndarray) -> np.ndarray:
    return problem.lengths(rows).astype(np.float64)


def test_learns_and_reports_what_it_did(problem: Problem, tmp_path: Path) -> None:
    untrained = predicted(problem, problem.network(), problem.val_rows).astype(np.float64)
    y = truth(problem, problem.val_rows)
    before = np.mean(np.abs(untrained - y) / y)
    result = problem.fit(tmp_path, max_epochs=15, learning_rate=0.02, patience=15)
    assert result.best_val_mape < 0.7 * before
    assert result.epochs == len(result.history) == 15
    assert not result.stopped_early
    assert [entry["epoch"] for entry in result.history] == list(range(1, 16))
    best = min(result.history, key=lambda entry: entry["val/mape"])
    assert best["epoch"] == result.best_epoch
    assert best["val/mape"] == result.best_val_mape
    assert result.rows_per_second > 0
    assert result.seconds > 0
    assert result.left_out_rows == 0


def test_val_metrics_are_those_of_the_best_weights_over_all_rows_at_once(
    problem: Problem, tmp_path: Path
) -> None:
    result = problem.fit(tmp_path, max_epochs=3)
    best = result.history[result.best_epoch - 1]
    y = truth(problem, problem.val_rows)
    fresh = problem.network(bias=False)
    load_weights(fresh, result.best_checkpoint)
    for network in (fresh, problem.networks[0]):  # the fitted network holds the best weights
        p = predicted(problem, network, problem.val_rows).astype(np.float64)
        assert not network.training
        mape = np.mean(np.abs(p - y) / y)
        assert best["val/mape"] == pytest.approx(mape, rel=1e-6)
        assert best["val/loss"] == pytest.approx(mape, rel=1e-6)
        rmsle = np.sqrt(np.mean((np.log1p(p) - np.log1p(y)) ** 2))
        assert best["val/rmsle"] == pytest.approx(rmsle, rel=1e-6)
        assert best["val/score"] == pytest.approx(max(0.0, 100 * (1 - mape)), rel=1e-6)


def test_train_metrics_are_means_over_rows_not_over_batches(
    problem: Problem, tmp_path: Path
) -> None:
    # Without dropout and with a rate that moves nothing, the epoch's mean is the mean.
    network = problem.network(dropout=0.0)
    result = problem.fit(
        tmp_path, network, max_epochs=2, batch_size=150, learning_rate=1e-12, weight_decay=0
    )
    y = truth(problem, problem.train_rows)
    p = predicted(problem, network, problem.train_rows).astype(np.float64)
    expected = np.mean(np.abs(p - y) / y)
    for entry in result.history:
        assert entry["train/mape"] == pytest.approx(expected, rel=1e-5)
        assert entry["train/loss"] == pytest.approx(expected, rel=1e-5)


def test_folder_holds_the_two_checkpoints_and_nothing_else(
    problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    result = problem.fit(tmp_path / "run", max_epochs=3)
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert found == [
        "elsewhere",
        "run",
        "run/checkpoints",
        "run/checkpoints/best.ckpt",
        "run/checkpoints/last.ckpt",
    ]
    assert result.best_checkpoint == tmp_path / "run/checkpoints/best.ckpt"
    assert result.last_checkpoint == tmp_path / "run/checkpoints/last.ckpt"
    assert len(read_checkpoint(result.last_checkpoint)["product_length"]["history"]) == 3


def test_same_seed_gives_the_same_bits(problem: Problem, tmp_path: Path) -> None:
    first = problem.fit(tmp_path / "a")
    torch.manual_seed(123)  # what was sampled before does not matter
    second = problem.fit(tmp_path / "b")
    assert scores(first) == scores(second)
    for one, other in zip(
        problem.networks[0].state_dict().values(),
        problem.networks[1].state_dict().values(),
        strict=True,
    ):
        assert torch.equal(one, other)
    third = problem.fit(tmp_path / "c", seed=8)
    assert scores(first) != scores(third)


def test_leaves_the_callers_random_numbers_alone(problem: Problem, tmp_path: Path) -> None:
    network = problem.network()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    problem.fit(tmp_path, network, max_epochs=1)
    assert torch.equal(torch.rand(3), expected)
    assert not torch.are_deterministic_algorithms_enabled()


def test_stops_when_validation_no_longer_improves(problem: Problem, tmp_path: Path) -> None:
    # A rate this high ruins the start, which is the best constant.
    result = problem.fit(tmp_path, max_epochs=40, patience=2, learning_rate=0.5)
    assert result.stopped_early
    assert result.epochs == result.best_epoch + 2 < 40
    assert result.history[result.best_epoch - 1]["val/mape"] == result.best_val_mape
    kept = read_checkpoint(result.best_checkpoint)["product_length"]["history"]
    assert len(kept) == result.best_epoch
    # The network in hand is that of the best epoch, not of the last.
    p = predicted(problem, problem.networks[0], problem.val_rows).astype(np.float64)
    y = truth(problem, problem.val_rows)
    assert result.best_val_mape == pytest.approx(np.mean(np.abs(p - y) / y), rel=1e-6)


def test_every_epoch_sees_every_row_in_another_order_and_sums_up_its_own(
    problem: Problem, tmp_path: Path
) -> None:
    seen: list[list[float]] = [[], [], []]
    costs = [0.0, 0.0, 0.0]

    class Watch(Callback):
        @override
        def on_train_batch_end(self, trainer: L.Trainer, *rest: Any) -> None:
            _, outputs, batch, _ = rest
            seen[trainer.current_epoch] += batch.lengths.tolist()
            costs[trainer.current_epoch] += outputs["loss"].item() * len(batch.lengths)

    result = problem.fit(tmp_path, max_epochs=3, learning_rate=0.02, callbacks=[Watch()])
    expected = sorted(truth(problem, problem.train_rows).tolist())
    assert [sorted(epoch) for epoch in seen] == [expected] * 3
    assert len({tuple(epoch) for epoch in seen}) == 3
    means = [cost / len(expected) for cost in costs]
    assert [entry["train/loss"] for entry in result.history] == pytest.approx(means, rel=1e-5)


@pytest.mark.parametrize("batch_size", [512, 199, 2])
def test_odd_batch_sizes(problem: Problem, tmp_path: Path, batch_size: int) -> None:
    # 512 is more than all rows; 199 leaves one row, on which batch norm cannot train.
    result = problem.fit(tmp_path, max_epochs=1, batch_size=batch_size)
    assert result.left_out_rows == (1 if batch_size == 199 else 0)
    assert math.isfinite(result.best_val_mape)


def test_loggers_get_every_epoch_and_the_console_nothing(
    problem: Problem,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    csv = CSVLogger(tmp_path / "csv")
    with caplog.at_level(logging.INFO):
        problem.fit(tmp_path / "run", max_epochs=3, progress=True, loggers=[csv])
    out, err = capfd.readouterr()
    assert out == ""
    assert "Lightning" not in err
    assert "GPU" not in err
    assert [record.name for record in caplog.records] == ["product_length.training.progress"] * 3
    assert caplog.records[2].getMessage().startswith("epoch 3/3: val/mape ")
    text = (Path(csv.log_dir) / "metrics.csv").read_text()
    header, *lines = text.splitlines()
    assert {"train/loss", "train/mape", "val/mape", "val/rmsle", "val/score", "val/loss"} <= set(
        header.split(",")
    )
    assert "learning_rate" in header
    assert len(lines) == 3


def test_a_loss_that_is_no_number_stops_the_run(problem: Problem, tmp_path: Path) -> None:
    network = problem.network()
    lengths = problem.inputs.lengths
    assert lengths is not None
    lengths[problem.train_rows] = np.nan
    with pytest.raises(UserError) as raised:
        problem.fit(tmp_path, network, max_epochs=2, gradient_clip=0)
    message = str(raised.value)
    assert "training diverged in epoch 1, step 1 of 7: loss nan" in message
    for advice in ("trainer.learning_rate (now 0.001)", "gradient_clip=1", "precision=32-true"):
        assert advice in message


def test_names_the_step_at_which_the_network_broke(problem: Problem, tmp_path: Path) -> None:
    class Break(Callback):
        @override
        def on_train_batch_start(
            self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
        ) -> None:
            if trainer.current_epoch == 1 and batch_idx == 3:
                with torch.no_grad():
                    problem.networks[0].head.weight.fill_(torch.inf)

    with pytest.raises(UserError, match="in epoch 2, step 4 of 7"):
        problem.fit(tmp_path, callbacks=[Break()])
    assert (
        len(read_checkpoint(tmp_path / "checkpoints/last.ckpt")["product_length"]["history"]) == 1
    )


def test_predictions_that_are_no_numbers_stop_the_run(problem: Problem, tmp_path: Path) -> None:
    class Break(Callback):
        @override
        def on_train_batch_end(self, trainer: L.Trainer, *rest: Any) -> None:
            if rest[-1] == 6:  # the epoch's last step: its loss was fine
                with torch.no_grad():
                    problem.networks[0].head.bias.fill_(torch.nan)

    with pytest.raises(UserError, match="epoch 1, step 7 of 7: validation predictions"):
        problem.fit(tmp_path, callbacks=[Break()])


def test_too_few_rows(problem: Problem, tmp_path: Path) -> None:
    problem.train_rows = problem.train_rows[:1]
    with pytest.raises(UserError, match="1 training rows are too few"):
        problem.fit(tmp_path, problem.network())
    problem.val_rows = problem.val_rows[:0]
    with pytest.raises(UserError, match="0 validation rows"):
        problem.fit(tmp_path, problem.networks[0])


def test_a_folder_that_holds_a_run_is_left_alone(problem: Problem, tmp_path: Path) -> None:
    problem.fit(tmp_path, max_epochs=1)
    before = (tmp_path / "checkpoints/last.ckpt").read_bytes()
    with pytest.raises(UserError, match="holds the checkpoints of a run: continue it with"):
        problem.fit(tmp_path, max_epochs=1)
    assert (tmp_path / "checkpoints/last.ckpt").read_bytes() == before


def test_hardware_that_is_not_there_is_refused_before_any_file(
    problem: Problem, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="16-mixed does not run on a CPU"):
        problem.fit(tmp_path / "run", precision="16-mixed")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("log_target", [False, True])
def test_mixed_precision_trains_and_scores_in_full(
    problem: Problem, tmp_path: Path, log_target: bool
) -> None:
    y = truth(problem, problem.train_rows).astype(np.float32)
    problem.objective = problem.objective.build(problem.objective.loss, y, log_target=log_target)
    result = problem.fit(tmp_path, max_epochs=2, precision="bf16-mixed")
    p = predicted(problem, problem.networks[0], problem.val_rows).astype(np.float64)
    y = truth(problem, problem.val_rows)
    assert result.best_val_mape == pytest.approx(np.mean(np.abs(p - y) / y), rel=1e-6)
