"""An exported folder is the checkpoint, to the last bit, without a pickle."""

import hashlib
import json
import math
import pickletools
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import onnxruntime
import pytest
import torch
from builders import job, predict_by
from pyarrow import csv

import product_length
from product_length.errors import UserError
from product_length.export import export
from product_length.prediction.checkpoint import read_finished
from product_length.prediction.config import ExportJob
from product_length.prediction.exported import read_exported, write_exported
from product_length.prediction.plain_state import from_plain, to_plain

SLOW = pytest.mark.slow


def exported(run, folder, *overrides):
    words = [f"checkpoint={run}", f"output={folder}", *overrides]
    export(job("export", ExportJob, *words), folder.parent, [])
    return folder


@pytest.fixture(scope="module")
def folder(everything, tmp_path_factory):
    return exported(everything, tmp_path_factory.mktemp("exported") / "lengths")


def bits(value):
    """Everything in nested values, its types and bits included."""
    if isinstance(value, torch.Tensor):
        return "tensor", str(value.dtype), tuple(value.shape), value.numpy().tobytes()
    if isinstance(value, dict):
        return [(bits(key), bits(each)) for key, each in value.items()]
    if isinstance(value, list | tuple):
        return type(value).__name__, [bits(each) for each in value]
    return type(value).__name__, value.hex() if isinstance(value, float) else value


def test_all_of_the_checkpoint_comes_back_but_where_things_lay(everything, folder):
    kept = read_finished(everything / "checkpoints" / "best.ckpt")
    found = read_exported(folder)
    assert found["epoch"] == kept["epoch"]
    assert bits(dict(sorted(found["state_dict"].items()))) == bits(
        dict(sorted(kept["state_dict"].items()))
    )
    config = kept["recipe"]["config"]
    assert found["recipe"]["config"]["data"]["path"] == "train.csv"
    found["recipe"]["config"]["data"]["path"] = config["data"]["path"]
    found["recipe"]["config"]["cache_dir"] = config["cache_dir"]
    assert bits(found["recipe"]) == bits(kept["recipe"])
    assert str(everything.parent) not in (folder / "config.json").read_text()


@pytest.mark.parametrize("name", ["everything", "point", "distributed"])
def test_predictions_are_equal_to_the_last_bit(name, request, folder, catalogue, tmp_path):
    run = request.getfixturevalue(name)
    place = folder if name == "everything" else exported(run, tmp_path / "model")
    interval = [] if name == "point" else ["interval=0.8"]
    ours, other = (
        predict_by(run, catalogue / "test.csv", tmp_path / f"{number}.csv", *words, *interval)
        for number, words in enumerate([[f"checkpoint={place}"], []])
    )
    assert ours.read_bytes() == other.read_bytes()
    loaded = product_length.load(place).predict([{"TITLE": "oak table 120 cm"}])
    assert loaded == product_length.load(run).predict([{"TITLE": "oak table 120 cm"}])


def test_there_is_no_pickle_and_any_program_can_check_the_files(folder):
    assert {path.name for path in folder.iterdir()} == {
        "README.md",
        "SHA256SUMS",
        "config.json",
        "model.safetensors",
    }
    json.loads((folder / "config.json").read_text())
    assert len({path.stat().st_mode for path in folder.iterdir()}) == 1  # all may read all
    for path in folder.iterdir():
        assert not zipfile.is_zipfile(path)
        with pytest.raises(Exception):  # noqa: B017, PT011 -- whatever it finds first
            list(pickletools.genops(path.read_bytes()))
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder, check=True)


def test_the_card_says_what_a_person_must_know(everything, folder):
    card = (folder / "README.md").read_text(encoding="utf-8")
    report = product_length.TrainedRun(everything).report
    mape = report.val.metrics.mape
    for words in [
        "# lengths: PRODUCT_LENGTH in 1/100 inch",
        f"MAPE | {100 * mape.value:.1f}% ({100 * mape.low:.1f}–{100 * mape.high:.1f}%) |",
        "| MAPE, &lt;40 1/100 inch |",
        "Source: train.csv, all lengths",
        report.data.fingerprint,
        "90% intervals, calibrated on",
        "- title: `TITLE`",
        "Nearly all training lengths lie between",
        'product_length.load("lengths")',
        "There is no pickle",
    ]:
        assert words in card, words
    assert str(everything.parent) not in card


@pytest.mark.parametrize(
    "name", ["distributed", *(pytest.param(each, marks=SLOW) for each in ("everything", "point"))]
)
def test_onnx_predicts_the_same(name, request, catalogue, tmp_path):
    """In another program, of any number of rows, from what features make."""
    run = request.getfixturevalue(name)
    place = exported(run, tmp_path / "model", "onnx=true")
    model = product_length.load(place)
    table = csv.read_csv(catalogue / "test.csv")
    ours = model.predict(table)[model.target].to_numpy()
    inputs = model.network_inputs(table)
    session = onnxruntime.InferenceSession(place / "model.onnx")
    assert session.get_modelmeta().custom_metadata_map["unit"] == model.unit
    for rows in (1, 2, len(ours)):
        some = {each.name: inputs[each.name][:rows] for each in session.get_inputs()}
        lengths, *distribution = session.run(None, some)
        np.testing.assert_allclose(lengths, ours[:rows], rtol=1e-4)
        assert len(distribution) == (0 if name == "point" else 2)
    if distribution:
        probabilities, edges = distribution
        assert probabilities.shape == (len(ours), len(edges) - 1)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
        assert (edges[0] < ours).all()
        assert (ours < edges[-1]).all()
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=place, check=True)


def test_onnx_without_its_extra_says_what_to_install(point, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UserError, match=r"pip install 'product_length\[onnx\]'"):
        exported(point, tmp_path / "model", "onnx=true")
    assert not list(tmp_path.iterdir())


def test_damage_is_said(folder, tmp_path):
    for change, said in [
        (lambda place: (place / "SHA256SUMS").unlink(), "copy the exported folder whole"),
        (lambda place: (place / "config.json").unlink(), "config.json: is missing"),
        (lambda place: flip(place / "model.safetensors"), "model.safetensors: damaged or edited"),
        (lambda place: edit(place, '"format": 1', '"format": 2'), "exported in format 2, this"),
        (lambda place: edit(place, '"scripts"', '"scripst"'), "its recipe was edited"),
        (lambda place: edit(place, '"epoch": ', '"epoch": x'), "no model that product_length"),
    ]:
        place = tmp_path / "copy"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder, place)
        change(place)
        with pytest.raises(UserError, match=said):
            product_length.load(place)


def flip(path):
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)


def edit(place, old, new):
    """By a person who also makes the checksums fit."""
    path = place / "config.json"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    sums = [
        f"{hashlib.sha256((place / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("config.json", "model.safetensors")
    ]
    (place / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def test_what_is_there_is_not_replaced_and_half_is_never_left(everything, tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    (there / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="is there already; give another name"):
        exported(everything, there)
    assert [path.name for path in there.iterdir()] == ["mine.txt"]
    checkpoint = dict(read_finished(everything / "checkpoints" / "best.ckpt"))
    checkpoint["recipe"] = {**checkpoint["recipe"], "odd": np.zeros(2)}
    with pytest.raises(TypeError, match=r"recipe.odd: a ndarray cannot be exported"):
        write_exported(checkpoint, "", tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_checkpoint_without_its_run_has_a_card_without_metrics(everything, tmp_path, caplog):
    lone = tmp_path / "a" / "b" / "best.ckpt"
    lone.parent.mkdir(parents=True)
    shutil.copy(everything / "checkpoints" / "best.ckpt", lone)
    place = exported(lone, tmp_path / "model")
    assert "has no report, so the card has no metrics" in caplog.text
    assert "Metrics are not known" in (place / "README.md").read_text(encoding="utf-8")


def test_odd_values_come_back():
    value = {
        "ints": {1: 0.1 + 0.2, 2: math.inf, 3: -math.inf},
        "$tensor": "a text under a mark",
        "nested": [(1, True), (None, "ü"), {"$number": 3}],
        "tensors": [torch.arange(3, dtype=torch.int16), torch.zeros(0, 2), torch.tensor(1.5)],
        "view": torch.arange(12.0).reshape(3, 4).T,
    }
    tensors = {}
    plain = json.loads(json.dumps(to_plain(value, tensors, "state"), allow_nan=False))
    assert bits(from_plain(plain, tensors)) == bits(value)
    assert math.isnan(from_plain(to_plain(math.nan, {}, "x"), {}))
