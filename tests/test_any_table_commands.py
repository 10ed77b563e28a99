"""Tables that are not the challenge's: trained on and predicted by the real commands."""

import csv
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from table_of_sets import HEADER, made_up_sets, write_both_tables, write_table

from product_length.evaluation.predictions import load_predictions
from product_length.evaluation.report import load_report

SHARED = Path(__file__).parents[2] / "shared" / "data"
QUICK = "trainer.max_epochs=2 trainer.progress=false tracking=none evaluation.resamples=100"
COLUMNS = (
    "data.columns.product_id=set_id data.columns.title=name data.columns.product_type=theme "
    "data.columns.length=width_cm 'data.columns.numbers=[year,pieces,minifigs,us_price]' "
    "'data.columns.categories=[subtheme,packaging]' "
    "'features=[types,neighbours,measurements,numbers,categories]' experiment=best"
)


def run(folder, command):
    """What a command said; it must succeed."""
    words = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a table, the same with `;` and decimal commas, and a run that was trained."""
    folder = tmp_path_factory.mktemp("tables")
    write_both_tables(folder)
    run(
        folder,
        f"product_length.train data=file data.path=sets.csv data.unit=cm {COLUMNS} {QUICK} "
        "hydra.run.dir=RUN",
    )
    return folder


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_table_is_predicted_from_its_export_for_another_country(place):
    predict = "product_length.predict checkpoint=RUN interval=0.9"
    said = run(place, f"{predict} data.path=sets_de.csv output=de.csv")
    assert "';'" in said
    assert "decimal comma" in said
    run(place, f"{predict} data.path=sets.csv output=en.csv")
    german, english = read(place / "de.csv"), read(place / "en.csv")
    assert list(german[0]) == ["set_id", "width_cm", "LOWER", "UPPER"]
    assert [row["set_id"] for row in german] == [row["set_id"] for row in english[:50]]
    for name in ("width_cm", "LOWER", "UPPER"):
        numbers = ([float(row[name]) for row in rows] for rows in (german, english[:50]))
        np.testing.assert_allclose(*numbers, rtol=1e-5)


def test_the_report_says_what_was_predicted(place):
    report = load_report(place / "RUN")
    assert (report.unit, report.target) == ("cm", "width_cm")
    assert {"numbers", "categories"} <= {feature.name for feature in report.features}


def test_a_title_and_a_length_are_enough(place):
    said = run(
        place,
        "product_length.train data=file data.path=sets.csv data.unit=cm data.columns.title=name "
        f"data.columns.length=width_cm experiment=best {QUICK} hydra.run.dir=PLAIN",
    )
    assert "cm" in said
    run(place, "product_length.predict checkpoint=PLAIN data.path=sets_de.csv output=plain.csv")
    rows = read(place / "plain.csv")
    assert list(rows[0]) == ["row", "width_cm"]
    assert [row["row"] for row in rows] == [str(number) for number in range(1, 51)]


@pytest.mark.slow
def test_the_same_table_in_inches_gives_the_same_relative_errors(place):
    rows = [[*row[:-1], repr(float(row[-1]) / 2.54)] for row in made_up_sets()]
    header = [*HEADER[:-1], "width_in"]
    write_table(place / "inches.csv", rows, header)
    columns = COLUMNS.replace("width_cm", "width_in")
    run(
        place,
        f"product_length.train data=file data.path=inches.csv data.unit=inch {columns} {QUICK} "
        "hydra.run.dir=INCHES",
    )
    for split in ("val", "test"):
        cm, inches = (load_predictions(place / name, split) for name in ("RUN", "INCHES"))
        np.testing.assert_allclose(inches.predictions * 2.54, cm.predictions, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "lego_sets.csv").exists(), reason="needs ../shared/data")
def test_sets_of_bricks(tmp_path):
    data = f"data.path={SHARED / 'lego_sets.csv'} data.unit=cm"
    run(
        tmp_path,
        f"product_length.train data=file {data} {COLUMNS} {QUICK} hydra.run.dir=RUN",
    )
    run(
        tmp_path,
        f"product_length.predict checkpoint=RUN data.path={SHARED / 'lego_sets_de.csv'} "
        "output=widths.csv interval=0.9",
    )
    rows = read(tmp_path / "widths.csv")
    assert len(rows) == 600
    widths = np.array([float(row["width_cm"]) for row in rows])
    lower, upper = (np.array([float(row[name]) for row in rows]) for name in ("LOWER", "UPPER"))
    assert (lower < upper).all()
    assert 5 < np.median(widths) < 50
