from functools import partial

import numpy as np
import pytest
from run_folders import BANDS
from sklearn.metrics import mean_absolute_percentage_error, root_mean_squared_log_error

from product_length.evaluation import metrics
from product_length.evaluation.bands import Bands
from product_length.evaluation.estimates import measure
from product_length.evaluation.metrics import METRICS

LENGTHS = np.array([10.0, 40.0, 99.99, 100.0, 499.0, 500.0, 1000.0, 5000.0, 5000.5, 2e9])
PREDICTIONS = np.array([15.0, 20.0, 99.99, 300.0, 499.0, 250.0, 1500.0, 1.0, 5000.5, 1e9])


def random_rows(rows: int = 5000) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    lengths = np.exp(generator.normal(6, 2, rows))
    return lengths, lengths * np.exp(generator.normal(0, 1, rows))


def values(lengths, predictions):
    found = measure(lengths, predictions, BANDS)
    return {metric.name: found[metric.name].value for metric in METRICS}


def test_every_metric_by_hand():
    errors = np.array([0.5, 0.5, 0, 2, 0, 0.5, 0.5, 4999 / 5000, 0, 0.5])
    logs = np.log((1 + PREDICTIONS) / (1 + LENGTHS))
    assert values(LENGTHS, PREDICTIONS) == {
        "mape": pytest.approx(errors.sum() / 10),
        "score": pytest.approx(100 - 10 * errors.sum()),
        "rmsle": pytest.approx((sum(logs**2) / 10) ** 0.5),
        "median_ape": 0.5,
        "mape_without_short": pytest.approx(errors[3:].sum() / 7),
    }
    found = measure(LENGTHS, PREDICTIONS, BANDS)
    assert found.rows == 10
    assert [(band.band, band.rows, band["mape"].value) for band in found.bands] == [
        ("<40", 1, 0.5),
        ("40–100", 2, 0.25),
        ("100–500", 2, 1.0),
        ("500–1000", 1, 0.5),
        ("1000–5000", 2, pytest.approx((0.5 + 4999 / 5000) / 2)),
        (">5000", 2, 0.25),
    ]


def test_against_sklearn():
    lengths, predictions = random_rows()
    found = values(lengths, predictions)
    assert found["mape"] == pytest.approx(mean_absolute_percentage_error(lengths, predictions))
    assert found["rmsle"] == pytest.approx(root_mean_squared_log_error(lengths, predictions))
    assert found["mape"] == metrics.mape(lengths, predictions)


def test_the_metric_without_short_lengths_is_that_of_the_rows_from_the_second_edge_on():
    lengths, predictions = random_rows()
    for bands, edge in ((Bands((200.0, 300.0, 900.0)), 300), (Bands((70.0,)), 70), (Bands(), 0)):
        found = measure(lengths, predictions, bands)["mape_without_short"].value
        kept = lengths >= edge
        assert found == pytest.approx(metrics.mape(lengths[kept], predictions[kept]))


def test_empty_bands_and_no_length_of_100_are_none_not_zero():
    found = measure([50.0, 60.0], [50.0, 50.0], BANDS)
    assert found["mape_without_short"].value is None
    assert [band["mape"].value is None for band in found.bands] == [True, False] + 4 * [True]
    assert [band.rows for band in found.bands] == [0, 2, 0, 0, 0, 0]


def test_score_stops_at_zero():
    assert values([10.0], [746.0])["mape"] == pytest.approx(73.6)
    assert values([10.0], [746.0])["score"] == 0
    assert metrics.score(np.array([0.25, 2.0])).tolist() == [75, 0]


def test_float32_is_counted_in_float64():
    lengths = np.full(1_000_000, 3.0, dtype=np.float32)
    predictions = np.full(1_000_000, 3.3, dtype=np.float32)
    exact = abs(float(np.float32(3.3)) - 3.0) / 3.0
    assert metrics.mape(lengths, predictions) == pytest.approx(exact, rel=1e-12)
    assert metrics.absolute_percentage_errors(lengths, predictions).dtype == np.float64


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("function", [partial(measure, bands=BANDS), metrics.mape])
def test_values_that_are_not_positive_and_finite_are_refused(bad, function):
    with pytest.raises(ValueError, match=r"predictions .* 1 of 2 .* row 1"):
        function([1.0, 2.0], [1.0, bad])
    with pytest.raises(ValueError, match=r"lengths .* row 0"):
        function([bad, 2.0], [1.0, 1.0])


@pytest.mark.parametrize(
    ("lengths", "predictions"),
    [
        (np.ones(3), np.ones(2)),
        (np.ones(3), np.ones((3, 1))),
        (np.ones((3, 1)), np.ones((3, 1))),
        (np.ones(0), np.ones(0)),
        (np.float64(1), np.float64(1)),
    ],
)
def test_shapes_never_broadcast(lengths, predictions):
    with pytest.raises(ValueError, match=r"shape \(rows,\)|3 lengths but 2"):
        measure(lengths, predictions, BANDS)
