import numpy as np
import pytest
from scipy import stats

from product_length.evaluation import resampling
from product_length.evaluation.resampling import (
    Mean,
    Median,
    interval,
    mean_differences,
    resample,
    seed_part,
    verdict,
)


@pytest.mark.parametrize("rows", [11, 12, 2001])
@pytest.mark.parametrize("few_members", [False, True])
def test_each_resample_is_what_its_rows_would_give(rows, few_members):
    """Counting rows gives what sampling and measuring them would give."""
    values = np.random.default_rng(1).gamma(2, 0.3, rows)
    members = np.arange(rows) % 4 == 0 if few_members else np.ones(rows, dtype=bool)
    found = resample([Mean(values, members), Median(values, members)], rows, resamples=60, seed=5)
    generator = np.random.default_rng(5)
    for k in range(60):
        sampled = generator.integers(rows, size=rows)
        kept = values[sampled][members[sampled]]
        if kept.size:
            assert found[:, k] == pytest.approx([kept.mean(), np.median(kept)])
        else:
            assert np.isnan(found[:, k]).all()


def test_intervals_agree_with_scipy():
    values = np.random.default_rng(0).gamma(2, 0.3, 2000)
    everything = np.ones(2000, dtype=bool)
    samples = resample([Mean(values), Median(values, everything)], 2000, resamples=4000, seed=0)
    for statistic, of_ours in zip((np.mean, np.median), samples, strict=True):
        reference = stats.bootstrap(
            (values,), statistic, n_resamples=4000, method="percentile", rng=1, batch=200
        ).confidence_interval
        width = reference.high - reference.low
        low, high = interval(of_ours, 2000, 0.95)
        assert [low, high] == pytest.approx([reference.low, reference.high], abs=0.1 * width)


@pytest.mark.parametrize(("name", "size"), [("_CHUNK_BYTES", 7 * 8 * 100), ("_COLUMN_BYTES", 1)])
def test_chunks_change_nothing(monkeypatch, name, size):
    values = np.random.default_rng(0).gamma(2, 0.3, (5, 100))
    statistics = [Mean(row) for row in values] + [Median(values[0], np.ones(100, dtype=bool))]
    whole = resample(statistics, 100, resamples=150, seed=1)
    monkeypatch.setattr(resampling, name, size)
    assert resample(statistics, 100, resamples=150, seed=1) == pytest.approx(whole, rel=1e-12)
    assert not np.allclose(resample(statistics, 100, resamples=150, seed=2), whole)


def test_too_few_rows_claim_no_certainty():
    samples = np.linspace(0, 1, 101)
    assert interval(samples, resampling.MIN_ROWS - 1, 0.9) == (None, None)
    assert interval(samples, resampling.MIN_ROWS, 0.9) == pytest.approx((0.05, 0.95))
    (found,) = mean_differences([(np.full(9, 0.2), np.full(9, 0.1))])
    assert (found.low, found.high, found.verdict) == (None, None, "too few rows to tell")


def by_hand(first, second, resamples, seed):
    """Resampled mean difference plus Welch's t, one number at a time: list of resamples."""
    rows = len(first[0])
    row_stream = np.random.default_rng(seed)
    order = np.random.default_rng([seed, 1]).permutation(resamples)
    parts = []
    for recipe in (first, second):
        mapes = [sum(errors) / rows for errors in recipe]
        mean = sum(mapes) / len(mapes)
        spread = sum((mape - mean) ** 2 for mape in mapes) / (len(mapes) - 1)
        parts.append((spread / len(mapes), len(mapes) - 1))
    total = sum(variance for variance, _ in parts)
    freedom = total**2 / sum(variance**2 / df for variance, df in parts)
    found = []
    for k in range(resamples):
        sampled = row_stream.integers(rows, size=rows)
        means = []
        for recipe in (first, second):
            mapes = [sum(errors[row] for row in sampled) / rows for errors in recipe]
            means.append(sum(mapes) / len(mapes))
        quantile = stats.t.ppf((order[k] + 0.5) / resamples, freedom)
        found.append(means[0] - means[1] + quantile * total**0.5)
    return found


def test_difference_against_plain_loops():
    generator = np.random.default_rng(5)
    first, second = generator.gamma(2, 0.3, (3, 12)), generator.gamma(2, 0.4, (2, 12))
    (found,) = mean_differences([(second, first)], resamples=60, confidence=0.9, seed=7)
    expected = by_hand(second.tolist(), first.tolist(), 60, 7)
    assert found.value == pytest.approx(second.mean() - first.mean())
    assert [found.low, found.high] == pytest.approx(np.quantile(expected, [0.05, 0.95]))
    assert found.rows == 12


def test_rows_alone_have_the_normal_interval_and_seeds_alone_students():
    generator = np.random.default_rng(1)
    rows = 20_000
    base, noise = generator.gamma(2, 1, rows), generator.normal(0, 0.1, rows)
    same_seeds = (np.vstack([base + noise] * 3), np.vstack([base] * 3))
    half = 1.96 * noise.std() / np.sqrt(rows)
    for pair in (same_seeds, (base + noise, base)):
        (found,) = mean_differences([pair], resamples=2000)
        assert [found.low, found.high] == pytest.approx(
            [noise.mean() - half, noise.mean() + half], abs=half / 10
        )

    def shifted(*shifts):
        return np.full((len(shifts), 50), 0.5) + np.array(shifts)[:, None]

    by_two_degrees = (shifted(0.1, 0.2, 0.3), shifted(0.0, 0.0)), 0.1 / np.sqrt(3)
    by_welch = (shifted(0.1, 0.3), shifted(-0.1, 0.1)), np.sqrt(0.02)  # one and one are two
    for pair, error in (by_two_degrees, by_welch):
        (found,) = mean_differences([pair], resamples=4000)
        half = 4.3027 * error  # t of two degrees of freedom
        assert [found.low, found.high] == pytest.approx([0.2 - half, 0.2 + half], rel=0.02)


def test_seeds_without_any_difference_add_nothing():
    assert np.abs(seed_part([[0.5, 0.5], [0.4, 0.4, 0.4]], 50, 0)).max() < 1e-12
    part = seed_part([[0.4, 0.6]], 1000, 3)
    assert np.median(part) == pytest.approx(0, abs=1e-3)
    assert np.quantile(part, 0.975) == pytest.approx(12.706 * 0.1, rel=0.02)
    assert not np.array_equal(part, np.sort(part))


def test_identical_errors_do_not_differ_and_other_rows_are_refused():
    errors = np.random.default_rng(0).gamma(2, 0.3, 100)
    (found,) = mean_differences([(errors, errors.copy())], resamples=100)
    assert (found.value, found.low, found.high) == (0, 0, 0)
    assert found.verdict == "no detectable difference"
    assert mean_differences([]) == []
    with pytest.raises(ValueError, match=r"different rows: \[1, 100\]"):
        mean_differences([(errors, errors[:1])])


def simulated(generator, seeds, seed_luck, row_luck, rows=40, gain=0.0):
    """APEs (seeds, rows) of two recipes; rows share their difficulty, each seed has its luck."""
    difficulty = generator.gamma(2, 0.3, rows)
    return tuple(
        difficulty
        - better
        + generator.normal(0, seed_luck, (seeds, 1))
        + generator.normal(0, row_luck, (seeds, rows))
        for better in (gain, 0.0)
    )


def naive_high(generator, errors, resamples):
    """Upper end of a difference where rows and seeds alike are sampled with replacement."""
    seeds, rows = errors[0].shape
    sampled = generator.integers(rows, size=(resamples, 1, rows))
    means = [
        recipe[generator.integers(seeds, size=(resamples, seeds, 1)), sampled].mean(axis=(1, 2))
        for recipe in errors
    ]
    return np.quantile(means[0] - means[1], 0.975)


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize(("seed_luck", "row_luck"), [(0.05, 0.02), (0.005, 0.2)])
def test_two_copies_of_one_recipe_are_told_apart_in_few_cases(seeds, seed_luck, row_luck):
    generator = np.random.default_rng(seeds)
    better = naive = 0
    trials = 300
    for trial in range(trials):
        errors = simulated(generator, seeds, seed_luck, row_luck)
        (found,) = mean_differences([errors], resamples=100, seed=trial)
        better += found.verdict.startswith("better")
        naive += naive_high(generator, errors, 100) < 0
    assert better / trials <= 0.05
    if seed_luck > row_luck and seeds < 5:
        assert naive / trials > 0.05


@pytest.mark.parametrize("seeds", [3, 5])
def test_a_truly_better_recipe_is_found(seeds):
    generator = np.random.default_rng(0)
    found = [
        mean_differences(
            [simulated(generator, seeds, 0.01, 0.05, gain=0.06)], resamples=100, seed=trial
        )[0].verdict.startswith("better")
        for trial in range(60)
    ]
    assert np.mean(found) > 0.9


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-0.056, -0.031, "better by 3.1–5.6 points"),
        (0.031, 0.056, "worse by 3.1–5.6 points"),
        (-0.001, 0.002, "no detectable difference"),
        (0.0, 0.0, "no detectable difference"),
        (-0.1, 0.0, "no detectable difference"),
        (0.03111, 0.03114, "worse by 3.111–3.114 points"),
        (0.00011, 0.00014, "worse by 0.011–0.014 points"),
        (0.00001, 0.3, "worse by 0.001–30.0 points"),
        (0.5, 0.5, "worse by about 50.0 points"),
        (None, None, "too few rows to tell"),
    ],
)
def test_verdict(low, high, words):
    assert verdict(low, high) == words
