"""Tail probabilities and false-discovery rates, against plain definitions and planted nulls."""

import numpy as np
import pytest
from scipy.stats import norm

from product_length.auditing.surprise import calibrated_tails, false_discovery_rates


def of_definition(tails):
    """Benjamini and Hochberg's step-up procedure, level by level: the least at which each falls."""
    count = len(tails)
    order = sorted(range(count), key=lambda at: tails[at])
    found = [1.0] * count
    for level in sorted({min(tails[at] * count / rank, 1.0) for rank, at in enumerate(order, 1)}):
        passed = [
            rank
            for rank, at in enumerate(order, 1)
            if tails[at] <= level * rank / count * (1 + 1e-12)
        ]
        for at in order[: max(passed, default=0)]:
            found[at] = min(found[at], level)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_rates_are_those_of_the_step_up_procedure(seed):
    generator = np.random.default_rng(seed)
    tails = generator.uniform(size=40) ** generator.uniform(1, 4)
    tails[:5] = tails[5]  # equal ones
    np.testing.assert_allclose(false_discovery_rates(tails), of_definition(tails.tolist()))


def test_no_rows_have_no_rates():
    assert false_discovery_rates(np.empty(0)).shape == (0,)


def test_the_share_of_false_discoveries_is_kept():
    """9,000 good labels, badly scaled by the model, and 300 wrong ones, far out, 40 times."""
    shares, found = [], []
    for seed in range(40):
        generator = np.random.default_rng(seed)
        scores = 0.4 + 1.7 * generator.normal(size=9300)
        wrong = np.zeros(9300, dtype=bool)
        wrong[generator.choice(9300, 300, replace=False)] = True
        scores[wrong] += generator.choice([-1, 1], 300) * generator.uniform(6, 12, 300)
        tails, _ = calibrated_tails(norm.cdf(scores), np.arange(9300) % 5)
        called = false_discovery_rates(tails) <= 0.1
        shares.append((called & ~wrong).sum() / max(called.sum(), 1))
        found.append((called & wrong).sum() / 300)
    assert np.mean(shares) <= 0.1
    assert np.mean(found) > 0.5


def test_good_labels_alone_are_hardly_ever_called():
    """Under the null the chance of any discovery is the level: 10% of 60 catalogues are 6."""
    called = 0
    for seed in range(60):
        pit = np.random.default_rng(seed).uniform(size=2000)
        tails, _ = calibrated_tails(pit, np.arange(2000) % 5)
        called += (false_discovery_rates(tails) <= 0.1).any()
    assert called <= 13


def test_tails_are_twice_the_lesser_side():
    pit = np.array([0.5, 0.025, 0.975, 0.3])
    tails, scales = calibrated_tails(pit, np.zeros(4, dtype=int))
    np.testing.assert_allclose(tails, [1.0, 0.05, 0.05, 0.6])
    assert scales == [(0.0, 1.0)]  # one fold, and few rows: nothing to calibrate by


def test_each_fold_is_calibrated_by_the_others():
    """A fold of labels that all lie far out moves the others' scale, not its own."""
    generator = np.random.default_rng(0)
    folds = np.repeat([0, 1], 500)
    scores = np.concatenate([generator.normal(size=500), 3 * generator.normal(size=500)])
    _, ((_, of_first), (_, of_second)) = calibrated_tails(norm.cdf(scores), folds)
    assert of_first == pytest.approx(3, rel=0.15)
    assert of_second == pytest.approx(1, rel=0.15)


def test_a_label_beyond_all_cells_has_a_tail_above_zero():
    tails, _ = calibrated_tails(np.array([0.0, 1.0]), np.zeros(2, dtype=int))
    assert (tails > 0).all()
    assert (tails < 1e-8).all()
