"""The distribution function against sums by hand, and averages against brute force."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.decision.config import DECISIONS
from product_length.decision.distribution import Distribution, average


def some(seed: int, cells: int = 9, rows: int = 4) -> Distribution:
    random = np.random.default_rng(seed)
    edges = np.cumsum(np.concatenate([[random.uniform(0, 4)], random.uniform(0.01, 0.9, cells)]))
    shares = random.dirichlet(np.full(cells, 0.4), rows)
    return Distribution(torch.from_numpy(shares), torch.from_numpy(edges))


def density_at(distribution: Distribution, logs: np.ndarray) -> np.ndarray:
    """By a loop over the cells: (rows, places)."""
    edges = distribution.edges.tolist()
    found = np.zeros((len(distribution.probabilities), len(logs)))
    for cell, (left, right) in enumerate(pairwise(edges)):
        here = (logs >= left) & (logs < right)
        share = distribution.probabilities[:, cell, None].numpy() / (right - left)
        found += np.where(here, share, 0)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_cdf_is_the_sum_of_what_lies_below(seed: int) -> None:
    distribution = some(seed)
    random = np.random.default_rng(seed + 10)
    low, high = distribution.edges[0].item() - 0.5, distribution.edges[-1].item() + 0.5
    fine = np.linspace(low, high, 200_001)
    middles = (fine[:-1] + fine[1:]) / 2
    density = density_at(distribution, middles)
    for _ in range(5):
        logs = random.uniform(low, high, 4)
        expected = (density * (middles < logs[:, None])).sum(axis=1) * (fine[1] - fine[0])
        found = distribution.cdf(torch.from_numpy(np.exp(logs))).numpy()
        np.testing.assert_allclose(found, expected, atol=2e-3)
    at_edges = [distribution.cdf(edge.exp().expand(4))[0].item() for edge in distribution.edges]
    sums = np.concatenate([[0], distribution.probabilities[0].cumsum(0).numpy()])
    np.testing.assert_allclose(at_edges, sums, atol=1e-12)


def test_lengths_beyond_the_edges_are_sure() -> None:
    distribution = some(1)
    assert distribution.cdf(torch.full((4,), 1e-3)).tolist() == [0] * 4
    assert distribution.cdf(torch.full((4,), 1e9)).tolist() == [1] * 4


def test_one_length_a_row() -> None:
    with pytest.raises(ValueError, match="one for each row"):
        some(1).cdf(torch.ones(3))


@settings(deadline=None)
@given(st.integers(0, 10_000), st.floats(0.001, 0.999))
def test_the_interval_is_the_inverse_of_the_cdf(seed: int, mass: float) -> None:
    distribution = some(seed)
    low, high = distribution.interval(mass).T
    np.testing.assert_allclose(distribution.cdf(low).numpy(), (1 - mass) / 2, atol=1e-9)
    np.testing.assert_allclose(distribution.cdf(high).numpy(), (1 + mass) / 2, atol=1e-9)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_an_average_is_the_mixture(seed: int, count: int) -> None:
    members = [some(seed + 20_000 * i, cells=5 + 3 * i) for i in range(count)]
    mixed = average(members)
    assert (mixed.edges.diff() > 0).all()
    np.testing.assert_allclose(mixed.probabilities.sum(dim=1).numpy(), 1, atol=1e-12)
    logs = np.random.default_rng(seed).uniform(0, 12, 300)
    expected = np.mean([density_at(member, logs) for member in members], axis=0)
    np.testing.assert_allclose(density_at(mixed, logs), expected, rtol=1e-9, atol=1e-12)
    for place in np.exp(logs[:5]):
        lengths = torch.full((4,), place).double()
        of_each = np.mean([member.cdf(lengths).numpy() for member in members], axis=0)
        np.testing.assert_allclose(mixed.cdf(lengths).numpy(), of_each, atol=1e-9)
    # The mean of a mixture is the mean of the means; the other decisions are of the mixture.
    means = torch.stack([member.decide("mean") for member in members]).mean(dim=0)
    np.testing.assert_allclose(mixed.decide("mean").numpy(), means.numpy(), rtol=1e-9)


def test_the_average_of_one_and_of_equals_is_itself() -> None:
    distribution = some(3)
    for members in ([distribution], [distribution] * 3):
        mixed = average(members)
        np.testing.assert_allclose(mixed.probabilities, distribution.probabilities, atol=1e-15)
        assert torch.equal(mixed.edges, distribution.edges)
        for decision in DECISIONS:
            np.testing.assert_allclose(
                mixed.decide(decision), distribution.decide(decision), rtol=1e-12
            )


def test_edges_that_nearly_coincide_do_no_harm() -> None:
    first = some(4)
    second = Distribution(first.probabilities, first.edges * (1 + 1e-15) + 1e-14)
    mixed = average([first, second])
    assert len(mixed.edges) > len(first.edges)
    for decision in DECISIONS:
        np.testing.assert_allclose(mixed.decide(decision), first.decide(decision), rtol=1e-6)


def test_nothing_has_no_average() -> None:
    with pytest.raises(ValueError, match="no distributions"):
        average([])
