import time

import numpy as np
import pytest
from scipy import stats

from product_length.evaluation import bootstrap, metrics
from product_length.evaluation.bootstrap import (
    Difference,
    estimate_metrics,
    paired_difference,
    paired_differences,
    verdict,
)


def rows_of(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    lengths = np.exp(generator.normal(6.4, 1.3, rows))
    return lengths, lengths * np.exp(generator.normal(0, 0.6, rows))


@pytest.mark.parametrize("rows", [60, 61])
def test_equals_metrics_of_resampled_rows(rows):
    """The counting of sorted rows gives what drawing rows and measuring them would give."""
    lengths, predictions = rows_of(rows)
    found = estimate_metrics(lengths, predictions, resamples=100, confidence=0.9, seed=5)
    generator = np.random.default_rng(5)
    order = np.argsort(metrics.absolute_percentage_errors(lengths, predictions), kind="stable")
    drawn = [order[generator.integers(rows, size=rows)] for _ in range(100)]
    resampled = [metrics.metrics(lengths[at], predictions[at]) for at in drawn]
    checked = 0
    for name in ("mape", "score", "rmsle", "median_ape", "mape_at_least_100"):
        expected = np.quantile([one[name] for one in resampled], [0.05, 0.95])
        estimate = getattr(found, name)
        assert [estimate.low, estimate.high] == pytest.approx(expected.tolist())
        assert estimate.value == pytest.approx(metrics.metrics(lengths, predictions)[name])
        checked += 1
    for i, band in enumerate(found.bands):
        if band.rows >= bootstrap.MIN_ROWS:
            values = [one["bands"][i]["mape"] for one in resampled]
            expected = np.nanquantile(np.array(values, dtype=float), [0.05, 0.95])
            assert [band.mape.low, band.mape.high] == pytest.approx(expected.tolist())
            checked += 1
    assert checked >= 7


def test_agrees_with_scipy():
    lengths, predictions = rows_of(2000)
    found = estimate_metrics(lengths, predictions, resamples=4000)
    errors = metrics.absolute_percentage_errors(lengths, predictions)
    for statistic, estimate in ((np.mean, found.mape), (np.median, found.median_ape)):
        reference = stats.bootstrap(
            (errors,), statistic, n_resamples=4000, method="percentile", rng=1, batch=200
        ).confidence_interval
        width = reference.high - reference.low
        assert estimate.low == pytest.approx(reference.low, abs=0.1 * width)
        assert estimate.high == pytest.approx(reference.high, abs=0.1 * width)


def test_paired_difference_by_hand():
    lengths = np.full(12, 100.0)
    predictions = lengths + np.arange(12)
    reference = lengths + 4.0
    found = paired_difference(lengths, predictions, reference, resamples=200, seed=3)
    difference = np.arange(12) / 100 - 0.04
    generator = np.random.default_rng(3)
    means = [difference[generator.integers(12, size=12)].mean() for _ in range(200)]
    assert found.value == pytest.approx(difference.mean())
    assert [found.low, found.high] == pytest.approx(np.quantile(means, [0.025, 0.975]).tolist())
    assert found.rows == 12


def test_pairing_sees_what_two_intervals_cannot():
    lengths, predictions = rows_of(1000)
    slightly_worse = lengths + (predictions - lengths) * 1.02
    one, other = (estimate_metrics(lengths, p) for p in (predictions, slightly_worse))
    assert one.mape.high > other.mape.low
    difference = paired_difference(lengths, predictions, slightly_worse)
    assert difference.high < 0
    assert difference.verdict.startswith("better by ")


def test_many_references_share_one_set_of_draws(monkeypatch):
    monkeypatch.setattr(bootstrap, "_COLUMNS", 2)
    lengths, predictions = rows_of(100)
    references = {str(i): rows_of(100, seed=i)[1] for i in range(5)}
    together = paired_differences(lengths, predictions, references, resamples=100)
    assert list(together) == list(references)
    for name, reference in references.items():
        alone = paired_difference(lengths, predictions, reference, resamples=100)
        assert together[name].value == pytest.approx(alone.value)
        assert together[name].low == pytest.approx(alone.low)


def test_blocks_change_nothing(monkeypatch):
    lengths, predictions = rows_of(100)
    whole = estimate_metrics(lengths, predictions, resamples=150)
    monkeypatch.setattr(bootstrap, "_BLOCK_BYTES", 7 * 8 * 100)
    blocks = estimate_metrics(lengths, predictions, resamples=150)
    assert blocks.mape.low == pytest.approx(whole.mape.low, rel=1e-12)
    assert blocks.median_ape == whole.median_ape


def test_seed_repeats_and_matters():
    lengths, predictions = rows_of(100)
    one, same, other = (
        estimate_metrics(lengths, predictions, resamples=100, seed=seed).mape for seed in (1, 1, 2)
    )
    assert one == same
    assert one.low != other.low


def test_coverage_of_mape_median_and_difference():
    """The true values lie within 95% intervals in about 95% of simulated data sets."""
    spread, other_spread, rows, trials = 0.5, 0.6, 200, 150
    drawn = np.random.default_rng(9)
    big = np.abs(np.expm1(drawn.normal(0, spread, 2_000_000)))
    other_big = np.abs(np.expm1(drawn.normal(0, other_spread, 2_000_000)))
    truth = (big.mean(), np.median(big), big.mean() - other_big.mean())
    hits = np.zeros(3)
    for trial in range(trials):
        generator = np.random.default_rng(1000 + trial)
        lengths = np.full(rows, 500.0)
        predictions = lengths * np.exp(generator.normal(0, spread, rows))
        reference = lengths * np.exp(generator.normal(0, other_spread, rows))
        own = estimate_metrics(lengths, predictions, resamples=200, seed=trial)
        pair = paired_difference(lengths, predictions, reference, resamples=200, seed=trial)
        for i, found in enumerate((own.mape, own.median_ape, pair)):
            hits[i] += found.low <= truth[i] <= found.high
    assert np.all(hits / trials > 0.90), hits / trials
    assert np.all(hits / trials < 0.99), hits / trials


def test_too_few_rows_claim_no_certainty():
    lengths, predictions = rows_of(bootstrap.MIN_ROWS - 1)
    found = estimate_metrics(lengths, predictions, resamples=100)
    assert found.mape.value is not None
    assert found.mape.low is None
    pair = paired_difference(lengths, predictions, predictions * 2, resamples=100)
    assert pair.low is None
    assert pair.verdict == "too few rows to tell"
    enough = estimate_metrics(*rows_of(bootstrap.MIN_ROWS), resamples=100)
    assert enough.mape.low is not None


def test_small_band_in_many_rows_has_no_interval():
    lengths = np.concatenate([np.full(9, 10.0), np.full(100, 200.0)])
    found = estimate_metrics(lengths, lengths * 1.5, resamples=100)
    assert (found.bands[0].rows, found.bands[0].mape.value) == (9, 0.5)
    assert found.bands[0].mape.low is None
    assert found.bands[2].mape.low == pytest.approx(0.5)


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


def test_reversed_difference_is_the_other_models_view():
    difference = Difference(50, -0.04, -0.056, -0.031, verdict(-0.056, -0.031))
    other = difference.reversed()
    assert (other.value, other.low, other.high) == (0.04, 0.031, 0.056)
    assert other.verdict == "worse by 3.1–5.6 points"
    assert other.reversed() == difference
    assert Difference(3, 0.1, None, None, "").reversed().low is None


def test_identical_predictions_do_not_differ():
    lengths, predictions = rows_of(100)
    found = paired_difference(lengths, predictions, predictions.copy(), resamples=100)
    assert (found.value, found.low, found.high) == (0, 0, 0)
    assert found.verdict == "no detectable difference"


def test_bad_rows_are_refused():
    with pytest.raises(ValueError, match="positive and finite"):
        estimate_metrics([1.0, 2.0], [1.0, 0.0])
    with pytest.raises(ValueError, match="2 lengths but 1"):
        paired_difference([1.0, 2.0], [1.0, 2.0], [1.0])


@pytest.mark.slow
def test_full_size_takes_seconds():
    lengths, predictions = rows_of(225_000)
    start = time.perf_counter()
    estimate_metrics(lengths, predictions, resamples=1000)
    assert time.perf_counter() - start < 60
