"""The learning curve: parts of a catalogue that can be compared, and their slope."""

import csv
import importlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from omegaconf import OmegaConf

from product_length.artefacts import ArtefactStore
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.split import TEST, TRAIN
from product_length.demo.generator import DemoGenerator
from product_length.errors import UserError
from product_length.experiment import Experiment, from_config

ROOT = Path(__file__).parents[1]


def benchmark(name):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        return importlib.import_module(name)


curve, page, figures, runs = map(
    benchmark, ("learning_curve", "learning_curve_page", "catalogue_figures", "catalogue_runs")
)


def options_of(*words):
    return curve.parser().parse_args(["--data", "d", "--catalogue", "toys_uk", *words])


@pytest.fixture
def options(tmp_path):
    """On a made-up catalogue in which a third of the texts stand twice."""
    rows = pa.Table.from_batches(DemoGenerator(rows=300, types=6, seed=3).batches()).to_pylist()
    rows += [{**row, "PRODUCT_ID": f"copy {row['PRODUCT_ID']}"} for row in rows[::3]]
    pyarrow.csv.write_csv(pa.Table.from_pylist(rows), tmp_path / "toys_uk.csv")
    places = ["--data", str(tmp_path), "--runs", str(tmp_path / "runs")]
    return options_of(*places, "--folds", "4", "--sizes", "60,120")


def opened(options, path, fold):
    """The splits of a part, as a training would see them."""
    words = ("data=amazon2023", f"data.path={path}", *curve.split(options, fold))
    made = from_config(OmegaConf.create(runs.composed(ROOT, words)), Experiment)
    catalogue = open_catalogue(made.data, ArtefactStore(options.runs / "other"))
    ids = np.array(catalogue.product_ids.to_pylist())
    return {split: set(ids[catalogue.rows(split)]) for split in (TRAIN, TEST)}


def ids_in(path):
    with path.open(newline="", encoding="utf-8") as file:
        return {row["PRODUCT_ID"] for row in csv.DictReader(file)}


def test_parts_score_the_same_products_and_lie_in_each_other(options):
    parts = curve.parts_of(options, 2)
    assert list(parts) == ["60", "120", "all"]
    found = {size: opened(options, path, 2) for size, (path, _) in parts.items()}
    assert [len(each[TRAIN]) for each in found.values()] == [rows for _, rows in parts.values()]
    assert found["60"][TEST] == found["120"][TEST] == found["all"][TEST] != set()
    assert found["60"][TRAIN] < found["120"][TRAIN] < found["all"][TRAIN]
    assert 45 <= len(found["60"][TRAIN]) <= 75
    whole = opened(options, options.data / "toys_uk.csv", 2)
    assert found["all"] == whole
    kept, there = map(ids_in, (parts["60"][0], options.data / "toys_uk.csv"))
    copied = {each.removeprefix("copy ") for each in there if each.startswith("copy ")}
    copies = {each.removeprefix("copy ") for each in kept if each.startswith("copy ")}
    assert copies == kept & copied


def test_more_than_there_is_is_refused(options):
    options.sizes = [60, 9000]
    with pytest.raises(UserError, match=r"--sizes 9000: fold 0 has \d+ training products"):
        curve.parts_of(options, 0)


def outcome(errors):
    ids = [f"{at:03}" for at in range(len(errors))]
    return figures.Outcome(ids, np.full(len(errors), 500.0), np.asarray(errors), 0.1, 1.0)


def test_the_slope_is_that_of_a_line_through_the_means():
    rng = np.random.default_rng(0)
    rows = {"400": 410.0, "800": 790.0, "all": 3000.0}
    errors = {size: rng.uniform(0, 1 / at, 60) for at, size in enumerate(rows, start=1)}
    found = {
        size: {"best": [[outcome(each)]], "constant": [[outcome(np.full(60, 0.6))]]}
        for size, each in errors.items()
    }
    results = curve.summarise(found, rows, options_of())
    line = np.polyfit(np.log2(list(rows.values())), [each.mean() for each in errors.values()], 1)
    slope = results["slopes"]["best"]
    assert slope["value"] == pytest.approx(line[0])
    assert slope["low"] < line[0] < slope["high"] < 0
    assert results["slopes"]["constant"]["value"] == pytest.approx(0, abs=1e-12)
    tables = page.curve_tables(results)
    assert "| training products | 410 | 790 | 3,000 | points a doubling |" in tables
    pair = results["sizes"]["all"]["recipes"]["constant"]["all"]["difference"]
    assert pair["value"] == pytest.approx(errors["all"].mean() - 0.6)
    assert f"{100 * pair['value']:+.2f} (" in tables.splitlines()[-1]


def test_the_picture_has_a_line_for_each_model(tmp_path):
    found = {
        size: {name: [[outcome(np.linspace(0, top, 40))]] for name in ("best", "constant")}
        for size, top in (("400", 0.9), ("all", 0.6))
    }
    results = curve.summarise(found, {"400": 400.0, "all": 5000.0}, options_of())
    page.draw(results, tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
