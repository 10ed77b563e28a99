"""Every loss against plain NumPy float64, finite differences, and the extremes of float32."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import TypeAdapter, ValidationError

from product_length.loss.point import PointLoss, PointLossOptions, WeightedMape

Reference = Callable[[np.ndarray, np.ndarray], float]


def mape(p: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(np.abs(y - p) / y))


def weighted_mape(scale: float, floor: float) -> Reference:
    return lambda p, y: float(np.mean(np.clip(y / scale, floor, 1) * np.abs(y - p) / y))


def log_mape(p: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(np.abs(np.log1p(p) - np.log1p(y)) / np.log1p(y)))


def focal_mape(gamma: float) -> Reference:
    def reference(p: np.ndarray, y: np.ndarray) -> float:
        ape = np.abs(y - p) / y
        weights = ape**gamma
        return float(np.mean(weights / weights.mean() * ape)) if weights.mean() else 0.0

    return reference


def rmsle(p: np.ndarray, y: np.ndarray) -> float:
    return float(np.sqrt(np.mean((np.log1p(p) - np.log1p(y)) ** 2)))


def combined(mix: float) -> Reference:
    return lambda p, y: mix * mape(p, y) + (1 - mix) * rmsle(p, y)


def smape(p: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(2 * np.abs(p - y) / (p + y)))


def huber(delta: float) -> Reference:
    def reference(p: np.ndarray, y: np.ndarray) -> float:
        error = np.abs(p - y)
        far = delta * (error - delta / 2)
        return float(np.mean(np.where(error <= delta, error**2 / 2, far)))

    return reference


CASES: list[tuple[dict[str, Any], Reference]] = [
    ({"name": "mape"}, mape),
    ({"name": "weighted_mape", "scale": 100.0}, weighted_mape(100.0, 0.1)),
    ({"name": "weighted_mape", "scale": 500.0, "floor": 0.0}, weighted_mape(500.0, 0.0)),
    ({"name": "log_mape"}, log_mape),
    ({"name": "focal_mape"}, focal_mape(2.0)),
    ({"name": "focal_mape", "gamma": 0.0}, mape),
    ({"name": "focal_mape", "gamma": 0.5}, focal_mape(0.5)),
    ({"name": "rmsle"}, rmsle),
    ({"name": "combined"}, combined(0.7)),
    ({"name": "combined", "mix": 0.0}, rmsle),
    ({"name": "combined", "mix": 0.25}, combined(0.25)),
    ({"name": "smape"}, smape),
    ({"name": "huber"}, huber(1.0)),
    ({"name": "huber", "delta": 250.0}, huber(250.0)),
]
NAMES = ["-".join(str(value) for value in options.values()) for options, _ in CASES]
every_loss = pytest.mark.parametrize(("options", "reference"), CASES, ids=NAMES)
lengths = st.floats(1, 2e9, width=32)
predictions = st.floats(1e-3, 2e9)


def make(options: dict[str, Any]) -> PointLoss:
    loss = TypeAdapter(PointLossOptions).validate_python(options)
    assert isinstance(loss, PointLoss)
    return loss


def test_every_loss_has_a_case() -> None:
    choices = TypeAdapter(PointLossOptions).json_schema()["discriminator"]["mapping"]
    assert {options["name"] for options, _ in CASES} == set(choices)
    assert len(choices) == 8


@every_loss
@settings(max_examples=60, deadline=None)
@given(data=st.data(), rows=st.integers(1, 9))
def test_equals_numpy(
    options: dict[str, Any], reference: Reference, data: st.DataObject, rows: int
) -> None:
    y = data.draw(arrays(np.float64, rows, elements=lengths))
    p = data.draw(arrays(np.float64, rows, elements=predictions))
    cost = make(options).cost(torch.from_numpy(p), torch.from_numpy(y))
    assert cost.shape == ()
    assert cost.item() == pytest.approx(reference(p, y), rel=1e-9, abs=1e-12)


@every_loss
def test_gradient_equals_finite_differences(options: dict[str, Any], reference: Reference) -> None:
    y = np.array([39.0, 663.0, 1063.0, 72_000.0, 393.7])
    p = np.array([52.0, 600.0, 1900.0, 60_000.0, 30.0])  # away from p = y, where |p - y| has a kink
    loss = make(options)
    if options["name"] == "focal_mape":
        # Its weights are constants in the gradient: compare with the weighted sum they make.
        ape = np.abs(y - p) / y
        weights = ape ** options.get("gamma", 2.0) / np.mean(ape ** options.get("gamma", 2.0))
        expected = weights * np.sign(p - y) / y / len(y)
        prediction = torch.tensor(p, requires_grad=True)
        loss.cost(prediction, torch.tensor(y)).backward()
        assert prediction.grad is not None
        np.testing.assert_allclose(prediction.grad.numpy(), expected, rtol=1e-12)
        return
    assert torch.autograd.gradcheck(
        lambda prediction: loss.cost(prediction, torch.tensor(y)),
        (torch.tensor(p, requires_grad=True),),
        eps=1e-4,
    )


@every_loss
@pytest.mark.parametrize("exact", [False, True], ids=["apart", "p=y"])
@pytest.mark.parametrize("rows", [1, 2, 512])
def test_value_and_gradient_stay_finite_in_float32(
    options: dict[str, Any], reference: Reference, exact: bool, rows: int
) -> None:
    y = torch.logspace(0, np.log10(2e9), rows)
    p = y.clone() if exact else torch.logspace(-6, 9, rows).flip(0)
    p.requires_grad_()
    cost = make(options).cost(p, y)
    cost.backward()
    assert torch.isfinite(cost)
    assert p.grad is not None
    assert torch.isfinite(p.grad).all()
    assert (cost.item() == 0) == exact


@every_loss
@pytest.mark.parametrize("p", [1e-6, 1e9])
@pytest.mark.parametrize("y", [1.0, 2e9])
def test_extreme_pairs_stay_finite_in_float32(
    options: dict[str, Any], reference: Reference, p: float, y: float
) -> None:
    prediction = torch.tensor([p], requires_grad=True)
    cost = make(options).cost(prediction, torch.tensor([y]))
    cost.backward()
    expected = reference(np.array([p]), np.array([y]))
    assert cost.item() == pytest.approx(expected, rel=1e-5)
    assert prediction.grad is not None
    assert torch.isfinite(prediction.grad).all()


@every_loss
@pytest.mark.parametrize(
    "shapes", [((4, 1), (4,)), ((4,), (4, 1)), ((4, 1), (4, 1)), ((0,), (0,)), ((1,), (4,))]
)
def test_refuses_shapes_that_would_broadcast(
    options: dict[str, Any], reference: Reference, shapes: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    with pytest.raises(ValueError, match=r"must both be \(rows,\)"):
        make(options).cost(torch.ones(shapes[0]), torch.ones(shapes[1]))


def test_a_scale_that_is_not_given_comes_from_the_catalogue() -> None:
    loss = WeightedMape(name="weighted_mape")
    p, y = torch.tensor([50.0, 150.0]), torch.tensor([25.0, 100.0])
    with pytest.raises(ValueError, match="needs a scale"):
        loss.cost(p, y)
    scaled = loss.model_copy(update={"scale": 100.0})
    assert scaled.cost(p, y).item() == pytest.approx((0.25 * 1 + 0.5) / 2)


@pytest.mark.parametrize(
    "options",
    [
        {"name": "focal_mape", "gamma": -1},
        {"name": "combined", "mix": 1.5},
        {"name": "weighted_mape", "scale": 0},
        {"name": "weighted_mape", "floor": 2},
        {"name": "huber", "delta": 0},
        {"name": "mape", "gamma": 2},
        {"name": "mae"},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        make(options)
