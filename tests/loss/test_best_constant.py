"""The best constant against closed forms where there are any, and brute force elsewhere."""

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from product_length.loss import constant
from product_length.loss.constant import best_constant
from product_length.loss.point import PointLoss, PointLossOptions


def make(name: str, **options: float) -> PointLoss:
    loss: PointLoss = TypeAdapter(PointLossOptions).validate_python({"name": name, **options})
    return loss


def catalogue(seed: int, rows: int = 301) -> np.ndarray:
    """Lengths shaped as the real ones: log-normal with a heavy tail, on a coarse raster."""
    random = np.random.default_rng(seed)
    tail = random.random(rows) < 0.02
    lengths = np.exp(random.normal(np.log(650), 1.1, rows)) * np.where(tail, 1e4, 1)
    return (np.round(lengths / 10) * 10).clip(1).astype(np.float32)


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulative, cumulative[-1] / 2)])


@pytest.mark.parametrize("seed", range(4))
def test_closed_forms(seed: int) -> None:
    y = catalogue(seed).astype(np.float64)
    relative = best_constant(make("mape"), y)
    assert relative == pytest.approx(weighted_median(y, 1 / y), rel=1e-6)
    weights = np.clip(y / 100, 0.1, 1) / y
    assert best_constant(make("weighted_mape", scale=100.0), y) == pytest.approx(
        weighted_median(y, weights), rel=1e-6
    )
    on_logs = weighted_median(np.log1p(y), 1 / np.log1p(y))
    assert best_constant(make("log_mape"), y) == pytest.approx(np.expm1(on_logs), rel=1e-6)
    mean_log = np.expm1(np.log1p(y).mean())
    assert best_constant(make("rmsle"), y) == pytest.approx(mean_log, rel=1e-5)
    # Beyond its delta Huber is the absolute error, whose best constant is the median.
    assert best_constant(make("huber", delta=1e-3), y) == pytest.approx(np.median(y), rel=1e-4)
    assert best_constant(make("huber", delta=1e12), y) == pytest.approx(y.mean(), rel=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        make("smape"),
        make("focal_mape"),
        make("focal_mape", gamma=0.5),
        make("combined"),
        make("combined", mix=0.2),
        make("huber"),
        make("huber", delta=300.0),
    ],
    ids=lambda loss: str(loss),
)
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("rows", [301, 4000])
def test_no_constant_on_a_fine_grid_costs_less(loss: PointLoss, rows: int, seed: int) -> None:
    y = torch.from_numpy(catalogue(seed, rows).astype(np.float64))

    def cost(value: float) -> float:
        return loss.cost(torch.full_like(y, value), y).item()

    grid = np.geomspace(y.min().item(), y.max().item(), 3000)
    least = min(cost(value) for value in [*grid, *set(y.tolist())])
    best = best_constant(loss, y.numpy())
    assert cost(best) <= least * (1 + 1e-9)
    assert y.min() <= best <= y.max()


@pytest.mark.parametrize("lengths", [[746.0], [10.0, 10.0, 10.0], [1.0, 1.9e9]])
@pytest.mark.parametrize("name", ["mape", "rmsle", "smape", "focal_mape", "huber", "log_mape"])
def test_few_rows_and_equal_rows(lengths: list[float], name: str) -> None:
    best = best_constant(make(name), np.array(lengths, dtype=np.float32))
    assert min(lengths) * (1 - 1e-12) <= best <= max(lengths) * (1 + 1e-12)


def test_many_rows_are_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    y = catalogue(7, rows=5000)
    whole = best_constant(make("mape"), y)
    monkeypatch.setattr(constant, "MAX_ROWS", 1000)
    thinned = best_constant(make("mape"), y)
    assert thinned == pytest.approx(whole, rel=0.05)
    assert thinned == best_constant(make("mape"), y[::-1].copy())


@pytest.mark.parametrize("lengths", [[], [[1.0, 2.0]], [0.0, 1.0], [1.0, np.nan], [np.inf]])
def test_refuses_lengths_that_are_none(lengths: list[float]) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        best_constant(make("mape"), np.array(lengths))
