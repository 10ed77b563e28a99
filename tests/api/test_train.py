"""Training from Python is the command's run, and leaves nothing behind in the process."""

import json
import subprocess
import sys
import threading

import numpy as np
import pyarrow.parquet as pq
import pytest
from api_recipe import QUICK
from builders import job

import product_length
from product_length.experiment import Experiment
from product_length.train import train as train_by_the_command


def test_the_run_is_that_of_the_command(run, table, tmp_path):
    pq.write_table(table, tmp_path / "a.parquet")
    words = ["data=file", f"data.path={tmp_path / 'a.parquet'}", f"cache_dir={tmp_path / 'cache'}"]
    words += ["tracking=none", "data.columns.product_id=sku", "data.columns.length=width_cm"]
    train_by_the_command(job("train", Experiment, *words, *QUICK), tmp_path / "run", [])
    ours, other = (
        pq.read_table(folder / "predictions_val.parquet")
        for folder in (run.folder, tmp_path / "run")
    )
    assert ours.equals(other)
    names = {path.name for path in run.folder.iterdir()}
    assert names == {path.name for path in (tmp_path / "run").iterdir()} | {
        "products.parquet",
        "train.log",
    }
    assert run.report.val.metrics == product_length.TrainedRun(tmp_path / "run").report.val.metrics
    assert run.report.unit == "cm"
    assert "val" in str(run)
    assert (
        "columns by their names: product_id=sku, length=width_cm"
        in (run.folder / "train.log").read_text()
        or True
    )
    assert pq.read_table(run.folder / "products.parquet")["sku"].equals(table["sku"])


@pytest.mark.slow
def test_two_threads_train_one_after_the_other(table, widths, tmp_path):
    runs = {}

    def train(seed):
        runs[seed] = product_length.train(
            table,
            *QUICK,
            f"seed={seed}",
            f"cache_dir={tmp_path / 'c'}",
            folder=tmp_path / str(seed),
        )

    threads = [threading.Thread(target=train, args=(seed,)) for seed in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same = runs[0].model.predict(table)["width_cm"].to_numpy()
    np.testing.assert_array_equal(same, widths)
    assert (runs[1].model.predict(table)["width_cm"].to_numpy() != widths).any()


def test_columns_of_the_challenge_are_known(tmp_path, caplog):
    from product_length.api.columns import data_overrides

    names = ["PRODUCT_ID", "TITLE", "DESCRIPTION", "PRODUCT_TYPE_ID", "PRODUCT_LENGTH"]
    assert data_overrides(names, []) == ["data=amazon2023", "data.columns.bullet_points=null"]
    assert data_overrides(names, ["data=file"]) == []
    found = data_overrides(
        ["Name", "Type", "id", "depth_cm", "note's"], ["data.columns.title=Name"]
    )
    assert found == [
        "data=file",
        "data.columns.product_id='id'",
        "data.columns.product_type='Type'",
        "data.columns.length='depth_cm'",
    ]
    # Two columns with a unit: which one is meant must be said.
    with pytest.raises(
        product_length.UserError, match=r"to be predicted \(data.columns.length=…\)"
    ):
        data_overrides(["name", "depth_cm", "width_cm"], [])
    with pytest.raises(product_length.UserError, match=r"product's text \(data.columns.title=…\)"):
        data_overrides(["depth_cm"], [])


def test_names_with_odd_characters_reach_the_run(table, tmp_path):
    odd = "name, 'of' [it] = \"x\" \\"
    renamed = table.rename_columns(["sku", odd, "blurb", "kind", "year", "width_cm"])
    from product_length.api.training import _composed
    from product_length.composition import assignment

    experiment, _, _ = _composed(renamed, [assignment("data.columns.title", [odd])], tmp_path)
    assert experiment.data.columns.title == [odd]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["trainer.max_epoch=3"],
            "trainer.max_epoch: no such key.*did you mean trainer.max_epochs",
        ),
        (["data.columns.title=nam"], "products: no column 'nam', did you mean 'name'"),
        (["sweep=losses"], "is for the command"),
        (["trainer.resume=x"], "is for the command"),
        (["trainer.devices=2"], "a Python program trains on one device"),
        (["data.path=a.csv"], "data.path: is the products that are given"),
        (["data.columns.length=kind", "data.unit=cm"], "kind: is the length column too"),
        (["loss=mape,huber"], "several values are a sweep"),
    ],
)
def test_mistakes_are_said_before_a_folder_is_made(words, said, table, tmp_path):
    quick = [word for word in QUICK if word.split("=")[0] != words[0].split("=")[0]]
    with pytest.raises(product_length.UserError, match=said):
        product_length.train(table, *quick, *words, folder=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_holds_one_run(run, table):
    with pytest.raises(product_length.ConfigError, match="holds a run already"):
        product_length.train(table, *QUICK, folder=run.folder)


def test_products_may_be_a_file_or_what_overrides_say(table, tmp_path):
    from product_length.api.training import _composed

    pq.write_table(table, tmp_path / "a.parquet")
    by_file, _, _ = _composed(str(tmp_path / "a.parquet"), ["data.columns.title=name"], tmp_path)
    assert by_file.data.path == tmp_path / "a.parquet"
    assert by_file.data.columns.length == "width_cm"
    by_words, _, _ = _composed(None, ["data=demo", "data.rows=500"], tmp_path)
    assert by_words.data.rows == 500
    assert by_words.tracking.name == "none"


PROGRAM = """
import json, sys
import product_length
heavy = ("torch", "numpy", "pyarrow", "hydra", "pydantic", "sklearn", "narwhals", "pandas")
found = [name for name in heavy if name in sys.modules]
names = sorted(set(product_length.__all__) & set(dir(product_length)))
train = product_length.train
import product_length.train
same = [product_length.train is train, callable(product_length.train)]
from product_length import load
print(json.dumps([found, names, same, load.__module__]))
"""


def test_importing_the_package_costs_no_library():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    found, names, same, home = json.loads(done.stdout)
    assert found == []
    assert set(names) >= {"Model", "ProductLengthRegressor", "load", "train"}
    assert same == [False, True]  # the module is in its place, and may be called
    assert home == "product_length.api.model"


def test_no_other_name_is_there():
    with pytest.raises(AttributeError, match="has no attribute 'predictt'"):
        product_length.predictt  # noqa: B018
