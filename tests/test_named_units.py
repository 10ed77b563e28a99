"""A table in cm and one in kg: whatever shows a length or a weight says what it is in."""

import csv
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from builders import job
from tracking.transaction_log import read_run, table

from product_length.catalogue.units import CatalogueUnit
from product_length.comparison.compare import compare
from product_length.comparison.runs import load_runs
from product_length.decision.conformal import Calibration, PitValues
from product_length.evaluation.bands import Bands
from product_length.evaluation.predictions import load_predictions
from product_length.evaluation.report import load_report
from product_length.evaluation.summary import summary
from product_length.experiment import Experiment
from product_length.pages.comparison import as_html
from product_length.pages.run_charts import band_charts, ratio_chart, scatter_chart
from product_length.pipeline import run
from product_length.prediction.checkpoint import load_predictors
from product_length.prediction.ensemble import Ensemble

KINDS = {"spoon": 15.0, "bowl": 22.0, "table": 90.0, "shelf": 180.0}
COLOURS = ("red", "blue", "green", "black", "white")
QUICK = [
    "data=file",
    "data.columns.title=name",
    "data.columns.product_type=kind",
    "embeddings.encoders.lsa.dimensions=8",
    "embeddings.encoders.lsa.char_ngrams=null",
    "trainer.max_epochs=2",
    "trainer.batch_size=64",
    "trainer.accelerator=cpu",
    "trainer.progress=false",
    "evaluation.resamples=100",
    "model=mlp",
    "model.hidden=[16,8]",
    "loss=histogram",
]


@pytest.fixture(scope="module")
def goods(tmp_path_factory):
    """800 made-up goods with a width in cm and a weight in kg."""
    path = tmp_path_factory.mktemp("goods") / "goods.csv"
    random = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "kind", "width_cm", "mass"])
        for number in range(800):
            kind = list(KINDS)[number % len(KINDS)]
            width = KINDS[kind] * np.exp(random.normal(0, 0.3))
            title = f"{COLOURS[number % 5]} {kind} {number}"
            writer.writerow([title, kind, f"{width:.1f}", f"{width**2 / 1000:.3f}"])
    return path


def trained(goods, folder, *overrides):
    words = [f"cache_dir={goods.parent / 'cache'}", f"data.path={goods}", *QUICK, *overrides]
    run(job("train", Experiment, *words), folder, list(overrides))
    return folder


@pytest.fixture(scope="module")
def cm(goods, tmp_path_factory):
    root = tmp_path_factory.mktemp("cm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        return trained(goods, root / "run", "data.columns.length=width_cm", "tracking=wandb")


@pytest.fixture(scope="module")
def kg(goods, tmp_path_factory):
    words = ["data.columns.length=mass", "data.unit=kg", "tracking=none"]
    return trained(goods, tmp_path_factory.mktemp("kg") / "run", *words)


def train_lengths(goods, folder, column):
    """Of the rows that are neither val nor test, by the file itself."""
    others = {
        str(number)
        for split in ("val", "test")
        for number in load_predictions(folder, split).product_ids.to_pylist()
    }
    with goods.open(newline="") as file:
        rows = enumerate(csv.DictReader(file), start=1)
        return np.array([float(row[column]) for number, row in rows if str(number) not in others])


def test_bands_are_laid_by_the_training_rows_and_kept_in_report_and_checkpoint(goods, cm):
    report = load_report(cm)
    lengths = train_lengths(goods, cm, "width_cm")
    assert len(lengths) == report.data.rows["train"]
    wanted = np.quantile(lengths, [0.1, 0.25, 0.5, 0.75, 0.95])
    assert report.band_edges == pytest.approx(wanted, rel=0.05)
    assert report.bands == Bands.by_quantiles(lengths)
    best = cm / "checkpoints" / "best.ckpt"
    calibration = load_predictors([best], {}, "cpu")[best].calibration
    assert calibration.edges == report.bands.edges
    assert calibration.common == tuple(range(6))
    of_test = report.splits["test"]
    assert tuple(band.band for band in of_test.metrics.bands) == report.bands.names
    assert tuple(group.name for group in of_test.intervals.bands) == report.bands.names


def test_report_and_summary_name_column_unit_and_decision(cm, kg):
    report = load_report(cm)
    assert (report.target, report.unit, report.decision) == ("width_cm", "cm", "median")
    text = summary(report)
    assert text.startswith("width_cm, in cm · all lengths · ")
    short = f"{report.band_edges[1]:g}"
    assert f"\nMAPE ≥ {short} cm " in text
    assert "by true length (cm): <" in text
    assert "\ndecision: median" in text
    heavy = load_report(kg)
    assert (heavy.target, heavy.unit, heavy.decision) == ("mass", "kg", "median")
    text = summary(heavy)
    assert text.startswith("mass, in kg · all values of mass · ")
    assert "by true mass (kg): <" in text
    for shown in (summary(report), text):
        assert "inch" not in shown


def test_the_metric_without_short_lengths_is_of_the_rows_from_the_second_edge_on(cm):
    report, rows = load_report(cm), load_predictions(cm, "val")
    kept = rows.lengths >= np.float32(report.band_edges[1])
    assert 0 < kept.mean() < 1
    errors = np.abs(rows.predictions / rows.lengths - 1)[kept]
    assert report.val.metrics["mape_without_short"].value == pytest.approx(errors.mean())


def test_predictions_and_axes_name_the_unit(cm, kg):
    for folder, target, unit, noun in (
        (cm, "width_cm", "cm", "length"),
        (kg, "mass", "kg", "mass"),
    ):
        facts = pq.read_schema(folder / "predictions_val.parquet").metadata
        assert (facts[b"target"], facts[b"unit"]) == (target.encode(), unit.encode())
        report = load_report(folder)
        rows = load_predictions(folder, "val")
        scatter = scatter_chart(rows, report).figure.layout
        assert scatter.xaxis.title.text.startswith(f"true {noun} ({unit})")
        assert scatter.yaxis.title.text.startswith(f"predicted {noun} ({unit})")
        (by_band,) = band_charts(report)
        assert by_band.figure.layout.xaxis.title.text == f"true {noun} ({unit})"
        assert by_band.figure.data[0].name == "model, decision: mape"
        assert "decision: median" in ratio_chart(rows, report).note


def test_wandb_is_sent_the_unit(cm):
    sent = read_run(cm)
    report = load_report(cm)
    assert (sent.config["target"], sent.config["unit"]) == ("width_cm", "cm")
    assert (sent.summary["unit"], sent.summary["decision"]) == ("cm", "median")
    assert sent.summary["short_below"] == report.band_edges[1]
    assert sent.summary["val/mape_without_short"] == report.val.own("mape_without_short").value
    row = {key: value for each in sent.history for key, value in each.items()}
    splits = {key.split("/")[0] for key in row if key.endswith("/error_by_band")}
    assert "val" in splits
    for split in splits:
        bands = table(cm, row[f"{split}/error_by_band"])
        assert bands["columns"] == ["true length (cm)", "rows", "mape"]
        assert [cells[0] for cells in bands["data"]] == list(report.bands.names)
        worst = table(cm, row[f"{split}/worst"])
        assert worst["columns"][2:4] == ["true length (cm)", "predicted length (cm)"]


def test_runs_of_two_units_are_never_in_one_table(cm, kg):
    comparison = compare(load_runs([cm, kg])[0])
    assert len(comparison.groups) == 2
    page = as_html(comparison)
    assert "They are in different units (cm, kg): never in one table." in page
    for words in ("width_cm, in cm, all lengths", "mass, in kg, all values of mass"):
        assert words in page
    for words in ("by true length (cm)", "by true mass (kg)", "(decision: median)"):
        assert words in page
    assert "1/100 inch" not in page


@pytest.mark.parametrize(
    ("name", "shown"),
    [("cm", "within 40 to 100 cm"), ("hundredth_inch", "within 40 to 100 (1/100 inch)")],
)
def test_the_bands_of_intervals_are_said_in_the_unit(cm, caplog, name, shown):
    """Rows of the middle and of the last band lie further out than those of the first."""
    ranks = np.concatenate([np.linspace(0.02, 0.98, 400), np.full(60, 0.985), np.full(60, 0.995)])
    bands = np.repeat([0, 1, 2], [400, 60, 60])
    at_edges = np.tile([0.98, 0.99], (len(ranks), 1))
    calibration = Calibration(PitValues(ranks, at_edges, bands), (40.0, 100.0), (0, 1, 2))
    best = cm / "checkpoints" / "best.ckpt"
    one = load_predictors([best], {}, "cpu")[best]
    one = replace(one, calibration=calibration, unit=CatalogueUnit.named(name))
    with caplog.at_level("INFO"):
        Ensemble.of({best: one}, "auto").with_intervals(0.7)
    (line,) = [each for each in caplog.messages if each.startswith("interval=0.7")]
    assert shown in line
    assert f"beyond {one.unit.amount('100')}" in line
    assert "inf" not in line


def test_a_weighted_loss_takes_its_scale_from_the_bands(goods, tmp_path, caplog):
    words = ["data.columns.length=mass", "data.unit=kg", "tracking=none", "loss=weighted_mape"]
    with caplog.at_level("INFO"):
        folder = trained(goods, tmp_path / "run", *words)
    report = load_report(folder)
    assert report.decision is None
    assert "decision: none" in summary(report)
    scale = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)
    assert scale["recipe"]["objective"]["loss"]["scale"] == report.bands.short_below
    assert any(f"from {report.bands.short_below:g} kg on weigh 1" in m for m in caplog.messages)
    names = ", ".join(report.bands.names)
    assert any(f"bands of true values (kg): {names};" in m for m in caplog.messages)
