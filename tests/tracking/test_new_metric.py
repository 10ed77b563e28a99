"""A new metric is one entry of `METRICS`: all that reports, compares or tracks shows it."""

import csv
import io

import numpy as np
import pytest
from run_folders import write_run
from transaction_log import read_run, table

from product_length.comparison.compare import compare
from product_length.comparison.formats import as_csv
from product_length.comparison.runs import load_runs
from product_length.comparison.tables import tables
from product_length.evaluation.metrics import METRICS, Metric
from product_length.evaluation.predictions import load_predictions
from product_length.evaluation.report import load_report
from product_length.evaluation.summary import summary
from product_length.pages.comparison import as_html
from product_length.pages.run_charts import band_charts
from product_length.tracking.config import Wandb
from product_length.tracking.open_tracker import open_tracker
from product_length.tracking.outcome import log_outcome


class Catalogue:
    """The columns that a tracker is shown."""

    def __init__(self, lengths):
        self.lengths = lengths
        self.product_ids = self.types = ["x"] * len(lengths)

    def texts(self, start, stop):
        return ["text"] * (stop - start)


@pytest.fixture
def mae_log():
    METRICS.append(
        Metric(
            "mae_log",
            "MAE of logs",
            decision="median",
            errors=lambda lengths, predictions: np.abs(np.log(predictions) - np.log(lengths)),
            is_percentage=False,
            digits=4,
            by_band=True,
        )
    )
    yield METRICS[-1]
    METRICS.pop()


def test_a_new_metric_is_in_the_report_the_comparison_and_wandb(mae_log, tmp_path, monkeypatch):
    for seed in (0, 1, 2):
        write_run(tmp_path / f"a{seed}", overrides=["loss=a"], seed=seed)
    write_run(tmp_path / "b", overrides=["loss=b"], noise=0.6)
    report = load_report(tmp_path / "b")
    rows = load_predictions(tmp_path / "b", "val")
    errors = np.abs(np.log(rows.predictions / rows.lengths))
    found = report.val.metrics["mae_log"]
    assert found.value == pytest.approx(errors.mean())
    assert found.low < found.value < found.high
    shown = f"{found.value:.4f} ({found.low:.4f}–{found.high:.4f})"
    (line,) = [line for line in summary(report).splitlines() if line.startswith("MAE of logs  ")]
    assert shown in line
    assert "MAE of logs, 100–500 (1/100 inch)" in summary(report)
    assert [chart.title for chart in band_charts(report)][1] == "MAE of logs by true length"

    comparison = compare(load_runs(sorted(tmp_path.iterdir()))[0])
    ranking, mapes, by_band, *_ = tables(comparison.groups[0])
    cells = [dict(zip(ranking.header, row, strict=True)) for row in ranking.rows]
    assert cells[1]["MAE of logs"] == f"{found.value:.4f}"
    assert (mapes.caption[:9], by_band.caption[:16]) == ("Val MAPE ", "Val MAE of logs ")
    best, other = csv.DictReader(io.StringIO(as_csv(comparison)))
    assert float(other["val_mae_log"]) == found.value
    assert float(best["val_mae_log_low"]) < float(best["val_mae_log"])
    assert float(best["test_mae_log"]) > 0
    assert float(other["val_mae_log 100–500"]) > 0
    assert "Val MAE of logs with intervals by true length (1/100 inch)." in as_html(comparison)

    monkeypatch.setenv("WANDB_MODE", "offline")
    folder = tmp_path / "tracked"
    folder.mkdir()
    with open_tracker(Wandb(name="wandb"), config={}, folder=folder, name="n") as tracker:
        every = {"val": np.arange(len(rows.lengths))}
        log_outcome(tracker, report, Catalogue(rows.lengths), every, {"val": rows.predictions})
    sent = read_run(folder)
    assert sent.summary["val/mae_log"] == found.value
    bands = table(folder, sent.history[-1]["val/error_by_band"])
    assert bands["columns"] == ["true length (1/100 inch)", "rows", "mape", "mae_log"]
