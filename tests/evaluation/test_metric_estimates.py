import time
from dataclasses import replace

import numpy as np
import pytest
from run_folders import BANDS, catalogue, predict

from product_length.evaluation import resampling
from product_length.evaluation.estimates import Estimate, estimate_metrics, measure
from product_length.evaluation.metrics import METRICS, absolute_percentage_errors
from product_length.evaluation.resampling import mean_differences

NAMES = [metric.name for metric in METRICS]


def every_estimate(found):
    return [found[name] for name in NAMES] + [band["mape"] for band in found.bands]


def rows_of(found):
    long_rows = sum(band.rows for band in found.bands[2:])
    return [found.rows] * 4 + [long_rows] + [band.rows for band in found.bands]


@pytest.mark.parametrize("rows", [12, 61, 2000])
def test_equals_metrics_of_resampled_rows(rows):
    lengths = catalogue(rows)
    predictions = predict(lengths, 0.5, 4)
    one, equal_seeds = estimate_metrics(
        lengths,
        [predictions, np.vstack([predictions] * 2)],
        BANDS,
        resamples=60,
        confidence=0.9,
        seed=3,
    )
    generator = np.random.default_rng(3)
    sampled = [generator.integers(rows, size=rows) for _ in range(60)]
    resampled = [every_estimate(measure(lengths[at], predictions[at], BANDS)) for at in sampled]
    values = np.array([[np.nan if e.value is None else e.value for e in row] for row in resampled])
    point = every_estimate(measure(lengths, predictions, BANDS))
    assert every_estimate(equal_seeds) == every_estimate(one)
    for i, (found, size) in enumerate(zip(every_estimate(one), rows_of(one), strict=True)):
        assert found.value == point[i].value
        if size < resampling.MIN_ROWS:
            assert (found.low, found.high) == (None, None)
        else:
            expected = np.nanquantile(values[:, i], [0.05, 0.95])
            assert [found.low, found.high] == pytest.approx(expected.tolist())


def test_bands_add_up_and_small_ones_have_no_interval():
    lengths = np.concatenate([np.full(9, 10.0), np.full(100, 200.0)])
    (found,) = estimate_metrics(lengths, [lengths * 1.5], BANDS, resamples=100)
    assert [band.band for band in found.bands] == list(BANDS.names)
    assert [band.rows for band in found.bands] == [9, 0, 100, 0, 0, 0]
    assert found.bands[0]["mape"] == Estimate(0.5)
    assert found.bands[1]["mape"] == Estimate(None)
    assert found.bands[2]["mape"].low == pytest.approx(0.5)


def test_several_seeds_are_means_and_wider_than_one_run():
    lengths = catalogue(600)
    seeds = np.vstack([predict(lengths, noise, i) for i, noise in enumerate((0.5, 0.55, 0.6))])
    (found,) = estimate_metrics(lengths, [seeds], BANDS, resamples=400, seed=2)
    single = [measure(lengths, run, BANDS) for run in seeds]
    for name in NAMES:
        values = np.array([one[name].value for one in single])
        assert found[name].value == pytest.approx(values.mean())
        assert found[name].low < found[name].value < found[name].high
        half = 4.3027 * values.std(ddof=1) / np.sqrt(3)  # Student's t of two degrees of freedom
        assert found[name].high - found[name].low > 1.8 * half
    expected = np.mean([one.bands[2]["mape"].value for one in single])
    assert found.bands[2]["mape"].value == pytest.approx(expected)


def test_estimates_never_leave_what_a_metric_can_be():
    lengths = np.clip(catalogue(60), 100, 400)
    (found,) = estimate_metrics(lengths, [np.vstack([lengths * 1.01, lengths * 1.5])], BANDS)
    assert found["mape"].low == found["rmsle"].low == found["median_ape"].low == 0
    assert found["score"].high == 100
    assert estimate_metrics(lengths, [], BANDS) == []


def test_a_metric_newer_than_the_run_has_no_value_and_a_wrong_name_is_an_error():
    found = measure([100.0], [110.0], BANDS)
    older = replace(found, values={"mape": found["mape"]})
    assert older["rmsle"] == Estimate(None)
    with pytest.raises(KeyError, match="mapee"):
        found["mapee"]


def test_bad_rows_are_refused():
    with pytest.raises(ValueError, match="positive and finite"):
        estimate_metrics([1.0, 2.0], [[1.0, 0.0]], BANDS)
    with pytest.raises(ValueError, match="2 lengths but 1"):
        estimate_metrics([1.0, 2.0], [[1.0]], BANDS)


def test_coverage_of_mape_median_and_difference():
    """The true values lie within 95% intervals in about 95% of simulated data sets."""
    spread, other_spread, rows, trials = 0.5, 0.6, 200, 150
    generator = np.random.default_rng(9)
    big = np.abs(np.expm1(generator.normal(0, spread, 2_000_000)))
    other_big = np.abs(np.expm1(generator.normal(0, other_spread, 2_000_000)))
    truth = (big.mean(), np.median(big), big.mean() - other_big.mean())
    hits = np.zeros(3)
    for trial in range(trials):
        generator = np.random.default_rng(1000 + trial)
        lengths = np.full(rows, 500.0)
        both = [lengths * np.exp(generator.normal(0, s, rows)) for s in (spread, other_spread)]
        (own,) = estimate_metrics(lengths, both[:1], BANDS, resamples=200, seed=trial)
        errors = [absolute_percentage_errors(lengths, each) for each in both]
        (pair,) = mean_differences([(errors[0], errors[1])], resamples=200, seed=trial)
        for i, found in enumerate((own["mape"], own["median_ape"], pair)):
            hits[i] += found.low <= truth[i] <= found.high
    assert np.all(hits / trials > 0.90), hits / trials
    assert np.all(hits / trials < 0.99), hits / trials


@pytest.mark.slow
def test_full_size_takes_seconds():
    lengths = catalogue(225_000)
    start = time.perf_counter()
    estimate_metrics(lengths, [predict(lengths, 0.6)], BANDS, resamples=1000)
    assert time.perf_counter() - start < 60
