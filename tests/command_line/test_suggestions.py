"""A key that does not exist is answered with the key that was meant, wherever that is."""

import pytest

from product_length.command_line.suggestions import SYNONYMS, close_keys
from product_length.composition import _all_keys as all_keys
from product_length.composition import check_overrides
from product_length.errors import ConfigError
from product_length.experiment import EmbeddingJob, Experiment
from product_length.prediction.config import PredictionJob


def test_every_synonym_is_of_a_key_that_there_is():
    keys = {key for command in ("train", "embed", "predict") for key in all_keys(command)}
    assert set(SYNONYMS.values()) <= keys
    assert not set(SYNONYMS) & {key for key in keys if "." not in key}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("lr=1", "lr: no such key (did you mean trainer.learning_rate?)"),
        ("trainer.lr=1", "did you mean trainer.learning_rate?"),
        ("features.lr=1", "did you mean trainer.learning_rate?"),
        ("epochs=3", "did you mean trainer.max_epochs?"),
        ("Epochs=3", "did you mean trainer.max_epochs?"),
        ("max_epoch=3", "did you mean trainer.max_epochs?"),
        ("trainer.max_epoch=3", "did you mean trainer.max_epochs?"),
        ("batch_size=8", "did you mean trainer.batch_size?"),
        ("batch-size=8", "did you mean trainer.batch_size?"),
        ("model.batch_size=8", "did you mean trainer.batch_size?"),
        ("train.batch_size=8", "did you mean trainer.batch_size?"),
        ("weight_decy=0", "did you mean trainer.weight_decay?"),
        ("rate=1", "did you mean trainer.learning_rate?"),
        ("dropout=0", "did you mean model.dropout or features.types.dropout?"),
        ("log_target=true", "did you mean features.use_log_target?"),
        ("experimnt=best", "did you mean experiment?"),
        ("gpus=2", "did you mean trainer.devices?"),
        ("k=5", "did you mean features.neighbours.k, with features=neighbours?"),
        ("loss.gamma=2", "no such key here, but with loss=focal_mape; loss has name"),
        ("+lr=1", "lr: no such key (did you mean trainer.learning_rate?)"),
        ("++trainer.lr=1", "did you mean trainer.learning_rate?"),
        ("~epochs", "did you mean trainer.max_epochs?"),
    ],
)
def test_the_key_that_was_meant_is_named_in_full(given, meant):
    with pytest.raises(ConfigError) as caught:
        check_overrides("train", Experiment, [given])
    assert meant in str(caught.value)


def test_nothing_is_suggested_for_what_is_like_nothing():
    with pytest.raises(ConfigError) as caught:
        check_overrides("train", Experiment, ["zzz=1"])
    assert "did you mean" not in str(caught.value)


def test_each_command_has_keys_of_its_own():
    needed = ["data.path=a", "checkpoint=b", "output=c"]
    with pytest.raises(ConfigError, match=r"ckpt: no such key \(did you mean checkpoint\?\)"):
        check_overrides("predict", PredictionJob, [*needed, "ckpt=x"])
    with pytest.raises(ConfigError) as caught:
        check_overrides("embed", EmbeddingJob, ["lr=1"])
    assert "learning_rate" not in str(caught.value)


def test_a_sibling_is_likelier_than_a_stranger():
    keys = ["a", "a.pace", "a.width", "b", "b.place"]
    assert close_keys("a.plac", keys) == ["a.pace"]
    assert close_keys("a.place", keys) == ["b.place"]
