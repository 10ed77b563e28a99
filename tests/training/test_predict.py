"""Prediction: order, independence of the batch size, nothing left of training."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fitting_problem import Problem

from product_length.decision.conformal import Coverage
from product_length.loss.histogram import Histogram
from product_length.training.batches import OrderedBatches
from product_length.training.objective import HistogramObjective
from product_length.training.predict import decided, intervals_of, predict_raw, ranks


def test_rows_keep_their_order_whatever_the_batches(problem: Problem) -> None:
    network = problem.network()
    torch.nn.init.normal_(network.head.weight)
    network.train()
    rows = np.array([9, 3, 200, 3, 41])
    predictions = [
        decided(problem.objective, predict_raw(network, OrderedBatches(problem.inputs, rows, size)))
        for size in (1, 2, 5, 100)
    ]
    for predicted in predictions:
        assert predicted.dtype == np.float32
        assert predicted.shape == (5,)
        np.testing.assert_allclose(predicted, predictions[0], rtol=1e-5)
    assert len(np.unique(predictions[0])) == 4
    with torch.no_grad():
        direct = problem.objective.lengths(network.eval()(problem.inputs.take(rows)))
    np.testing.assert_allclose(predictions[0], direct.numpy(), rtol=1e-5)


def test_lengths_are_not_needed(problem: Problem) -> None:
    unknown = replace(problem.inputs, lengths=None)
    network, rows = problem.network(), np.arange(20)
    known = decided(
        problem.objective, predict_raw(network, OrderedBatches(problem.inputs, rows, 8))
    )
    blind = decided(problem.objective, predict_raw(network, OrderedBatches(unknown, rows, 8)))
    np.testing.assert_array_equal(blind, known)
    # An untrained network predicts the best constant.
    start = problem.objective.initial_bias(problem.lengths(problem.train_rows))
    constant = problem.objective.lengths(start[None]).item()
    np.testing.assert_allclose(known, constant, rtol=1e-6)


def test_no_rows_no_lengths(problem: Problem) -> None:
    none = OrderedBatches(problem.inputs, np.arange(0), 8)
    assert decided(problem.objective, predict_raw(problem.network(), none)).shape == (0,)


def test_ranks_and_intervals_of_many_rows_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    lengths = np.exp(random.normal(6, 1, 500)).astype(np.float32)
    objective = HistogramObjective.build(Histogram(name="histogram", bins=16), lengths)
    raw = torch.from_numpy(random.normal(0, 2, (500, objective.outputs)).astype(np.float32))
    found = [ranks(objective, raw, lengths)]
    ends = [intervals_of(objective, raw, Coverage(0.8, {}))]
    monkeypatch.setattr("product_length.training.predict._ROWS", 33)
    found.append(ranks(objective, raw, lengths))
    ends.append(intervals_of(objective, raw, Coverage(0.8, {})))
    np.testing.assert_allclose(found[0], found[1], atol=1e-12)
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-6)
    assert ends[0].dtype == np.float32
    # A length lies in its interval exactly if its rank lies between 0.1 and 0.9.
    held = (ends[0][:, 0] <= lengths) & (lengths <= ends[0][:, 1])
    assert (held == (np.abs(found[0] - 0.5) <= 0.4)).all()
    assert 0.05 < held.mean() < 0.95


def test_a_point_loss_has_neither(problem: Problem) -> None:
    with pytest.raises(ValueError, match="no distribution"):
        intervals_of(problem.objective, torch.ones(3, 1), Coverage(0.5, {}))
    with pytest.raises(ValueError, match="no distribution"):
        ranks(problem.objective, torch.ones(3, 1), np.ones(3, np.float32))
