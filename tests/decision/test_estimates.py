"""Every decision against brute force on a fine grid, with cells cut up until they are points."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from product_length.decision.config import DECISIONS
from product_length.decision.distribution import Distribution
from product_length.decision.estimates import estimate, interval

PIECES = 400
ERRORS = {
    "mape": lambda p, y: np.abs(p - y) / y,
    "rmsle": lambda p, y: (np.log1p(p) - np.log1p(y)) ** 2,
    "median": lambda p, y: np.abs(p - y),
    "mean": lambda p, y: (p - y) ** 2,
    "smape": lambda p, y: 2 * np.abs(p - y) / (p + y),
}


def as_points(probabilities: Any, edges: Any) -> tuple[np.ndarray, np.ndarray]:
    """One row of probabilities as many weighted points: the middles of pieces of its cells."""
    shares = (np.arange(PIECES) + 0.5) / PIECES
    logs = edges[:-1, None] + np.diff(edges)[:, None] * shares
    return np.exp(logs).ravel(), np.repeat(probabilities / PIECES, PIECES)


def some_rows(seed: int, rows: int = 6, cells: int = 12) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    edges = np.cumsum(np.concatenate([[random.uniform(0, 4)], random.uniform(0.01, 0.9, cells)]))
    return random.dirichlet(np.full(cells, 0.4), rows), edges


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("seed", range(6))
def test_no_length_has_a_smaller_expected_error(decision: Any, seed: int) -> None:
    probabilities, edges = some_rows(seed)
    chosen = estimate(decision, torch.from_numpy(probabilities), torch.from_numpy(edges)).numpy()
    candidates = np.exp(np.linspace(edges[0], edges[-1], 4001))
    for row, length in zip(probabilities, chosen, strict=True):
        y, weights = as_points(row, edges)
        expected = [float(ERRORS[decision](c, y) @ weights) for c in [length, *candidates]]
        best = candidates[int(np.argmin(expected[1:]))]
        assert expected[0] <= min(expected[1:]) * (1 + 1e-6) + 1e-12
        # The least error may be reached at several lengths, but not by chance in each row.
        if decision in ("mean", "rmsle"):
            assert length == pytest.approx(best, rel=2e-3)


def test_a_decision_for_another_metric_costs_more() -> None:
    """So that the brute force above tells decisions apart."""
    probabilities, edges = some_rows(3)
    y, weights = as_points(probabilities[0], edges)
    row = torch.from_numpy(probabilities[:1])
    chosen = {each: estimate(each, row, torch.from_numpy(edges)).item() for each in DECISIONS}
    for mine in DECISIONS:
        costs = {each: float(ERRORS[mine](p, y) @ weights) for each, p in chosen.items()}
        assert all(costs[mine] < cost for each, cost in costs.items() if each != mine)


def test_closed_forms_of_one_cell() -> None:
    """log-uniform on (a, b): mean (b - a) / ln(b / a), median sqrt(ab), for MAPE 2ab / (a + b)."""
    a, b = 20.0, 50.0
    edges, sure = torch.tensor([a, b]).double().log(), torch.ones(1, 1).double()
    assert estimate("mean", sure, edges).item() == pytest.approx((b - a) / math.log(b / a))
    assert estimate("median", sure, edges).item() == pytest.approx(math.sqrt(a * b))
    assert estimate("mape", sure, edges).item() == pytest.approx(2 * a * b / (a + b))
    assert estimate("smape", sure, edges).item() == pytest.approx(math.sqrt(a * b))
    mean = quad(lambda x: math.log1p(math.exp(x)), math.log(a), math.log(b))[0] / math.log(b / a)
    assert estimate("rmsle", sure, edges).item() == pytest.approx(math.expm1(mean))
    ends = interval(sure, edges, 0.8)[0]
    assert ends.log().tolist() == pytest.approx(
        [math.log(a) + level * math.log(b / a) for level in (0.1, 0.9)]
    )


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.sampled_from(["float32", "float64"]),
    st.floats(0.01, 0.99),
)
def test_estimates_lie_in_their_distribution(
    seed: int, cells: int, dtype: str, mass: float
) -> None:
    random = np.random.default_rng(seed)
    edges = torch.from_numpy(np.cumsum(random.uniform(0.003, 2, cells + 1)) - 1)
    raw = torch.from_numpy(random.normal(size=(5, cells)) * 10 ** random.uniform(-2, 2))
    edges, raw = (each.to(getattr(torch, dtype)) for each in (edges, raw))
    predicted = Distribution(raw.softmax(dim=1), edges)
    slack = 1 + 1e-4
    for decision in DECISIONS:
        lengths = predicted.decide(decision)
        assert lengths.dtype == edges.dtype
        assert (lengths >= edges[0].exp() / slack).all()
        assert (lengths <= edges[-1].exp() * slack).all()
    # Weights 1/length pull down.
    assert (predicted.decide("mape") <= predicted.decide("median") * slack).all()
    low, high = predicted.interval(mass).T
    assert (low < high).all()
    np.testing.assert_allclose(mass_between(predicted, low, high).numpy(), mass, atol=2e-3)


def mass_between(predicted: Distribution, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    left = predicted.edges[:-1].clamp(min=low.log()[:, None])
    right = torch.minimum(predicted.edges[1:], high.log()[:, None])
    share = ((right - left) / predicted.edges.diff()).clamp(0, 1)
    return (share * predicted.probabilities).sum(dim=1)


def test_probabilities_of_zero_are_passed_over() -> None:
    edges = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]).double()
    row = torch.tensor([[0.0, 0.0, 1.0, 0.0]]).double()
    for decision in DECISIONS:
        assert 3 < estimate(decision, row, edges).log().item() < 4


@pytest.mark.parametrize("decision", DECISIONS)
def test_other_shapes_are_refused(decision: Any) -> None:
    for shape, edges in [((3, 4), 4), ((4,), 5), ((3, 4), 6)]:
        with pytest.raises(ValueError, match=r"must be \(rows, cells\)"):
            estimate(decision, torch.ones(shape), torch.arange(edges).float())


@pytest.mark.parametrize("mass", [-0.1, 1.1, 90.0])
def test_an_interval_of_no_such_mass_is_refused(mass: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        interval(torch.ones(1, 1), torch.tensor([0.0, 1.0]), mass)
