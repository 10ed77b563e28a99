import pytest

from product_length.evaluation import wording
from product_length.evaluation.estimates import Estimate
from product_length.evaluation.metrics import MAPE, METRICS
from product_length.evaluation.resampling import Difference


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.97, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (725, "12 min 05 s"),
        (3599.6, "1 h 00 min"),
        (11220, "3 h 07 min"),
        (90000, "25 h 00 min"),
    ],
)
def test_duration(seconds, words):
    assert wording.duration(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0.0"), (0.04, "+0.04"), (-0.04, "−0.04"), (-5.649, "−5.6"), (12, "+12.0"), (1e-9, "0.0")],
)
def test_signed(value, words):
    assert wording.signed(value) == words


def test_metrics_and_ranges():
    estimate = Estimate(0.5182, 0.5123, 0.5244)
    (rmsle,) = [metric for metric in METRICS if metric.name == "rmsle"]
    assert wording.percent(0.51824, 2) == "51.82%"
    assert wording.percent(None) == "–"
    assert wording.metric_range(MAPE, estimate) == "51.2–52.4%"
    assert wording.metric_range(MAPE, Estimate(0.5)) == "–"
    assert wording.metric_with_range(MAPE, estimate) == "51.8% (51.2–52.4%)"
    assert wording.metric_with_range(MAPE, Estimate(0.5)) == "50.0%"
    assert wording.metric_with_range(MAPE, Estimate(None)) == "–"
    assert wording.metric_with_range(rmsle, Estimate(0.55, 0.54, 0.56)) == "0.550 (0.540–0.560)"
    assert wording.metric_value(rmsle, 0.55) == "0.550"


def test_points():
    assert wording.points(Difference(9, -0.043, -0.056, -0.031, "")) == "−4.3 (−5.6 to −3.1)"
    assert wording.points(Difference(9, 0.043, None, None, "")) == "+4.3"


def test_counts_and_names():
    assert wording.count(2_249_698) == "2,249,698"
    assert wording.count(None) == "–"
    assert [wording.row_count(rows) for rows in (0, 1, 1000)] == ["0 rows", "1 row", "1,000 rows"]
    assert wording.name_in_words("type_median") == "type median"


def test_text_table_aligns_names_left_and_numbers_right():
    table = wording.text_table(["name", "value"], [["a", "1.0"], ["longer", "12.0"]])
    assert table.splitlines() == [
        "name    value",
        "──────  ─────",
        "a         1.0",
        "longer   12.0",
    ]
    with pytest.raises(ValueError, match="zip"):
        wording.text_table(["a", "b"], [["1", "2", "3"]])
