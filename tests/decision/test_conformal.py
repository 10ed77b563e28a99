"""Coverage of calibrated intervals: within what luck allows, and broken when the rows are wrong."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from product_length.decision.conformal import (
    Calibration,
    Coverage,
    PitValues,
    common_bands,
    rows_needed,
)
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


def without_bands(pit: np.ndarray) -> PitValues:
    return PitValues(pit, np.empty((len(pit), 0)), np.zeros(len(pit), np.intp))


def central(pit: np.ndarray, level: float) -> float:
    coverage = Calibration(without_bands(pit), (), ()).coverage(level)
    assert coverage.of_bands == {}
    return coverage.common


def inside(pit: np.ndarray, mass: float) -> np.ndarray:
    return Coverage(mass, {}).holds(without_bands(pit))


def pit_of(distribution: Distribution, lengths: np.ndarray) -> np.ndarray:
    return distribution.cdf(torch.from_numpy(lengths)).numpy()


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_coverage_is_the_level_whatever_the_model(level: float) -> None:
    distribution, lengths = predicted(6000, 1, noise=0.6)
    pit = pit_of(distribution, lengths)
    calibrating, others = pit[:3000], slice(3000, None)
    mass = central(calibrating, level)
    ends = distribution.interval(mass).numpy()[others]
    held = (ends[:, 0] <= lengths[others]) & (lengths[others] <= ends[:, 1])
    # The luck of both halves: twice the variance of one.
    slack = 2 * np.sqrt(2 * level * (1 - level) / 3000) * 1.7
    assert abs(held.mean() - level) < slack
    # As predicted the intervals are far too narrow: it is the calibration that makes the coverage.
    plain = distribution.interval(level).numpy()[others]
    held_plain = (plain[:, 0] <= lengths[others]) & (lengths[others] <= plain[:, 1])
    assert held_plain.mean() < level - 2 * slack
    assert (held == inside(pit[others], mass)).mean() > 0.999


def test_calibrated_on_rows_of_another_kind_intervals_fail() -> None:
    """The planted bug: scores of the training rows, which the model fits better than new ones."""
    seen, seen_lengths = predicted(3000, 2, noise=0.2)
    new, new_lengths = predicted(3000, 3, noise=0.6)
    mass = central(pit_of(seen, seen_lengths), 0.9)
    held = inside(pit_of(new, new_lengths), mass)
    assert binom.cdf(held.sum(), len(held), 0.9) < 1e-9


def test_coverage_of_small_calibrations_is_on_average_at_least_the_level() -> None:
    random = np.random.default_rng(5)
    for rows in (9, 15, 40):
        held = []
        for _ in range(3000):
            pit = random.beta(0.3, 0.5, rows + 1)
            mass = central(pit[:-1], 0.9)
            held.append(inside(pit[-1:], mass)[0])
        k = np.ceil((rows + 1) * 0.9 - 1e-9)
        assert binom.cdf(sum(held), len(held), k / (rows + 1)) > 1e-4
        assert binom.sf(sum(held), len(held), k / (rows + 1)) > 1e-4


def test_ties_are_held_together() -> None:
    """Popular lengths under one and the same prediction share their PIT value, up to rounding."""
    pit = np.full(100, 0.2)
    mass = central(pit, 0.5)
    assert inside(np.full(5, 0.2) - 1e-7, mass).all()
    assert mass == pytest.approx(0.6, abs=1e-4)


@settings(deadline=None)
@given(
    st.integers(1, 400),
    st.floats(0.01, 0.99),
    st.integers(0, 1000),
)
def test_the_mass_is_a_quantile_of_scores(rows: int, level: float, seed: int) -> None:
    pit = np.random.default_rng(seed).uniform(0, 1, rows)
    mass = central(pit, level)
    assert 0 <= mass <= 1
    if rows < rows_needed(level):
        assert mass == 1
    else:
        assert inside(pit, mass).sum() >= min((rows + 1) * level - 1e-6, rows)
        assert (np.abs(pit - 0.5) < mass / 2 - 2e-5).sum() < (rows + 1) * level


@pytest.mark.parametrize(("level", "rows"), [(0.9, 9), (0.99, 99), (0.5, 1), (0.95, 19)])
def test_rows_needed(level: float, rows: int) -> None:
    assert rows_needed(level) == rows
    pit = np.linspace(0.3, 0.7, rows)
    assert central(pit, level) < 1
    assert central(pit[1:], level) == 1


@pytest.mark.parametrize("level", [0.0, 1.0, 90.0])
def test_no_such_level(level: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        central(np.array([0.1]), level)


def test_what_lies_beyond_the_range_is_in_no_interval() -> None:
    assert inside(np.array([0.0, 0.5, 1.0]), 1.0).tolist() == [False, True, False]


EDGES = (4.0, 200.0, 5000.0)


def surprising(rows: int, seed: int) -> tuple[Distribution, np.ndarray]:
    """As `predicted`, but of every 20 products one is very long and of every 100 one very short."""
    distribution, lengths = predicted(rows, seed, noise=0.3)
    random = np.random.default_rng(seed + 1)
    kind = random.uniform(0, 1, rows)
    lengths = np.where(kind < 0.05, random.uniform(5001, 20000, rows), lengths)
    lengths = np.where(kind > 0.99, random.uniform(1.1, 3.9, rows), lengths).astype(np.float32)
    spread = np.full(distribution.probabilities.shape[1], 1 / distribution.probabilities.shape[1])
    mixed = 0.9 * distribution.probabilities + 0.1 * torch.from_numpy(spread)
    return Distribution(mixed, distribution.edges), lengths


def pit_by_bands(distribution: Distribution, lengths: np.ndarray) -> PitValues:
    of_edges = [pit_of(distribution, np.full_like(lengths, edge)) for edge in EDGES]
    bands = np.digitize(lengths, EDGES)
    return PitValues(pit_of(distribution, lengths), np.stack(of_edges, axis=1), bands)


def calibrated(rows: int, seed: int) -> Calibration:
    pit = pit_by_bands(*surprising(rows, seed))
    return Calibration(pit, EDGES, common_bands(pit.bands, 4))


def held_by(coverage: Coverage, distribution: Distribution, lengths: np.ndarray) -> np.ndarray:
    ends = coverage.ends(distribution).numpy()
    return (ends[:, 0] <= lengths) & (lengths <= ends[:, 1])


def test_a_band_that_is_not_rare_is_held_too_and_all_products_as_before() -> None:
    calibration = calibrated(3000, 10)
    assert calibration.common == (1, 2, 3)  # one in a hundred is rare
    distribution, lengths = surprising(20000, 20)
    long, short = lengths > 5000, lengths < 4
    plain = Calibration(without_bands(calibration.pit.of_lengths), (), ()).coverage(0.9)
    assert held_by(plain, distribution, lengths)[long].mean() < 0.5
    coverage = calibration.coverage(0.9)
    held = held_by(coverage, distribution, lengths)
    # About 150 validation rows are long: luck of 3% either way, of which three times is allowed.
    assert 0.79 - 0.1 < held[long].mean() < 0.86 + 0.1
    assert abs(held.mean() - 0.9) < 0.025
    assert held[short].mean() < 0.7
    assert coverage.common < plain.common
    assert set(coverage.of_bands) == {3}
    assert coverage.of_bands[3][:2] == (5000, np.inf)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 1000), st.integers(1, 300), st.lists(st.floats(0.01, 0.99), min_size=2))
def test_intervals_hold_what_is_said_of_them_and_grow_with_the_level(
    seed: int, rows: int, levels: list[float]
) -> None:
    calibration = calibrated(rows, seed)
    distribution, lengths = surprising(50, seed + 5000)
    before = np.tile([np.inf, -np.inf], (50, 1))
    for level in sorted(levels):
        coverage = calibration.coverage(level)
        ends = coverage.ends(distribution).numpy()
        assert (ends[:, 0] <= before[:, 0] * (1 + 1e-9)).all()
        assert (ends[:, 1] >= before[:, 1] * (1 - 1e-9)).all()
        before = ends
        held = coverage.holds(pit_by_bands(distribution, lengths))
        slightly = 1e-4  # in such a distance of an end either may be said
        assert not (held & (lengths < ends[:, 0] * (1 - slightly))).any()
        assert not (held & (lengths > ends[:, 1] * (1 + slightly))).any()
        well = (lengths > ends[:, 0] * (1 + slightly)) & (lengths < ends[:, 1] * (1 - slightly))
        assert not (well & ~held).any()
        # The calibrating rows themselves are held as often as the level asks for, but for those
        # beyond all that was predicted, which no interval holds.
        own = coverage.holds(calibration.pit)
        beyond = np.isin(calibration.pit.of_lengths, (0, 1))
        assert not (own & beyond).any()
        own |= beyond
        assert own.sum() >= min(np.ceil((rows + 1) * level - 1e-9), rows)
        for band in calibration.common if rows >= rows_needed(level) else ():
            some = own[calibration.pit.bands == band]
            assert len(some) < 10 or some.mean() >= 1 - 2 * (1 - level) - 1e-9


def test_more_than_is_needed_is_not_held() -> None:
    """Brute force: any lower aim holds too few validation rows, unless a band asks for it."""
    calibration = calibrated(600, 3)
    for level in (0.6, 0.8, 0.9, 0.95):
        coverage = calibration.coverage(level)
        needed = np.ceil(601 * level)
        held = coverage.holds(calibration.pit).sum()
        less = Coverage(
            coverage.common - 4e-3,
            {b: (lo, up, m - 4e-3) for b, (lo, up, m) in coverage.of_bands.items()},
        )
        long = calibration.pit.bands == 3
        own = less.holds(calibration.pit)
        assert held >= needed
        assert own.sum() < needed or own[long].mean() < 1 - 2 * (1 - level)


def test_bands_that_are_not_rare() -> None:
    bands = np.repeat([0, 1, 2, 3], [1, 38, 1, 0])
    assert common_bands(bands, 5) == (0, 1, 2)  # one of forty is not rare
    assert common_bands(np.append(bands, 1), 5) == (1,)
    assert common_bands(bands[:0], 5) == ()


def test_a_calibration_is_kept_in_tensors() -> None:
    calibration = calibrated(200, 4)
    again = Calibration.from_state(calibration.state())
    assert len(again) == 200
    assert again.common == calibration.common
    for level in (0.5, 0.9, 0.99):
        one, other = calibration.coverage(level), again.coverage(level)
        assert other.common == pytest.approx(one.common, abs=1e-6)
        assert set(other.of_bands) == set(one.of_bands)
