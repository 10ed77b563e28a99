import sys

import numpy as np
import pytest
from PIL import Image
from run_folders import write_run

from product_length.errors import UserError
from product_length.evaluation import plots
from product_length.evaluation.predictions import load_predictions


def loaded(folder, report):
    return {split: load_predictions(folder, split) for split in report.splits}


def test_every_plot_is_a_picture_with_something_on_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # its global state is not used
    report = write_run(tmp_path)
    files = plots.write_plots(tmp_path, report, loaded(tmp_path, report))
    assert sorted(path.name for path in files) == [
        "error_by_band_test.png",
        "error_by_band_val.png",
        "error_distribution_test.png",
        "error_distribution_val.png",
        "learning_curves.png",
        "predicted_vs_true_test.png",
        "predicted_vs_true_val.png",
    ]
    assert sorted((tmp_path / "plots").iterdir()) == sorted(files)
    for path in files:
        pixels = np.asarray(Image.open(path).convert("L"))
        assert min(pixels.shape) > 600
        assert 0.01 < (pixels < 200).mean() < 0.6, path


def test_what_is_drawn_is_what_was_reported(tmp_path):
    report = write_run(tmp_path, max_length=5000)
    rows = loaded(tmp_path, report)["val"]
    (axes, *_) = plots.scatter(rows, "val", report.quantity).axes
    assert axes.collections[0].get_array().sum() == 400
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    (axes,) = plots.error_by_band(report, "val").axes
    model = next(line for line in axes.lines if line.get_color() == plots.MODEL_COLOUR)
    drawn = model.get_ydata()
    expected = [100 * b["mape"].value for b in report.val.metrics.bands if b.rows]
    assert drawn.tolist() == pytest.approx(expected)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "model (95% interval)",
        "tfidf ridge",
        "best constant",
        "type median",
        "oracle (best possible)",
    ]
    left, right = plots.learning_curves(report).axes
    assert [line.get_label() for line in left.lines] == ["train", "val", "best epoch, 5"]
    assert right.lines[0].get_ydata()[-1] == pytest.approx(100 * report.history[-1]["val/mape"])
    (axes,) = plots.distribution(rows, "val", report.decision).axes
    assert sum(patch.get_height() for patch in axes.patches) == pytest.approx(100)
    for one in (axes, left, right):
        assert one.get_title()
        assert one.get_xlabel()
        assert one.get_ylabel()


def test_exact_hits_one_epoch_and_diverged_curves_are_drawn(tmp_path):
    report = write_run(tmp_path, noise=1e-9, rows=12, oracle=False, epochs=1)
    history = [{"epoch": 1, "train/loss": None, "val/loss": None, "val/mape": None}]
    report = report.model_copy(update={"history": history})
    assert len(plots.write_plots(tmp_path, report, loaded(tmp_path, report))) == 7


def test_no_history_no_learning_curves(tmp_path):
    report = write_run(tmp_path, rows=12, test=False)
    report = report.model_copy(update={"history": []})
    files = plots.write_plots(tmp_path, report, loaded(tmp_path, report))
    assert len(files) == 3
    assert not any("learning" in path.name for path in files)


def test_a_wild_first_epoch_gets_a_logarithmic_axis(tmp_path):
    report = write_run(tmp_path, rows=12)
    history = [{"epoch": 1, "val/mape": 100.0}, {"epoch": 2, "val/mape": 0.5}]
    _, axes = plots.learning_curves(report.model_copy(update={"history": history})).axes
    assert axes.get_yscale() == "log"


def test_unwritable_folder(tmp_path):
    report = write_run(tmp_path, rows=12)
    (tmp_path / "plots").write_text("in the way")
    with pytest.raises(UserError, match=r"plots.*cannot be written"):
        plots.write_plots(tmp_path, report, loaded(tmp_path, report))
