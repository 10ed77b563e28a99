"""Distributions: each metric under its own decision, and intervals from run to submission."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from builders import predict_by, read_rows, scored, submission
from run_folders import BANDS

from product_length.artefacts import ArtefactStore
from product_length.catalogue.file_columns import FileColumns
from product_length.catalogue.unlabelled import open_unlabelled
from product_length.comparison.compare import compare
from product_length.comparison.formats import as_text
from product_length.comparison.runs import load_runs
from product_length.evaluation.report import load_report
from product_length.evaluation.summary import summary
from product_length.prediction.checkpoint import load_predictors
from product_length.tables.config import TableOptions


def test_a_distribution_is_scored_by_each_metric_under_its_own_decision(distributed):
    report = load_report(distributed)
    val, best = report.val, report.history[report.best_epoch - 1]
    assert set(val.decisions) == {"mape", "rmsle", "median"}
    # The objective is MAPE under its decision, whatever the run's predictions are decided for.
    for metric in ("mape", "rmsle"):
        assert val.own(metric).value == pytest.approx(best[f"val/{metric}"], rel=1e-5)
    assert val.metrics == val.decisions["rmsle"]
    assert val.metrics.mape.value > best["val/mape"]
    assert val.own("rmsle").value < val.decisions["mape"]["rmsle"].value
    assert val.own("median_ape").low < val.own("median_ape").value
    own = scored(distributed)
    y, p = (np.array(list(own[each].values())) for each in ("length", "prediction"))
    assert np.mean(np.abs(y - p) / y) == pytest.approx(val.metrics.mape.value, rel=1e-6)
    assert "under its own decision" in summary(report)
    page = as_text(compare(load_runs([distributed])[0]))
    assert "Distributions, each val metric under its own decision" in page


def test_intervals_are_those_that_the_report_judged_on_test_rows(distributed, catalogue, tmp_path):
    report = load_report(distributed)
    assert report.val.intervals is None  # they calibrated them
    judged = report.splits["test"].intervals
    assert judged.calibration_rows == report.data.rows["val"]
    found = pq.read_table(distributed / "predictions_test.parquet").to_pydict()
    inside = [
        low <= y <= high
        for low, y, high in zip(*map(found.get, ("low", "length", "high")), strict=True)
    ]
    assert np.mean(inside) == pytest.approx(judged.overall.coverage)
    assert "90% intervals, calibrated on" in summary(report)
    assert "90% intervals" not in summary(report.without_test())
    options = ["interval=0.9", "batch_rows=100"]
    output = predict_by(distributed, catalogue / "test.csv", tmp_path / "s.csv", *options)
    ids, numbers = submission(output)
    assert len(ids) == 600
    lower, upper = numbers[:, 1:].T
    assert ((lower > 0) & (lower < upper)).all()
    of_id = dict(zip(ids, numbers, strict=True))
    for split in ("val", "test"):
        own = scored(distributed, split)
        lengths, lower, upper = np.array([of_id[row] for row in own["length"]]).T
        np.testing.assert_allclose(lengths, list(own["prediction"].values()), rtol=2e-3)
        y = np.array(list(own["length"].values()))
        held = (lower <= y) & (y <= upper)  # of test rows in the end
    assert held.mean() == pytest.approx(judged.overall.coverage, abs=2 / len(held))
    assert sum(group.rows for group in judged.bands) == judged.overall.rows
    assert sum(group.rows for group in judged.types) == judged.overall.rows
    (same,) = [each for each in judged.reliability if each.level == 0.9]
    assert same.coverage == pytest.approx(judged.overall.coverage, abs=1e-9)


def test_intervals_hold_as_many_validation_rows_as_they_were_calibrated_to(
    distributed, catalogue, tmp_path
):
    truth = scored(distributed)["length"]
    y = np.array(list(truth.values()))
    best = distributed / "checkpoints" / "best.ckpt"
    calibration = load_predictors([best], {}, "cpu")[best].calibration
    widths = []
    for level in (0.3, 0.6, 0.9):
        wanted = f"interval={level}"
        output = predict_by(distributed, catalogue / "test.csv", tmp_path / "s.csv", wanted)
        ids, numbers = submission(output)
        widths.append(numbers[:, 2] - numbers[:, 1])
        of_id = dict(zip(ids, numbers, strict=True))
        _, lower, upper = np.array([of_id[row] for row in truth]).T
        held = (lower <= y) & (y <= upper)
        # By construction, but for what vectors that were encoded again differ by. A band with an
        # interval of its own makes it only wider.
        wanted = np.ceil((len(y) + 1) * level)
        own = calibration.coverage(level).of_bands
        assert wanted - 1 <= held.sum() <= (len(y) if own else wanted + 1)
    assert (np.diff(widths, axis=0) > 0).all()


def test_each_validation_row_is_calibrated_by_its_own_length(distributed, catalogue, tmp_path):
    """Scores again, from the file to the distribution, by the ids of the validation rows."""
    best = distributed / "checkpoints" / "best.ckpt"
    recipe = load_predictors([best], {}, "cpu")[best]
    store = ArtefactStore(tmp_path)
    columns = FileColumns.of(recipe.columns, with_lengths=False)
    products = open_unlabelled(
        catalogue / "test.csv", columns, recipe.recipe, recipe.unit, store, TableOptions()
    )
    raw = recipe.raw(recipe.transform(products, {}), torch.device("cpu"))
    at = {row: place for place, row in enumerate(products.product_ids.to_pylist())}
    truth = scored(distributed)["length"]
    predicted = recipe.objective.distribution(raw[[at[row] for row in truth]])
    lengths = list(truth.values())
    kept = recipe.calibration
    np.testing.assert_allclose(
        kept.pit.of_lengths, predicted.cdf(torch.tensor(lengths)).numpy(), atol=2e-4
    )
    np.testing.assert_array_equal(kept.pit.bands, BANDS.codes(lengths))
    assert kept.edges == (40, 100, 500, 1000, 5000)
    for edge, at_edge in zip(kept.edges, kept.pit.of_edges.T, strict=True):
        found = predicted.cdf(torch.full((len(lengths),), edge))
        np.testing.assert_allclose(at_edge, found.numpy(), atol=2e-4)
    others = truth.keys() | scored(distributed, "test")["length"].keys()
    rows = [row for row in read_rows(catalogue / "train.csv") if row["PRODUCT_ID"] not in others]
    codes = BANDS.codes([float(row["PRODUCT_LENGTH"]) for row in rows])
    shares = np.bincount(codes, minlength=6) / len(rows)
    assert kept.common == tuple(band for band, share in enumerate(shares) if share >= 1 / 40)
    assert 2 <= len(kept.common) < 6


def test_too_few_validation_rows_give_the_whole_range(distributed, catalogue, tmp_path, caplog):
    wanted = "interval=0.999"
    output = predict_by(distributed, catalogue / "test.csv", tmp_path / "s.csv", wanted)
    assert "999 are needed for less" in caplog.text
    # Of the lengths that the bins reach, whatever the product.
    ends = submission(output)[1][:, 1:]
    np.testing.assert_allclose(ends, np.broadcast_to(ends[0], ends.shape), rtol=1e-4)
