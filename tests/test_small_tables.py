"""Tables of few rows, of one type, of one title, of equal lengths: trained on, or refused."""

import logging

import numpy as np
import pytest
from builders import job, predict_by, read_rows

from product_length.errors import UserError
from product_length.evaluation.report import load_report
from product_length.experiment import Experiment
from product_length.pipeline import run

WORDS = ["oak", "pine", "steel", "glass", "red", "blue", "small", "large", "round", "flat"]


def table(folder, rows):
    """Rows of name, kind and width; the width depends on the name."""
    path = folder / "table.csv"
    lines = [f"{name},{kind},{width}" for name, kind, width in rows]
    path.write_text("\n".join(["name,kind,width_cm", *lines]) + "\n", encoding="utf-8")
    return path


def some(count, kind="lamp", width=None):
    return [
        (f"{WORDS[row % 10]} {WORDS[row // 10 % 10]} {row}", kind, width or 10 + row % 10)
        for row in range(count)
    ]


def trained(folder, path):
    options = job(
        "train", Experiment, "data=file", f"data.path={path}", "data.columns.title=name",
        "data.columns.product_type=kind", "data.columns.length=width_cm", "experiment=best",
        "trainer.max_epochs=2", "trainer.accelerator=cpu", "trainer.progress=false",
        "tracking=none", "evaluation.resamples=100", f"cache_dir={folder / 'cache'}",
    )  # fmt: skip
    run(options, folder / "run", [])
    return load_report(folder / "run")


@pytest.mark.parametrize(("rows", "val"), [(20, (1, 9)), (200, (10, 30))])
def test_few_rows_have_some_to_choose_an_epoch_by(tmp_path, rows, val):
    report = trained(tmp_path, table(tmp_path, some(rows)))
    assert val[0] <= report.data.rows["val"] <= val[1]
    assert sum(report.data.rows.values()) == rows
    assert np.isfinite(report.val.metrics.mape.value)


def test_intervals_of_few_rows_say_that_they_are_wide(tmp_path, caplog):
    path = table(tmp_path, some(20))
    trained(tmp_path, path)
    with caplog.at_level(logging.INFO):
        output = predict_by(tmp_path / "run", path, tmp_path / "out.csv", "interval=0.9")
    assert "LOWER and UPPER are the ends of all lengths that the recipe can predict" in caplog.text
    for row in read_rows(output):
        assert float(row["LOWER"]) < 10 < float(row["width_cm"]) < 19 < float(row["UPPER"])


@pytest.mark.parametrize("kind", ["lamp", ""])
def test_equal_lengths_of_one_type(tmp_path, kind):
    report = trained(tmp_path, table(tmp_path, some(60, kind=kind, width=30)))
    assert report.val.metrics.mape.value < 0.01


def test_one_title_cannot_be_split(tmp_path):
    path = table(tmp_path, [("lamp", "a", 10 + row) for row in range(60)])
    with pytest.raises(UserError, match=r"no row falls into the \w+ split; .*distinct texts"):
        trained(tmp_path, path)


def test_too_few_rows_are_refused(tmp_path):
    with pytest.raises(UserError, match="only 7 rows can be used, 20 are needed"):
        trained(tmp_path, table(tmp_path, some(7)))
