"""The objective: one loss whatever the target, a start at the best constant, a plain state."""

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from product_length.loss.constant import best_constant
from product_length.loss.point import LossOptions, PointLoss
from product_length.training.objective import PointObjective

LOSSES: list[dict[str, Any]] = [
    {"name": "mape"},
    {"name": "weighted_mape", "scale": 200.0},
    {"name": "log_mape"},
    {"name": "focal_mape", "gamma": 1.0},
    {"name": "rmsle"},
    {"name": "combined", "mix": 0.4},
    {"name": "smape"},
    {"name": "huber", "delta": 50.0},
]
every_loss = pytest.mark.parametrize("options", LOSSES, ids=lambda options: options["name"])
both_targets = pytest.mark.parametrize("log_target", [False, True], ids=["linear", "log"])
LENGTHS = np.exp(np.random.default_rng(0).normal(6.5, 1, 200)).astype(np.float32)


def build(options: dict[str, Any], log_target: bool) -> PointObjective:
    loss: PointLoss = TypeAdapter(LossOptions).validate_python(options)
    return PointObjective.build(loss, LENGTHS, log_target=log_target)


@every_loss
@both_targets
def test_starts_at_the_best_constant(options: dict[str, Any], log_target: bool) -> None:
    objective = build(options, log_target)
    bias = objective.initial_bias(LENGTHS)
    assert bias.shape == (objective.outputs,) == (1,)
    first = objective.lengths(bias.repeat(3, 1))
    assert first.shape == (3,)
    best = best_constant(objective.loss, LENGTHS)
    np.testing.assert_allclose(first.numpy(), best, rtol=1e-5)
    # No other constant costs less.
    y = torch.from_numpy(LENGTHS).double()
    costs = [
        objective.cost((bias.double() + step).repeat(len(y), 1), y).item()
        for step in (0.0, -0.2, 0.2)
    ]
    assert costs[0] < min(costs[1:])


@every_loss
def test_the_target_changes_what_is_emitted_never_what_is_scored(options: dict[str, Any]) -> None:
    linear, logarithmic = build(options, False), build(options, True)
    predictions = [39.0, 700.0, 12_000.0]
    y = torch.tensor([50.0, 650.0, 9000.0], dtype=torch.float64)
    costs = [
        objective.cost(
            torch.tensor([[objective.target.from_length(p)] for p in predictions]).double(), y
        ).item()
        for objective in (linear, logarithmic)
    ]
    direct = linear.loss.cost(torch.tensor(predictions).double(), y).item()
    assert costs == pytest.approx([direct, direct], rel=1e-4)


@every_loss
@both_targets
def test_state_round_trip(options: dict[str, Any], log_target: bool) -> None:
    objective = build(options, log_target)
    state = objective.state()
    assert PointObjective.from_state(state) == objective
    assert state["loss"]["name"] == options["name"]


@both_targets
def test_cost_is_in_float32_under_autocast(log_target: bool) -> None:
    objective = build({"name": "combined"}, log_target)
    raw = torch.linspace(-1, 7, 12)[:, None]
    y = torch.full((12,), 663.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under = objective.cost(raw, y)
    assert under.dtype == torch.float32
    assert under.item() == objective.cost(raw, y).item()


@pytest.mark.parametrize("shape", [(4,), (4, 2), (1, 4)])
def test_raw_outputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"must be \(rows, 1\)"):
        build({"name": "mape"}, True).lengths(torch.zeros(shape))


def test_truth_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must both be \(rows,\)"):
        build({"name": "mape"}, True).cost(torch.zeros(4, 1), torch.ones(4, 1))
