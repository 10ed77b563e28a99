"""Every loss takes every length that a catalogue may hold."""

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from product_length.catalogue.validate import LONGEST_LENGTH, SHORTEST_LENGTH
from product_length.evaluation.metrics import mape
from product_length.loss.config import LossOptions
from product_length.model.target import MAX_LENGTH, MIN_LENGTH
from product_length.training.objective import build_objective, objective_from_state

LOSSES = [
    {"name": "mape"},
    {"name": "weighted_mape", "scale": 100.0},
    {"name": "weighted_mape", "scale": 1e30, "floor": 0},
    {"name": "weighted_mape", "scale": 1e-30, "floor": 0},
    {"name": "log_mape"},
    {"name": "focal_mape"},
    {"name": "focal_mape", "gamma": 8},
    {"name": "rmsle"},
    {"name": "combined"},
    {"name": "smape"},
    {"name": "huber"},
    {"name": "huber", "delta": 1e9},
    {"name": "histogram"},
    {"name": "histogram", "bins": 2},
]
NORMAL = np.geomspace(5, 5000, 200)
OTHERS = {
    "one shortest": [SHORTEST_LENGTH],
    "one longest": [LONGEST_LENGTH],
    "one of each": [SHORTEST_LENGTH, LONGEST_LENGTH],
    "many of each": [SHORTEST_LENGTH, LONGEST_LENGTH] * 150,
}


def test_what_is_read_is_within_what_is_predicted():
    assert MIN_LENGTH < np.float32(SHORTEST_LENGTH) < np.float32(LONGEST_LENGTH) < MAX_LENGTH


@pytest.mark.parametrize("others", OTHERS)
@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: "-".join(map(str, loss.values())))
def test_cost_and_gradient_are_finite(loss, log_target, others):
    options = TypeAdapter(LossOptions).validate_python(loss)
    lengths = np.concatenate([NORMAL, OTHERS[others]]).astype(np.float32)
    objective = build_objective(options, lengths, log_target=log_target)
    bias = objective.initial_bias(lengths)
    assert bias.isfinite().all()
    for start in (bias, bias + 20, bias - 20):
        raw = start.repeat(len(lengths), 1).requires_grad_()
        cost = objective.cost(raw, torch.from_numpy(lengths))
        cost.backward()
        assert cost.isfinite()
        assert raw.grad.isfinite().all()
        predicted = objective.lengths(raw.detach()).numpy()
        assert np.isfinite(mape(lengths, predicted))
    assert objective_from_state(objective.state()) == objective


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: "-".join(map(str, loss.values())))
@pytest.mark.parametrize("length", [SHORTEST_LENGTH, LONGEST_LENGTH])
def test_a_catalogue_of_nothing_else(loss, length):
    options = TypeAdapter(LossOptions).validate_python(loss)
    lengths = np.full(50, length, dtype=np.float32)
    objective = build_objective(options, lengths, log_target=False)
    raw = objective.initial_bias(lengths).repeat(50, 1).requires_grad_()
    objective.cost(raw, torch.from_numpy(lengths)).backward()
    assert raw.grad.isfinite().all()
    np.testing.assert_allclose(objective.lengths(raw.detach()).numpy(), lengths, rtol=0.1)
