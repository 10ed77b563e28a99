"""End to end: nothing that is learnt or predicted depends on what it is later scored on.

Two ways to see it. Labels or rows that a run must not look at are changed, and nothing else may
change with them. And where lengths are noise, nothing can be learnt: a training row is no easier
to predict than a val row before anything was trained, and nobody beats the best constant.
"""

import csv
import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from builders import job, scored

from product_length.artefacts import ArtefactStore
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.split import TEST, TRAIN, VAL
from product_length.demo.generator import DemoGenerator
from product_length.experiment import Experiment
from product_length.pipeline import run
from product_length.prediction.checkpoint import load_predictors


@pytest.fixture(scope="module")
def rows():
    return pa.Table.from_batches(DemoGenerator(rows=500, types=12, seed=5).batches()).to_pylist()


TERMS = ["features.terms.min_rows=3", "features.terms.min_train_rows=0"]
RECIPES = {
    "one length": ["features.use_log_target=true"],
    "experts": [
        "loss=histogram",
        "features=[full,terms]",
        "features.experts=true",
        *TERMS,
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
        "features.neighbours.k=5",
        "embeddings.encoders.lsa.dimensions=16",
        "model.hidden=[16]",
        # One epoch: the best of several is chosen by val rows, as it should be.
        "trainer.max_epochs=1",
        "trainer.batch_size=64",
        "trainer=cpu",
        "trainer.progress=false",
        "tracking=none",
        "evaluation.resamples=100",
        *recipe,
    ]
    return job("train", Experiment, *overrides)


def finished(folder, rows, recipe):
    """The folder of a run that was trained and judged on `rows`."""
    folder.mkdir()
    run(experiment(folder, rows, recipe), folder / "run", [])
    return folder / "run"


def predictions(run_folder, split="val"):
    """Predicted lengths by product id."""
    return scored(run_folder, split)["prediction"]


def report(run_folder):
    return json.loads((run_folder / "report.json").read_text(encoding="utf-8"))


def learnt(run_folder):
    """All that a checkpoint predicts by: weights, and what was fitted outside the network."""
    path = run_folder / "checkpoints" / "best.ckpt"
    predictor = load_predictors([path], {}, "cpu")[path]
    return {**predictor.state(), "weights": predictor.network.state_dict()}


def differences(one, other, name=""):
    """Where two nested structures of tensors and plain values differ."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        pairs = [(f"{name}.{key}", one[key], other[key]) for key in one]
    elif isinstance(one, list | tuple) and len(one) == len(other):
        pairs = [
            (f"{name}.{place}", *pair) for place, pair in enumerate(zip(one, other, strict=True))
        ]
    else:
        tensors = isinstance(one, torch.Tensor) and one.shape == other.shape
        same = torch.allclose(one, other, 0, 0, equal_nan=True) if tensors else one == other
        return [] if same else [name]
    return [found for pair in pairs for found in differences(pair[1], pair[2], pair[0])]


def split_of(folder, rows, recipe):
    folder.mkdir()
    chosen = experiment(folder, rows, recipe)
    catalogue = open_catalogue(chosen.data, ArtefactStore(chosen.cache_dir))
    return dict(zip(catalogue.product_ids.to_pylist(), catalogue.split.tolist(), strict=True))


@pytest.fixture(scope="module")
def plain(tmp_path_factory, rows, recipe):
    """The split of each product, and the run on the catalogue as it is."""
    root = tmp_path_factory.mktemp("plain")
    return split_of(root / "split", rows, recipe), finished(root / "run", rows, recipe)


def relabelled(rows, split, code, change):
    changed = [
        {**row, "PRODUCT_LENGTH": change(row["PRODUCT_LENGTH"])}
        if split.get(row["PRODUCT_ID"]) == code
        else row
        for row in rows
    ]
    assert sum(new is not old for new, old in zip(changed, rows, strict=True)) > 10
    return changed


def test_a_run_is_judged_as_it_was_chosen(plain):
    """Training knows the labels of val rows, judging does not give them to the network."""
    of_run = report(plain[1])
    (epoch,) = of_run["history"]
    judged = of_run["splits"]["val"]["metrics"]["values"]["mape"]["value"]
    assert epoch["val/mape"] == pytest.approx(judged, rel=1e-5)


def test_labels_of_test_rows_change_nothing_but_their_own_score(tmp_path, rows, recipe, plain):
    split, expected = plain
    changed = relabelled(rows, split, TEST, lambda length: length * 7 + 3)
    found = finished(tmp_path / "run", changed, recipe)
    for name in ("val", "test"):
        assert predictions(found, name) == predictions(expected, name)
    assert differences(learnt(found), learnt(expected)) == []
    of_val, of_history = report(found)["splits"]["val"], report(found)["history"]
    assert differences(of_val, report(expected)["splits"]["val"]) == []
    assert differences(of_history, report(expected)["history"]) == [".0.rows_per_second"]


def test_labels_of_val_rows_change_nothing_but_choices(tmp_path, rows, recipe, plain):
    """They calibrate intervals, and choose the epoch where there are several."""
    split, expected = plain
    changed = relabelled(rows, split, VAL, lambda length: length * 7 + 3)
    found = finished(tmp_path / "run", changed, recipe)
    for name in ("val", "test"):
        assert predictions(found, name) == predictions(expected, name)
    where = differences(learnt(found), learnt(expected))
    assert all(name.startswith(".calibration") for name in where)
    of_test = [report(each)["splits"]["test"] for each in (found, expected)]
    where = differences(*[{**each, "intervals": None} for each in of_test])
    assert where == []


def test_labels_of_train_rows_change_predictions(tmp_path, rows, recipe, plain):
    """The checks above could fail."""
    split, expected = plain
    changed = relabelled(rows, split, TRAIN, lambda length: length * 7)
    found = predictions(finished(tmp_path / "run", changed, recipe))
    ratios = [found[product] / length for product, length in predictions(expected).items()]
    assert np.median(ratios) > 3


def test_test_rows_are_not_needed_for_anything_else(tmp_path, rows, recipe, plain):
    """No vocabulary, scaler, index or statistic has seen them."""
    split, expected = plain
    fewer = [row for row in rows if split.get(row["PRODUCT_ID"]) != TEST]
    assert 5 < len(rows) - len(fewer) < 60
    found = finished(tmp_path / "run", fewer, recipe)
    assert predictions(found) == predictions(expected)
    assert differences(learnt(found), learnt(expected)) == []


def test_val_predictions_do_not_depend_on_the_other_val_rows(tmp_path, rows, recipe, plain):
    split, expected = plain
    val = [product for product, code in split.items() if code == VAL]
    kept = set(val[: len(val) // 2])
    fewer = [
        row for row in rows if split.get(row["PRODUCT_ID"]) != VAL or row["PRODUCT_ID"] in kept
    ]
    found, before = predictions(finished(tmp_path / "run", fewer, recipe)), predictions(expected)
    assert set(found) == kept
    np.testing.assert_allclose(
        [found[product] for product in found], [before[product] for product in found], rtol=1e-5
    )


def noise(texts, twins=1, seed=0):
    """Products whose lengths say nothing about one another, each text `twins` times.

    Products of the same text have the same length; words and types have a few rows each, and every
    text states a length, a random one.
    """
    draw = np.random.default_rng(seed)
    words = ["".join(draw.choice(list("abdegiklmnoprstu"), 7)) for _ in range(400)]
    lengths = np.round(100 * 2 ** (np.arange(16) / 3))
    products = [
        {
            "TITLE": " ".join(draw.choice(words, 6, replace=False)),
            "BULLET_POINTS": f"{draw.integers(5, 90)} cm long",
            "DESCRIPTION": "",
            "PRODUCT_TYPE_ID": f"kind {draw.integers(texts // 4)}",
            "PRODUCT_LENGTH": draw.choice(lengths),
        }
        for _ in range(texts)
    ]
    order = draw.permutation(texts * twins)
    return [{"PRODUCT_ID": str(row), **products[row % texts]} for row in order]


HALVES = ["data.split.train=0.6", "data.split.val=0.35", "data.split.test=0.05"]
UNTRAINED = ["loss=histogram", "trainer.learning_rate=1e-9", "model.dropout=0"]
EXPERTS = {
    "neighbours": (1, ["features.neighbours.expert=true"]),
    "neighbours, texts that come twice": (2, ["features.neighbours.expert=true"]),
    "types": (1, ["features.types.expert=true", "features.types.min_rows=1"]),
    "ratios": (1, ["features.measurements.expert=true"]),
    "terms": (1, ["features=[full,terms]", *TERMS]),
}


@pytest.mark.parametrize(("twins", "experts"), EXPERTS.values(), ids=list(EXPERTS))
def test_training_rows_are_told_no_more_than_val_rows(tmp_path, twins, experts):
    """Train less val was within 0.2 nats; -1.0 (ratios) to -2.9 where own lengths are seen."""
    found = finished(tmp_path / "run", noise(600 // twins, twins), [*HALVES, *UNTRAINED, *experts])
    (epoch,) = report(found)["history"]
    assert epoch["train/loss"] > epoch["val/loss"] - 0.5


def test_noise_is_not_learnt_from_neighbours(tmp_path):
    """A network that sees its own length among its neighbours' soon copies it.

    The MAPE of training rows was about 0.8 of the constant's, and 0.3 to 0.5 of it with a leak.
    """
    recipe = ["features=knn", "features.use_log_target=true", "trainer.learning_rate=0.01"]
    recipe += ["trainer.max_epochs=10", "trainer.patience=10", "trainer.batch_size=32"]
    found = report(finished(tmp_path / "run", noise(400, twins=2), [*HALVES, *recipe]))
    constant = found["splits"]["val"]["baselines"]["constant"]["metrics"]["values"]["mape"]["value"]
    assert found["history"][-1]["train/mape"] > 0.6 * constant


def test_products_of_the_same_text_share_a_split(tmp_path):
    """And nobody beats the best constant where lengths are noise."""
    rows = noise(300, twins=2)
    found = finished(tmp_path / "run", rows, [*HALVES, *UNTRAINED, "features.types.expert=true"])
    scored = {product: name for name in ("val", "test") for product in predictions(found, name)}
    assert len(scored) > 150
    splits = {}
    for row in rows:
        splits.setdefault(row["TITLE"], set()).add(scored.get(row["PRODUCT_ID"], "train"))
    assert [names for names in splits.values() if len(names) > 1] == []
    val = report(found)["splits"]["val"]
    of_all = {
        name: each["metrics"]["values"]["mape"]["value"] for name, each in val["baselines"].items()
    }
    constant = of_all.pop("constant")
    assert min(*of_all.values(), val["metrics"]["values"]["mape"]["value"]) > 0.9 * constant
