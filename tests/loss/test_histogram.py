"""Smoothed targets against SciPy by hand; the cross-entropy and its least value."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.stats import norm

from product_length.loss.histogram import Histogram, cross_entropy, smoothed_targets

EDGES = np.array([1.0, 1.5, 1.6, 3.0])


@pytest.mark.parametrize("smoothing", [0.3, 0.75, 4.0])
@pytest.mark.parametrize(
    ("log_length", "width"),
    [(1.2, 0.5), (1.55, 0.1), (2.9, 1.4), (0.2, 0.5), (9.0, 1.4), (1.5, 0.5)],
)
def test_targets_are_normal_masses_between_edges(
    log_length: float, width: float, smoothing: float
) -> None:
    cdf = norm.cdf(EDGES, loc=log_length, scale=smoothing * width)
    by_hand = np.diff([0.0, *cdf, 1.0])
    given = torch.tensor([log_length], dtype=torch.float64), torch.from_numpy(EDGES)
    targets = smoothed_targets(*given, smoothing)[0]
    np.testing.assert_allclose(targets.numpy(), by_hand, atol=1e-12)
    assert targets.sum().item() == pytest.approx(1, abs=1e-12)


def test_targets_of_float32_sum_to_one() -> None:
    edges = torch.linspace(-1, 21, 300)
    truth = torch.from_numpy(np.random.default_rng(0).uniform(-4, 25, 500)).float()
    targets = smoothed_targets(truth, edges, 0.75)
    assert (targets >= 0).all()
    np.testing.assert_allclose(targets.sum(dim=1).numpy(), 1, atol=1e-6)


def test_cross_entropy_by_hand_and_least_at_the_target() -> None:
    random = np.random.default_rng(0)
    raw, targets = random.normal(size=(7, 5)), random.dirichlet(np.ones(5), 7)
    logs = raw - np.log(np.exp(raw).sum(axis=1, keepdims=True))
    by_hand = -(targets * logs).sum(axis=1).mean()
    given = torch.from_numpy(targets)
    assert cross_entropy(torch.from_numpy(raw), given).item() == pytest.approx(by_hand)
    entropy = -(targets * np.log(targets)).sum(axis=1).mean()
    assert cross_entropy(given.log(), given).item() == pytest.approx(entropy)
    assert by_hand > entropy


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must be \(rows,\)"):
        smoothed_targets(torch.ones(3, 1), torch.arange(4.0), 1.0)
    with pytest.raises(ValueError, match="must both be"):
        cross_entropy(torch.ones(3, 4), torch.ones(3, 5))


@pytest.mark.parametrize(
    "fault",
    [{"bins": 1}, {"by_rows": 1.1}, {"narrowest": 0}, {"smoothing": 0}, {"tail": 0.5}, {"x": 1}],
)
def test_options_out_of_range_are_refused(fault: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Histogram.model_validate({"name": "histogram", **fault})
