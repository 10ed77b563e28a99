"""Coverage and width of intervals against counts by hand; what a report, a page and a plot show."""

import json

import numpy as np
import pytest
from run_folders import BANDS, write_run

from product_length.decision.conformal import Calibration, PitValues
from product_length.evaluation.intervals import LEVELS, interval_report
from product_length.evaluation.records import Report
from product_length.evaluation.summary import summary


def by_hand():
    """Six rows: four are held, in two bands, of types with 0, 2, 3, 20, 201 and 5000 rows."""
    lengths = np.array([30.0, 35.0, 50.0, 60.0, 70.0, 200.0], np.float32)
    ends = np.array([[30, 50], [36, 40], [10, 90], [10, 60], [71, 99], [1, 999]], np.float32)
    medians = np.array([40, 38, 40, 50, 80, 499], np.float32)
    ranks = np.array([0.05, 0.01, 0.5, 0.95, 0.0, 0.3])
    rows_of_type = np.array([0, 2, 3, 20, 201, 5000])
    calibration = Calibration(without_bands(np.linspace(0.1, 0.9, 9)), (), ())
    pit = without_bands(ranks)
    return interval_report(lengths, ends, medians, pit, rows_of_type, calibration, BANDS)


def without_bands(pit):
    return PitValues(pit, np.empty((len(pit), 0)), np.zeros(len(pit), np.intp))


def test_counts_by_hand():
    found = by_hand()
    assert (found.level, found.calibration_rows) == (0.9, 9)
    assert found.overall.rows == 6
    assert found.overall.coverage == pytest.approx(4 / 6)
    widths = [20 / 40, 4 / 38, 80 / 40, 50 / 50, 28 / 80, 998 / 499]
    assert found.overall.mean_width == pytest.approx(np.mean(widths))
    assert found.overall.median_width == pytest.approx(np.median(widths))
    bands = {group.name: (group.rows, group.coverage) for group in found.bands}
    assert bands["<40"] == (2, 0.5)
    assert bands["40–100"] == (3, pytest.approx(2 / 3))
    assert bands["100–500"] == (1, 1)
    assert bands[">5000"] == (0, None)
    types = {group.name: (group.rows, group.coverage) for group in found.types}
    assert types == {"0–2": (2, 0.5), "3–20": (2, 1), "21–200": (0, None), ">200": (2, 0.5)}


def test_reliability_by_hand():
    """Scores are 0, .1, .1, .2, .2, .3, .3, .4, .4: level .5 has rank 5, a distance of 0.2."""
    at = {each.level: each for each in by_hand().reliability}
    assert tuple(at) == LEVELS
    assert at[0.5].coverage == pytest.approx(2 / 6)  # ranks .5 and .3
    assert at[0.5].uncalibrated == pytest.approx(2 / 6)
    assert at[0.9].uncalibrated == pytest.approx(4 / 6)  # .05, .95 too
    assert at[0.95].coverage == pytest.approx(5 / 6)  # too few rows: all but what lies beyond
    assert at[0.8].coverage == pytest.approx(2 / 6)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    report = write_run(folder)
    test = report.splits["test"].model_copy(update={"intervals": by_hand()})
    return folder, report.model_copy(update={"splits": {"val": report.val, "test": test}})


def test_they_are_kept_in_the_report_and_shown_unless_test_is_hidden(run):
    _, report = run
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert json.loads(report.model_dump_json())["splits"]["val"]["intervals"] is None
    text = summary(report)
    assert "90% intervals, calibrated on 9 rows of val, hold 66.7% of 6 rows of test" in text
    assert (
        "by true length (1/100 inch): <40 50.0% of 2, 40–100 66.7% of 3, 100–500 100.0% of 1\n"
        in text
    )
    assert "by training rows of the type: 0–2 50.0% of 2, 3–20 100.0% of 2, >200" in text
    assert "intervals, calibrated" not in summary(report.without_test())
