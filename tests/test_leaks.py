"""End to end: nothing that is learnt or predicted depends on what it is later scored on."""

import csv

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hydra import compose, initialize_config_dir

from product_length.artefacts import ArtefactStore
from product_length.catalogue.demo.generator import DemoGenerator
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.split import TEST, TRAIN, VAL
from product_length.composition import CONF
from product_length.experiment import Experiment, from_config
from product_length.pipeline import run


@pytest.fixture(scope="module")
def rows():
    return pa.Table.from_batches(DemoGenerator(rows=500, types=12, seed=5).batches()).to_pylist()


RECIPES = {
    "one length": ["features.use_log_target=true"],
    "priors": [
        "loss=histogram",
        "features.terms={min_rows: 3}",
        "model.priors=[neighbours,types,dimensions,ratios,terms]",
    ],
}


@pytest.fixture(scope="module", params=RECIPES.values(), ids=list(RECIPES))
def recipe(request):
    return request.param


def experiment(folder, rows, recipe):
    path = folder / "train.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    overrides = [
        f"cache_dir={folder / 'cache'}",
        "data=amazon2023",
        f"data.path={path}",
        "features=full",
        "features.knn.k=5",
        *recipe,
        "embeddings.encoders.lsa.dimensions=16",
        "model.hidden=[16]",
        # One epoch: the best of several is chosen by val rows, as it should be.
        "trainer.max_epochs=1",
        "trainer.batch_size=64",
        "trainer=cpu",
        "trainer.progress=false",
        "tracking=none",
        "evaluation.resamples=100",
    ]
    with initialize_config_dir(str(CONF)):
        return from_config(compose("train", overrides=overrides), Experiment)


def predictions(folder, rows, recipe, split="val"):
    """Predicted lengths by product id, and the baselines' MAPE."""
    folder.mkdir()
    chosen = experiment(folder, rows, recipe)
    run(chosen, folder / "run", [])
    table = pq.read_table(folder / "run" / f"predictions_{split}.parquet").to_pydict()
    return dict(zip(table["PRODUCT_ID"], table["prediction"], strict=True))


def split_of(folder, rows, recipe):
    folder.mkdir()
    chosen = experiment(folder, rows, recipe)
    catalogue = open_catalogue(chosen.data, ArtefactStore(chosen.cache_dir))
    return dict(zip(catalogue.product_ids.to_pylist(), catalogue.split.tolist(), strict=True))


@pytest.fixture(scope="module")
def plain(tmp_path_factory, rows, recipe):
    root = tmp_path_factory.mktemp("plain")
    return split_of(root / "split", rows, recipe), predictions(root / "run", rows, recipe)


def test_labels_of_val_and_test_rows_change_no_prediction(tmp_path, rows, recipe, plain):
    split, expected = plain
    changed = [
        {**row, "PRODUCT_LENGTH": row["PRODUCT_LENGTH"] * 7 + 3}
        if split.get(row["PRODUCT_ID"]) in (VAL, TEST)
        else row
        for row in rows
    ]
    assert sum(new is not old for new, old in zip(changed, rows, strict=True)) > 40
    assert predictions(tmp_path / "run", changed, recipe) == expected


def test_labels_of_train_rows_do(tmp_path, rows, recipe, plain):
    """The check above could fail."""
    split, expected = plain
    changed = [
        {**row, "PRODUCT_LENGTH": row["PRODUCT_LENGTH"] * 7}
        if split.get(row["PRODUCT_ID"]) == TRAIN
        else row
        for row in rows
    ]
    found = predictions(tmp_path / "run", changed, recipe)
    ratios = [found[product] / expected[product] for product in expected]
    assert np.median(ratios) > 3


def test_test_rows_are_not_needed_for_anything_else(tmp_path, rows, recipe, plain):
    """No vocabulary, scaler, index or statistic has seen them."""
    split, expected = plain
    fewer = [row for row in rows if split.get(row["PRODUCT_ID"]) != TEST]
    assert 5 < len(rows) - len(fewer) < 60
    assert predictions(tmp_path / "run", fewer, recipe) == expected


def test_val_predictions_do_not_depend_on_the_other_val_rows(tmp_path, rows, recipe, plain):
    split, expected = plain
    val = [product for product, code in split.items() if code == VAL]
    kept = set(val[: len(val) // 2])
    fewer = [
        row for row in rows if split.get(row["PRODUCT_ID"]) != VAL or row["PRODUCT_ID"] in kept
    ]
    found = predictions(tmp_path / "run", fewer, recipe)
    assert set(found) == kept
    np.testing.assert_allclose(
        [found[product] for product in found], [expected[product] for product in found], rtol=1e-5
    )
