import numpy as np
import pytest
from run_folders import BANDS, RESAMPLING, catalogue, predict

from product_length.evaluation.estimates import estimate_metrics
from product_length.evaluation.evaluate import evaluate_split, snap_effect
from product_length.evaluation.metrics import absolute_percentage_errors, mape
from product_length.evaluation.resampling import mean_differences

LENGTHS = catalogue(300)
MODEL = predict(LENGTHS, 0.5)


def close(found):
    """As it is but for rounding: what is resampled together is added up in another order."""
    return pytest.approx((found.value, found.low, found.high), rel=1e-12)


def test_model_baselines_and_oracle_are_scored_on_the_same_rows():
    worse, oracle = predict(LENGTHS, 0.9, seed=2), predict(LENGTHS, 0.1, seed=3)
    found = evaluate_split(
        LENGTHS,
        MODEL,
        baselines={"type_median": worse},
        oracle=oracle,
        bands=BANDS,
        resampling=RESAMPLING,
    )
    options = RESAMPLING.model_dump()
    (alone,) = estimate_metrics(LENGTHS, [MODEL], BANDS, **options)
    assert found.metrics.bands[0].band == alone.bands[0].band
    for name, estimate in found.metrics.values.items():
        assert close(estimate) == (alone[name].value, alone[name].low, alone[name].high)
    assert list(found.baselines) == ["type_median"]
    baseline = found.baselines["type_median"]
    assert baseline.metrics.mape.value == mape(LENGTHS, worse)
    assert baseline.metrics.mape.low is None
    pair = tuple(absolute_percentage_errors(LENGTHS, each) for each in (MODEL, worse))
    (difference,) = mean_differences([pair], **options)
    assert close(baseline.difference) == (difference.value, difference.low, difference.high)
    assert baseline.difference.verdict == difference.verdict
    assert found.oracle.metrics.mape.value == mape(LENGTHS, oracle)
    assert found.oracle.difference.low > 0
    assert found.remarks == []


def test_a_model_that_does_not_beat_baselines_is_said_not_to_best_baseline_first():
    baselines = {
        "type_median": predict(LENGTHS, 0.45, seed=4),
        "tfidf_ridge": predict(LENGTHS, 0.2, seed=5),
        "best_constant": np.full(LENGTHS.size, 100.0),
    }
    found = evaluate_split(LENGTHS, MODEL, baselines=baselines, bands=BANDS, resampling=RESAMPLING)
    assert len(found.remarks) == 2
    assert found.remarks[0].startswith("The model does not beat the tfidf ridge baseline: ")
    assert "worse by" in found.remarks[0]
    assert "type median" in found.remarks[1]
    assert found.oracle is None


def test_a_model_equal_to_its_baseline_does_not_beat_it():
    found = evaluate_split(
        LENGTHS, MODEL, baselines={"copy": MODEL}, bands=BANDS, resampling=RESAMPLING
    )
    assert len(found.remarks) == 1
    assert "no detectable difference; difference 0.0 (0.0 to 0.0)" in found.remarks[0]


def test_a_mape_of_100_percent_is_remarked():
    found = evaluate_split(LENGTHS, LENGTHS * 3, bands=BANDS, resampling=RESAMPLING)
    assert found.metrics["score"].value == 0
    assert found.remarks == [found.remarks[0]]
    assert found.remarks[0].startswith("The score is 0: the MAPE of 200.0%")


def test_baselines_are_for_mape_and_so_is_the_model_that_is_compared_with_them():
    typical, for_mape = LENGTHS * 1.4, LENGTHS * 0.9
    baselines = {"type_median": LENGTHS * 0.8}
    found = evaluate_split(
        LENGTHS,
        typical,
        baselines=baselines,
        oracle=LENGTHS * 0.99,
        for_metrics={"mape": for_mape, "median": typical},
        bands=BANDS,
        resampling=RESAMPLING,
    )
    assert found.metrics.mape.value == pytest.approx(0.4)
    assert found.under("mape").mape.value == pytest.approx(0.1)
    assert found.baselines["type_median"].difference.value == pytest.approx(0.1 - 0.2)
    assert found.oracle.difference.value == pytest.approx(0.1 - 0.01)
    assert found.remarks == []


def test_few_rows_say_so():
    found = evaluate_split(
        LENGTHS[:5],
        MODEL[:5],
        baselines={"constant": np.full(5, 1e6)},
        bands=BANDS,
        resampling=RESAMPLING,
    )
    assert "(too few rows to tell: 5 rows)" in found.remarks[0]


def test_no_baseline_may_take_the_oracles_name():
    with pytest.raises(ValueError, match="oracle"):
        evaluate_split(
            LENGTHS, MODEL, baselines={"oracle": MODEL}, bands=BANDS, resampling=RESAMPLING
        )


def test_baselines_on_other_rows_are_refused():
    with pytest.raises(ValueError, match="300 lengths but 299"):
        evaluate_split(
            LENGTHS, MODEL, baselines={"short": MODEL[1:]}, bands=BANDS, resampling=RESAMPLING
        )


def test_snap_effect():
    snapped = LENGTHS + (MODEL - LENGTHS) / 2
    found = snap_effect(LENGTHS, MODEL, snapped, applied=True, resampling=RESAMPLING)
    assert found.mape_with == pytest.approx(found.mape_without / 2)
    assert found.difference.value == pytest.approx(found.mape_with - found.mape_without)
    assert found.difference.verdict.startswith("better by")
    assert found.applied
