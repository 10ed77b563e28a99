"""The objective: one loss whatever the target, a start at the best constant, a plain state."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from scipy.stats import norm

from product_length.decision.config import DECISIONS
from product_length.decision.estimates import weighted_quantile
from product_length.loss.constant import best_constant
from product_length.loss.histogram import Histogram
from product_length.loss.point import Mape, PointLoss, PointLossOptions
from product_length.training.objective import (
    HistogramObjective,
    build_objective,
    objective_from_state,
)
from product_length.training.point_objective import PointObjective

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
    loss: PointLoss = TypeAdapter(PointLossOptions).validate_python(options)
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


# The distribution's objective

HISTOGRAM = Histogram(name="histogram")


def some_raw(objective: HistogramObjective, rows: int = 7) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(rows, objective.outputs))).float()


def test_a_histogram_starts_at_the_distribution_of_the_training_rows() -> None:
    lengths = np.exp(np.random.default_rng(0).normal(6.5, 1, 5000)).astype(np.float32)
    objective = HistogramObjective.build(HISTOGRAM, lengths)
    bias = objective.initial_bias(lengths)
    assert bias.shape == (objective.outputs,)
    assert bias.isfinite().all()
    start = objective.distribution(bias[None])
    assert start.probabilities.sum().item() == pytest.approx(1, abs=1e-5)
    for level in (0.05, 0.25, 0.75, 0.95):
        mine = weighted_quantile(start.probabilities, start.edges, level).item()
        assert mine == pytest.approx(np.quantile(lengths, level), rel=0.03)
    y = torch.from_numpy(lengths)
    assert objective.lengths(bias[None]).item() == pytest.approx(
        best_constant(Mape(name="mape"), lengths), rel=0.02
    )
    # No other constant distribution costs less.
    steps = torch.from_numpy(np.random.default_rng(1).normal(size=(5, objective.outputs))).float()
    costs = [
        objective.cost((bias + step)[None].expand(len(y), -1), y).item()
        for step in [torch.zeros(objective.outputs), *0.1 * steps]
    ]
    assert costs[0] < min(costs[1:])


def test_the_parts_of_many_rows_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    objective = HistogramObjective.build(HISTOGRAM, LENGTHS)
    raw, y = some_raw(objective, 200), torch.from_numpy(LENGTHS)
    whole = objective.cost(raw, y).item(), objective.lengths(raw, "rmsle")
    monkeypatch.setattr("product_length.training.objective._ROWS", 33)
    assert objective.cost(raw, y).item() == pytest.approx(whole[0], rel=1e-6)
    torch.testing.assert_close(objective.lengths(raw, "rmsle"), whole[1], rtol=1e-5, atol=0)


def test_a_tail_is_spread_over_its_cells() -> None:
    objective = HistogramObjective.build(HISTOGRAM, LENGTHS)
    raw = torch.full((1, objective.outputs), -1e4)
    raw[0, 0] = 0
    predicted = objective.distribution(raw)
    below = predicted.edges[1:] <= objective.bins.edges[0] + 1e-6
    assert predicted.probabilities[0][below].sum().item() == pytest.approx(1)
    assert objective.lengths(raw).item() < math.exp(objective.bins.edges[0])


@pytest.mark.parametrize("decision", ["auto", *DECISIONS])
def test_a_histogram_decides_for_each_metric_and_auto_is_mape(decision: Any) -> None:
    objective = HistogramObjective.build(HISTOGRAM, LENGTHS)
    raw = some_raw(objective)
    chosen = objective.lengths(raw, decision)
    predicted = objective.distribution(raw)
    direct = predicted.decide("mape" if decision == "auto" else decision)
    torch.testing.assert_close(chosen, direct)
    assert objective.decisions == DECISIONS


def test_a_point_loss_leaves_nothing_to_decide() -> None:
    objective = build({"name": "rmsle"}, True)
    assert objective.decisions == ()
    with pytest.raises(ValueError, match="nothing to decide for mape"):
        objective.lengths(torch.zeros(4, 1), "mape")


def test_a_histogram_s_state_round_trip_through_a_file(tmp_path: Path) -> None:
    objective = build_objective(HISTOGRAM, LENGTHS, log_target=False)
    torch.save(objective.state(), tmp_path / "state.pt")
    again = objective_from_state(torch.load(tmp_path / "state.pt", weights_only=True))
    assert again == objective
    point = build_objective(Mape(name="mape"), LENGTHS, log_target=True)
    assert objective_from_state(point.state()) == point


def test_a_histogram_costs_in_float32_under_autocast() -> None:
    objective = HistogramObjective.build(HISTOGRAM, LENGTHS)
    raw, y = some_raw(objective, 200), torch.from_numpy(LENGTHS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under, lengths = objective.cost(raw, y), objective.lengths(raw)
    assert under.dtype == torch.float32
    assert under.item() == objective.cost(raw, y).item()
    torch.testing.assert_close(lengths, objective.lengths(raw), rtol=0, atol=0)


def test_a_histogram_refuses_other_shapes() -> None:
    objective = HistogramObjective.build(HISTOGRAM, LENGTHS)
    with pytest.raises(ValueError, match=r"must be \(4, "):
        objective.cost(torch.zeros(4, 3), torch.ones(4))
    with pytest.raises(ValueError, match=r"must be \(rows, "):
        objective.lengths(torch.zeros(4, 1))


def test_a_planted_distribution_is_learned() -> None:
    """Two kinds of products of known distributions: the cost comes near to the entropy."""
    random = np.random.default_rng(0)
    kind = random.integers(0, 2, 20_000)
    centres = np.array([[5.0, 6.0], [7.0, 7.5]])
    which = (random.random(20_000) < 0.3).astype(int)
    logs = random.normal(centres[kind, which], 0.1)
    lengths = np.exp(logs).astype(np.float32)
    objective = HistogramObjective.build(HISTOGRAM, lengths)
    weights = objective.initial_bias(lengths).repeat(2, 1).requires_grad_()
    y, codes = torch.from_numpy(lengths), torch.from_numpy(kind)
    optimizer = torch.optim.Adam([weights], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        cost = objective.cost(weights[codes], y)
        cost.backward()
        optimizer.step()
    edges = np.array(objective.bins.edges)
    entropy = 0.0
    for k in (0, 1):
        targets = by_hand(np.log(lengths[kind == k].astype(float)), edges, HISTOGRAM.smoothing)
        mean = targets.mean(axis=0)
        entropy -= (mean * np.log(mean + 1e-300)).sum() * (kind == k).mean()
    assert cost.item() == pytest.approx(entropy, abs=0.01)
    # And what was learned is the mixture that was planted.
    predicted = objective.distribution(weights.detach())
    for level in (0.1, 0.5, 0.9):
        mine = weighted_quantile(predicted.probabilities, predicted.edges, level).numpy()
        true = [np.quantile(lengths[kind == k], level) for k in (0, 1)]
        np.testing.assert_allclose(mine, true, rtol=0.05)


def by_hand(logs: np.ndarray, edges: np.ndarray, smoothing: float) -> np.ndarray:
    own = np.clip(np.searchsorted(edges, logs) - 1, 0, len(edges) - 2)
    cdf = norm.cdf(edges, loc=logs[:, None], scale=smoothing * np.diff(edges)[own][:, None])
    return np.diff(np.hstack([np.zeros((len(logs), 1)), cdf, np.ones((len(logs), 1))]), axis=1)


DEGENERATE = {
    "all the same": [600.0] * 1000,
    "two lengths": [600.0, 393.7] * 10,
    "twenty rows": np.exp(np.linspace(4, 8, 20)).tolist(),
}


@pytest.mark.parametrize("lengths", DEGENERATE.values(), ids=DEGENERATE)
def test_degenerate_catalogues_start_at_lengths_that_they_have(lengths: list[float]) -> None:
    rows = np.array(lengths, dtype=np.float32)
    objective = HistogramObjective.build(HISTOGRAM, rows)
    start = objective.initial_bias(rows)[None]
    assert torch.isfinite(objective.cost(start.expand(len(rows), -1), torch.from_numpy(rows)))
    for decision in DECISIONS:
        length = objective.lengths(start, decision).item()
        assert rows.min() * 0.98 < length < rows.max() * 1.02
