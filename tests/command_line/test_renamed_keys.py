"""A key by its old name is answered with the new one."""

import pytest

from product_length import composition
from product_length.command import run_command
from product_length.command_line.renamed_keys import RENAMED, renamed
from product_length.experiment import Experiment


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("features.knn", "features.neighbours"),
        ("features.knn.k", "features.neighbours.k"),
        ("features.knn.projection", "features.neighbours.width"),
        ("features.type.dropout", "features.types.dropout"),
        ("features.type.dimensions", "features.types.width"),
        ("features.dimensions.candidates", "features.measurements.max_measurements"),
        ("features.terms.least_rows", "features.terms.min_train_rows"),
        ("model.tilt", "features.types.tilt and features.terms.tilt"),
        ("model.tilt.rate", "features.types.tilt and features.terms.tilt"),
    ],
)
def test_the_new_key_is_named(old, new):
    assert renamed(old) == new


def test_one_switch_became_several():
    experts = "features.experts=true, or of each feature features.types.expert, "
    experts += "features.neighbours.expert, features.measurements.expert (and features=[…,terms])"
    assert renamed("model.priors") == experts


@pytest.mark.parametrize("key", ["features", "features.terms", "features.types", "knn", "model.t"])
def test_other_keys_keep_their_names(key):
    assert renamed(key) is None


def test_no_new_key_is_an_old_one():
    assert all(renamed(new) is None for new in RENAMED.values() if " " not in new)


def test_a_renamed_key_is_asked_for_before_any_hint(monkeypatch):
    monkeypatch.setitem(RENAMED, "trainer.epochs", "trainer.max_epochs")
    faults = composition._unknown_key("train", {"trainer": {"max_epochs": 3}}, "trainer.epochs")
    assert list(faults) == ["trainer.epochs: is now trainer.max_epochs"]


def test_a_key_that_is_there_is_no_fault():
    config = {"features": {"knn": {"k": 3}}}
    assert not list(composition._unknown_key("train", config, "features.knn.k"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("model.priors=[types]", "model.priors: is now features.experts=true, or of each feature "),
        ("model.tilt=false", "model.tilt: is now features.types.tilt and features.terms.tilt"),
        ("features.knn.k=5", "features.knn.k: is now features.neighbours.k"),
        ("features.type.dimensions=64", "features.type.dimensions: is now features.types.width"),
        ("features.terms.least_rows=0", "features.terms.least_rows: is now features.terms.min_tra"),
        (
            "features.dimensions.candidates=8",
            "features.dimensions.candidates: is now features.measurements.max_measurements",
        ),
    ],
)
@pytest.mark.parametrize("chosen", ["features=text", "features=[full,terms]"])
def test_a_command_line_of_old_words_ends_with_one_sentence(
    tmp_path, monkeypatch, capsys, given, said, chosen
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["train", chosen, given])
    with pytest.raises(SystemExit) as end:
        run_command("train", Experiment, lambda *_: None)
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {said}")
    assert list(tmp_path.iterdir()) == []
