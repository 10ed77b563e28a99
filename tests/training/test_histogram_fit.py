"""Real fits of a distribution: it learns, goes on where it stopped, and bears any catalogue."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from builders import network_of, training_of, types_of
from fitting_problem import KillAt, Killed, Problem, make_problem, scores
from lightning.pytorch.callbacks import Callback
from typing_extensions import override

from product_length.errors import UserError
from product_length.loss.histogram import Histogram
from product_length.model.config import Mlp
from product_length.training.batches import OrderedBatches
from product_length.training.objective import HistogramObjective
from product_length.training.predict import decided, predict_raw

LOSS = Histogram(name="histogram", bins=24)


def problem_of(lengths: np.ndarray | None = None) -> Problem:
    problem = make_problem()
    inputs = problem.inputs
    if lengths is not None:
        inputs = replace(inputs, lengths=np.resize(lengths, len(inputs)).astype(np.float32))
    problem = replace(problem, inputs=inputs)
    problem.objective = HistogramObjective.build(LOSS, problem.lengths(problem.train_rows))
    return problem


def test_a_distribution_is_learned_and_val_mape_is_that_of_its_decision(tmp_path: Path) -> None:
    problem = problem_of()
    network = problem.network(hidden=64)
    result = problem.fit(tmp_path, network, max_epochs=12, learning_rate=0.01)
    first, best = result.history[0], result.history[result.best_epoch - 1]
    assert best["val/loss"] < first["val/loss"] - 0.2
    assert best["val/mape"] < 0.8 * first["val/mape"]
    y = problem.lengths(problem.val_rows).astype(float)
    raw = predict_raw(network, OrderedBatches(problem.inputs, problem.val_rows, 7))
    assert raw.shape == (len(y), problem.objective.outputs)
    p = decided(problem.objective, raw).astype(float)
    assert np.mean(np.abs(p - y) / y) == pytest.approx(result.best_val_mape, rel=1e-5)
    q = decided(problem.objective, raw, "rmsle").astype(float)
    rmsle = np.sqrt(np.mean((np.log1p(q) - np.log1p(y)) ** 2))
    assert rmsle == pytest.approx(best["val/rmsle"], rel=1e-5)


def test_the_best_epoch_is_that_of_least_cross_entropy(tmp_path: Path) -> None:
    problem = problem_of()
    network = problem.network(hidden=64)
    result = problem.fit(tmp_path, network, max_epochs=25, patience=25, learning_rate=0.02)
    losses = [entry["val/loss"] for entry in result.history]
    mapes = [entry["val/mape"] for entry in result.history]
    assert np.argmin(mapes) != np.argmin(losses), "the two must differ for this to show anything"
    assert result.best_epoch == 1 + np.argmin(losses)
    assert result.best_val_mape == mapes[np.argmin(losses)]
    raw = predict_raw(network, OrderedBatches(problem.inputs, problem.val_rows, 7))
    lengths = torch.from_numpy(problem.lengths(problem.val_rows))
    assert float(problem.objective.cost(raw, lengths)) == pytest.approx(min(losses), rel=1e-5)


def test_training_stops_by_cross_entropy(tmp_path: Path) -> None:
    result = problem_of().fit(tmp_path, max_epochs=60, patience=3, learning_rate=0.05)
    losses = [entry["val/loss"] for entry in result.history]
    assert result.stopped_early
    assert result.epochs == result.best_epoch + 3 == 1 + np.argmin(losses) + 3


def test_a_stopped_fit_goes_on_and_another_distribution_does_not(tmp_path: Path) -> None:
    whole = problem_of().fit(tmp_path / "whole", max_epochs=4)
    with pytest.raises(Killed):
        problem_of().fit(tmp_path / "cut", max_epochs=4, callbacks=[KillAt(2)])
    last = tmp_path / "cut/checkpoints/last.ckpt"
    again = problem_of().fit(tmp_path / "again", max_epochs=4, resume=last)
    assert len(whole.history) == 4
    assert scores(again) == scores(whole)
    other = problem_of()
    other.objective = HistogramObjective.build(
        LOSS.model_copy(update={"smoothing": 2.0}), other.lengths(other.train_rows)
    )
    with pytest.raises(UserError, match=r"objective\.loss\.smoothing was 0\.75, is 2\.0"):
        other.fit(tmp_path / "other", max_epochs=4, resume=last)


@pytest.mark.parametrize(
    "lengths",
    [np.array([600.0]), np.array([600.0, 393.7]), np.array([1.0, 600.0, 1.9e9])],
    ids=["all the same", "two lengths", "the extremes"],
)
def test_odd_catalogues_are_fitted(tmp_path: Path, lengths: np.ndarray) -> None:
    problem = problem_of(lengths)
    result = problem.fit(tmp_path, max_epochs=3)
    assert all(np.isfinite(list(entry.values())).all() for entry in result.history)
    if len(lengths) == 1:
        assert result.best_val_mape < 0.01


def test_train_loss_is_of_the_mixture_and_the_cost_is_of_the_head_too(tmp_path: Path) -> None:
    problem = problem_of()
    rows = problem.train_rows
    lengths, types = problem.lengths(rows), problem.inputs.columns["types"][rows]
    network = network_of(
        types_of(["1", "2", "3"], expert=True, dropout=0),
        outputs=problem.objective.outputs,
        options=Mlp(name="mlp", hidden=[8], dropout=0, input_dropout=0),
        bins=problem.objective.bin_grid(lengths),
        initial_bias=problem.objective.initial_bias(lengths),
    )
    network.fit_experts(training_of(lengths, types=types))
    costs: list[float] = []

    class Watch(Callback):
        @override
        def on_train_batch_end(self, *hook: Any) -> None:
            costs.append(hook[2]["loss"].item())

    # One batch of all rows, at a rate that moves nothing.
    options = {"max_epochs": 1, "batch_size": len(rows), "learning_rate": 1e-12}
    result = problem.fit(tmp_path, network, **options, callbacks=[Watch()])
    batch = problem.inputs.take(rows)
    own, mixed = (
        float(problem.objective.cost(each, batch.lengths).detach())
        for each in network.train().own_and_mixed(batch)
    )
    assert abs(own - mixed) > 0.05, "the two must differ for this to show anything"
    assert result.history[0]["train/loss"] == pytest.approx(mixed, rel=1e-4)
    assert costs == pytest.approx([own + mixed], rel=1e-4)


def test_twenty_rows_are_enough(tmp_path: Path) -> None:
    problem = problem_of()
    problem.train_rows = problem.train_rows[:20]
    problem.objective = HistogramObjective.build(LOSS, problem.lengths(problem.train_rows))
    assert np.isfinite(problem.fit(tmp_path, max_epochs=2, batch_size=8).best_val_mape)
