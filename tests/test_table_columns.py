"""End to end: a table with columns of numbers and categories, and types that are paths."""

import csv

import numpy as np
import pytest
import torch
from builders import job, predict_by, scored

from product_length.experiment import Experiment
from product_length.pipeline import run
from product_length.prediction.checkpoint import load_predictors

NAMES = ["id", "name", "kind", "pieces", "price", "brand", "width_cm"]
COLUMNS = ["data.columns.numbers=[pieces,price]", "data.columns.categories=[brand]"]
PATHS = [f"Home > {room} > {thing}" for room in ("Kitchen", "Bath") for thing in ("A", "B", "C")]


@pytest.fixture(scope="module")
def rows():
    """260 products whose width is decided by their pieces and brand."""
    draw = np.random.default_rng(0)
    words = [f"word{n}" for n in range(300)]
    found = []
    for row in range(260):
        pieces, brand = int(draw.integers(1, 40)), f"brand{draw.integers(3)}"
        cells = [row, " ".join(draw.choice(words, 5)), PATHS[row % 6], pieces, 3 * pieces, brand]
        if row % 9 == 0:
            cells[4] = ""
        found.append(dict(zip(NAMES, [*cells, pieces * (1 + int(brand[-1]))], strict=True)))
    return found


def write(path, rows, names=NAMES):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def finished(folder, rows, *overrides):
    """The folder of a run of the best recipe, made quick."""
    folder.mkdir(exist_ok=True)
    words = [
        "experiment=best",
        "data=file",
        f"data.path={write(folder / 'table.csv', rows)}",
        f"cache_dir={folder / 'cache'}",
        "data.columns.product_id=id",
        "data.columns.title=name",
        "data.columns.product_type=kind",
        "data.columns.length=width_cm",
        "embeddings.encoders.words.dimensions=8",
        "features.neighbours.k=4",
        "loss.bins=16",
        "model.hidden=[16]",
        "trainer=cpu",
        "trainer.max_epochs=1",
        "trainer.progress=false",
        "tracking=none",
        "evaluation.resamples=100",
        "evaluation.baselines=false",
    ]
    run(job("train", Experiment, *words, *overrides), folder / "run", [])
    return folder / "run"


def learnt(run_folder):
    """What was fitted of the features, and the weights."""
    path = run_folder / "checkpoints" / "best.ckpt"
    predictor = load_predictors([path], {}, "cpu")[path]
    features = {each.feature.name: each.state() for each in predictor.kept}
    return features, predictor.network.state_dict()


@pytest.fixture(scope="module")
def trained(tmp_path_factory, rows):
    return finished(tmp_path_factory.mktemp("trained"), rows, *COLUMNS)


def test_new_products_are_read_with_what_they_have_and_the_rest_is_counted(
    trained, rows, tmp_path, caplog
):
    caplog.set_level("INFO")
    changed = [dict(row) for row in rows[:100]]
    for row in changed[:20]:
        row["pieces"] = 4000
    for row in changed[20:50]:
        row["brand"] = "another"
    for row in changed[50:90]:
        row["kind"] = "Home>Kitchen>New"
    names = [name for name in NAMES if name not in ("price", "width_cm")]
    predict_by(trained, write(tmp_path / "new.csv", changed, names), tmp_path / "lengths.csv")
    (line,) = [each for each in caplog.messages if "of 100 rows" in each]
    assert "20 (20.0%) have a number in pieces beyond those of training" in line
    assert "30 (30.0%) have a value in brand that training did not have" in line
    assert "40 (40.0%) have a product type that training did not have" in line
    assert "40 (40.0%) have a new product type below one that training had" in line
    assert "have no number in price" not in line  # as some training rows
    assert any("'price'" in each and "read as empty" in each for each in caplog.messages)
    assert (tmp_path / "lengths.csv").read_text().count("\n") == 101


def test_numbers_and_categories_of_val_and_test_rows_change_nothing_that_is_learnt(
    trained, rows, tmp_path
):
    others = {int(row) for split in ("val", "test") for row in scored(trained, split)["length"]}
    assert len(others) > 20
    changed = [
        {**row, "pieces": 7 * row["pieces"] + 1, "brand": "another"} if row["id"] in others else row
        for row in rows
    ]
    features, weights = learnt(finished(tmp_path, changed, *COLUMNS))
    expected, of_expected = learnt(trained)
    assert features["numbers"] == expected["numbers"]
    assert features["categories"] == expected["categories"]
    assert weights.keys() == of_expected.keys()
    for name, weight in weights.items():
        torch.testing.assert_close(
            weight, of_expected[name], rtol=0, atol=0, equal_nan=True, msg=name
        )
    assert scored(tmp_path / "run")["prediction"] != scored(trained)["prediction"]


def test_without_such_columns_the_recipe_is_as_it_was(rows, tmp_path):
    with_both = finished(tmp_path / "one", rows)
    without = finished(tmp_path / "two", rows, "features=[full,terms]")
    assert scored(with_both) == scored(without)
    assert list(learnt(with_both)[0]) == list(learnt(without)[0])


def test_columns_that_no_feature_uses_are_said():
    words = ["data=file", "data.path=x.csv", "data.columns.title=a", "data.columns.length=b_cm"]
    chosen = job("train", Experiment, *words, *COLUMNS, "features=types")
    assert list(chosen.unread_columns()) == [
        "data.columns.numbers: pieces, price are read but no feature uses them: add numbers to "
        "features=[…]",
        "data.columns.categories: brand is read but no feature uses it: add categories to "
        "features=[…]",
    ]
    chosen = job("train", Experiment, *words, *COLUMNS, "features=[numbers,types]")
    assert len(list(chosen.unread_columns())) == 1
    assert not list(job("train", Experiment, *words, *COLUMNS, "experiment=best").unread_columns())
    assert not list(job("train", Experiment, "data=demo").unread_columns())
