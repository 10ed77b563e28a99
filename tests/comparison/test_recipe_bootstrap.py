import numpy as np
import pytest
from run_folders import catalogue, predict
from scipy import stats

from product_length.comparison.recipe_bootstrap import (
    one_seed_verdict,
    recipe_differences,
    recipe_estimates,
    seed_part,
)
from product_length.evaluation import metrics
from product_length.evaluation.bootstrap import estimate_metrics, paired_difference
from product_length.evaluation.metrics import BANDS


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
        drawn = row_stream.integers(rows, size=rows)
        means = []
        for recipe in (first, second):
            mapes = [sum(errors[row] for row in drawn) / rows for errors in recipe]
            means.append(sum(mapes) / len(mapes))
        quantile = stats.t.ppf((order[k] + 0.5) / resamples, freedom)
        found.append(means[0] - means[1] + quantile * total**0.5)
    return found


def test_difference_against_plain_loops():
    generator = np.random.default_rng(5)
    first = generator.gamma(2, 0.3, (3, 12))
    second = generator.gamma(2, 0.4, (2, 12))
    _, found = recipe_differences([first, second], 0, resamples=60, confidence=0.9, seed=7)
    expected = by_hand(second.tolist(), first.tolist(), 60, 7)
    assert found.value == pytest.approx(second.mean() - first.mean())
    assert [found.low, found.high] == pytest.approx(np.quantile(expected, [0.05, 0.95]))
    assert found.rows == 12


def test_rows_alone_have_the_normal_interval_and_seeds_alone_students():
    generator = np.random.default_rng(1)
    rows = 20_000
    base, noise = generator.gamma(2, 1, rows), generator.normal(0, 0.1, rows)
    same_seeds = [np.vstack([base] * 3), np.vstack([base + noise] * 3)]
    _, found = recipe_differences(same_seeds, 0, resamples=2000)
    half = 1.96 * noise.std() / np.sqrt(rows)
    assert [found.low, found.high] == pytest.approx(
        [noise.mean() - half, noise.mean() + half], abs=half / 10
    )

    def shifted(*shifts):
        return np.full((len(shifts), 50), 0.5) + np.array(shifts)[:, None]

    _, found = recipe_differences([shifted(0.0, 0.0), shifted(0.1, 0.2, 0.3)], 0, resamples=4000)
    half = 4.3027 * 0.1 / np.sqrt(3)  # t of two degrees of freedom
    assert [found.low, found.high] == pytest.approx([0.2 - half, 0.2 + half], rel=0.02)
    _, found = recipe_differences([shifted(-0.1, 0.1), shifted(0.1, 0.3)], 0, resamples=4000)
    half = 4.3027 * np.sqrt(0.02)  # Welch: one and one are two
    assert [found.low, found.high] == pytest.approx([0.2 - half, 0.2 + half], rel=0.02)


def test_seeds_without_any_difference_add_nothing():
    assert np.abs(seed_part([[0.5, 0.5], [0.4, 0.4, 0.4]], 50, 0)).max() < 1e-12
    part = seed_part([[0.4, 0.6]], 1000, 3)
    assert np.median(part) == pytest.approx(0, abs=1e-3)
    assert np.quantile(part, 0.975) == pytest.approx(12.706 * 0.1, rel=0.02)
    assert not np.array_equal(part, np.sort(part))


def test_one_seed_claims_no_more_than_its_rows():
    lengths = catalogue(400)
    runs = [predict(lengths, 0.3, 1), predict(lengths, 0.6, 2), predict(lengths, 0.6, 3)]
    errors = [metrics.absolute_percentage_errors(lengths, run) for run in runs]
    one, several = errors[0][None], np.vstack(errors[1:])
    _, found = recipe_differences([one, several], 0, resamples=200)
    assert found.verdict.startswith("one seed: worse by ")
    assert found.verdict.endswith(" points on these rows")
    found, _ = recipe_differences([one, errors[1][None]], 1, resamples=200)
    paired = paired_difference(lengths, runs[0], runs[1], resamples=200)
    assert [found.low, found.high] == pytest.approx([paired.low, paired.high])
    assert found.verdict == f"one seed: {paired.verdict} on these rows"
    assert one_seed_verdict("no detectable difference") == "one seed: no detectable difference"
    assert one_seed_verdict("too few rows to tell") == "too few rows to tell"


def test_too_few_rows_have_no_interval():
    errors = np.array([[0.1, 0.2], [0.3, 0.1]])
    _, found = recipe_differences([errors, errors + 1], 0, resamples=20)
    assert (found.low, found.high, found.verdict) == (None, None, "too few rows to tell")


def test_estimates_are_means_over_seeds_and_wider_than_one_runs():
    lengths = catalogue(600)
    seeds = np.vstack([predict(lengths, noise, i) for i, noise in enumerate((0.5, 0.55, 0.6))])
    other = np.vstack([predict(lengths, 0.2, 9)] * 2)
    options = {"resamples": 400, "seed": 2}
    found, still = recipe_estimates(lengths, [seeds, other], **options)
    single = [metrics.metrics(lengths, run) for run in seeds]
    own = estimate_metrics(lengths, other[0], **options)
    assert found.rows == 600
    for name in ("mape", "score", "rmsle", "median_ape", "mape_at_least_100"):
        estimate = getattr(found, name)
        assert estimate.value == pytest.approx(np.mean([one[name] for one in single]))
        assert estimate.low < estimate.value < estimate.high
        # Two runs that agree in every row: only the rows are left.
        alike, expected = getattr(still, name), getattr(own, name)
        assert alike.value == pytest.approx(expected.value)
        assert alike.high - alike.low == pytest.approx(expected.high - expected.low, rel=0.2)
    mapes = np.array([one["mape"] for one in single])
    half = 4.3027 * mapes.std(ddof=1) / np.sqrt(3)
    assert found.mape.high - found.mape.low > 1.9 * half
    bands = [band for band in found.bands if band.rows]
    assert [band.band for band in found.bands] == [band.name for band in BANDS]
    assert sum(band.rows for band in bands) == 600
    expected = np.mean([one["bands"][2]["mape"] for one in single])
    assert found.bands[2].mape.value == pytest.approx(expected)
    assert found.bands[2].mape.low < expected < found.bands[2].mape.high


@pytest.mark.parametrize("rows", [11, 12, 2000])
def test_estimates_of_equal_seeds_against_plain_resampling(rows):
    lengths = catalogue(rows)
    run = predict(lengths, 0.5, 4)
    (found,) = recipe_estimates(lengths, [np.vstack([run, run])], resamples=40, seed=3)
    generator = np.random.default_rng(3)
    drawn = [generator.integers(rows, size=rows) for _ in range(40)]
    single = [metrics.metrics(lengths[at], run[at]) for at in drawn]
    for name in ("mape", "rmsle", "median_ape", "mape_at_least_100"):
        values = [one[name] for one in single if one[name] is not None]
        ends = np.quantile(values, [0.025, 0.975])
        estimate = getattr(found, name)
        if estimate.low is not None:
            assert [estimate.low, estimate.high] == pytest.approx(list(ends))
    assert found.median_ape.low is not None


def test_estimates_never_leave_what_a_metric_can_be():
    lengths = catalogue(60)
    lengths = np.clip(lengths, 100, 400)
    seeds = np.vstack([lengths * 1.01, lengths * 1.5])
    (found,) = recipe_estimates(lengths, [seeds], resamples=100)
    assert found.mape.low == found.rmsle.low == found.median_ape.low == 0
    assert found.score.high == 100
    assert found.bands[0].mape.value is None
    assert found.bands[0].mape.low is None
    assert recipe_estimates(lengths, []) == []
    with pytest.raises(ValueError, match="one seed"):
        recipe_estimates(lengths, [seeds[:1]])


def simulated(generator, seeds, seed_luck, row_luck, rows=40, gain=0.0):
    """APEs (seeds, rows) of two recipes; rows share their difficulty, each seed has its luck."""
    difficulty = generator.gamma(2, 0.3, rows)
    return [
        difficulty
        - better
        + generator.normal(0, seed_luck, (seeds, 1))
        + generator.normal(0, row_luck, (seeds, rows))
        for better in (gain, 0.0)
    ]


def naive_high(generator, errors, resamples):
    """Upper end of a difference where rows and seeds alike are drawn with replacement."""
    seeds, rows = errors[0].shape
    drawn = generator.integers(rows, size=(resamples, 1, rows))
    means = [
        recipe[generator.integers(seeds, size=(resamples, seeds, 1)), drawn].mean(axis=(1, 2))
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
        found, _ = recipe_differences(errors, 1, resamples=100, seed=trial)
        better += found.verdict.startswith("better")
        naive += naive_high(generator, errors, 100) < 0
    assert better / trials <= 0.05
    if seed_luck > row_luck and seeds < 5:
        assert naive / trials > 0.05


@pytest.mark.parametrize("seeds", [3, 5])
def test_a_truly_better_recipe_is_found(seeds):
    generator = np.random.default_rng(0)
    found = [
        recipe_differences(
            simulated(generator, seeds, 0.01, 0.05, gain=0.06), 1, resamples=100, seed=trial
        )[0].verdict.startswith("better")
        for trial in range(60)
    ]
    assert np.mean(found) > 0.9
