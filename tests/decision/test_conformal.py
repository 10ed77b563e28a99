"""Coverage of calibrated intervals: within what luck allows, and broken when the rows are wrong."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from product_length.decision.conformal import central_mass, conformal_scores, inside, rows_needed
from product_length.decision.distribution import Distribution


def predicted(rows: int, seed: int, noise: float) -> tuple[Distribution, np.ndarray]:
    """Distributions that are too narrow and aside, and lengths that are exchangeable by row."""
    random = np.random.default_rng(seed)
    edges = np.linspace(0, 10, 101)
    centres = random.uniform(3, 7, rows)
    middles = (edges[:-1] + edges[1:]) / 2
    shares = np.exp(-np.abs(middles - centres[:, None] - 0.2) / 0.3)
    shares /= shares.sum(axis=1, keepdims=True)
    lengths = np.exp(centres + noise * random.standard_t(4, rows)).astype(np.float32)
    return Distribution(torch.from_numpy(shares), torch.from_numpy(edges)), lengths


def ranks_of(distribution: Distribution, lengths: np.ndarray) -> np.ndarray:
    return distribution.cdf(torch.from_numpy(lengths)).numpy()


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_coverage_is_the_level_whatever_the_model(level: float) -> None:
    distribution, lengths = predicted(6000, 1, noise=0.6)
    ranks = ranks_of(distribution, lengths)
    calibrating, others = ranks[:3000], slice(3000, None)
    mass = central_mass(conformal_scores(calibrating), level)
    ends = distribution.interval(mass).numpy()[others]
    held = (ends[:, 0] <= lengths[others]) & (lengths[others] <= ends[:, 1])
    # The luck of both halves: twice the variance of one.
    slack = 2 * np.sqrt(2 * level * (1 - level) / 3000) * 1.7
    assert abs(held.mean() - level) < slack
    # As predicted the intervals are far too narrow: it is the calibration that makes the coverage.
    plain = distribution.interval(level).numpy()[others]
    held_plain = (plain[:, 0] <= lengths[others]) & (lengths[others] <= plain[:, 1])
    assert held_plain.mean() < level - 2 * slack
    assert (held == inside(ranks[others], mass)).mean() > 0.999


def test_calibrated_on_rows_of_another_kind_intervals_fail() -> None:
    """The planted bug: scores of the training rows, which the model fits better than new ones."""
    seen, seen_lengths = predicted(3000, 2, noise=0.2)
    new, new_lengths = predicted(3000, 3, noise=0.6)
    mass = central_mass(conformal_scores(ranks_of(seen, seen_lengths)), 0.9)
    held = inside(ranks_of(new, new_lengths), mass)
    assert binom.cdf(held.sum(), len(held), 0.9) < 1e-9


def test_coverage_of_small_calibrations_is_on_average_at_least_the_level() -> None:
    random = np.random.default_rng(5)
    for rows in (9, 15, 40):
        held = []
        for _ in range(3000):
            ranks = random.beta(0.3, 0.5, rows + 1)
            mass = central_mass(conformal_scores(ranks[:-1]), 0.9)
            held.append(inside(ranks[-1:], mass)[0])
        k = np.ceil((rows + 1) * 0.9 - 1e-9)
        assert binom.cdf(sum(held), len(held), k / (rows + 1)) > 1e-4
        assert binom.sf(sum(held), len(held), k / (rows + 1)) > 1e-4


def test_ties_are_held_together() -> None:
    """Popular lengths under one and the same prediction share their rank but for rounding."""
    ranks = np.full(100, 0.2)
    mass = central_mass(conformal_scores(ranks), 0.5)
    assert inside(np.full(5, 0.2) - 1e-7, mass).all()
    assert mass == pytest.approx(0.6, abs=1e-4)


@settings(deadline=None)
@given(
    st.integers(1, 400),
    st.floats(0.01, 0.99),
    st.integers(0, 1000),
)
def test_the_mass_is_a_quantile_of_scores(rows: int, level: float, seed: int) -> None:
    ranks = np.random.default_rng(seed).uniform(0, 1, rows)
    mass = central_mass(conformal_scores(ranks), level)
    assert 0 <= mass <= 1
    if rows < rows_needed(level):
        assert mass == 1
    else:
        assert inside(ranks, mass).sum() >= min((rows + 1) * level - 1e-6, rows)
        assert (np.abs(ranks - 0.5) < mass / 2 - 2e-5).sum() < (rows + 1) * level


@pytest.mark.parametrize(("level", "rows"), [(0.9, 9), (0.99, 99), (0.5, 1), (0.95, 19)])
def test_rows_needed(level: float, rows: int) -> None:
    assert rows_needed(level) == rows
    scores = conformal_scores(np.linspace(0.3, 0.7, rows))
    assert central_mass(scores, level) < 1
    assert central_mass(scores[1:], level) == 1


@pytest.mark.parametrize("level", [0.0, 1.0, 90.0])
def test_no_such_level(level: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        central_mass(np.array([0.1], np.float32), level)


def test_what_lies_beyond_the_range_is_in_no_interval() -> None:
    assert inside(np.array([0.0, 0.5, 1.0]), 1.0).tolist() == [False, True, False]
