"""Of what a command line says nothing is silently dropped."""

import pytest

from product_length.command_line.groups import group_options, groups_of
from product_length.composition import check_overrides, replaced
from product_length.errors import ConfigError
from product_length.experiment import Experiment


def fault(*overrides, multirun=True):
    with pytest.raises(ConfigError) as caught:
        check_overrides("train", Experiment, overrides, multirun=multirun)
    return str(caught.value)


@pytest.mark.parametrize(
    "group",
    [group for group in groups_of("train") if group not in ("embeddings", "features", "sweep")],
)
def test_a_list_for_a_group_of_one_option_is_refused(group):
    first, second = group_options(group)[:2]
    said = fault(f"{group}=[{first},{second}]")
    assert said.startswith(f"{group}=[{first},{second}]: only the last of these would count")
    assert f"-m {group}={first},{second}" in said


def test_lists_that_are_refused_elsewhere():
    assert "one sweep after the other" in fault("sweep=[losses,tune]")
    assert "only one option can count" in fault("hydra/launcher=[basic,joblib]")
    assert "named twice" in fault("embeddings=[lsa,lsa]")
    assert "no such option" in fault("embeddings=[[lsa,words]]")


@pytest.mark.parametrize(
    "overrides",
    [
        ["features=knn", "features.neighbours=null", "features.neighbours.k=5"],
        ["features=knn", "~features.neighbours", "features.neighbours.k=5"],
        ["features=knn", "features.neighbours.k=5", "features.neighbours={k: 6}"],
    ],
)
def test_a_key_and_another_value_below_it_are_refused(overrides):
    said = fault(*overrides)
    assert said.endswith(f"{overrides[-2]} and {overrides[-1]}: only one can count")


@pytest.mark.parametrize(
    "overrides",
    [
        ["seed=1", "seed=2"],
        ["loss=mape", "loss=rmsle"],
        ["embeddings=lsa", "embeddings=[lsa,words]"],
        ["++seed=1", "seed=2"],
        ["trainer.progress=1", "trainer.progress=true"],
        ["hydra/launcher=joblib", "hydra/launcher=basic"],
        ["hydra.sweep.dir=a", "hydra.sweep.dir=b"],
    ],
)
def test_the_last_value_of_a_key_counts_and_that_is_said(overrides):
    first, last = overrides
    assert replaced("train", overrides) == [f"{first}: replaced by {last}, which comes later"]


def test_hydra_takes_the_last_value_too():
    config = check_overrides("train", Experiment, ["seed=1", "loss=mape", "seed=2", "loss=rmsle"])
    assert (config.seed, config.loss.name) == (2, "rmsle")


@pytest.mark.parametrize(
    "overrides",
    [
        ["seed=1", "seed=1"],
        ["loss=focal_mape", "loss.gamma=2"],
        ["loss.gamma=2", "loss=focal_mape"],
        ["trainer.max_epochs=3", "trainer=cpu"],
        ["features=knn", "features.neighbours={k: 5}", "features.neighbours.recall=0.9"],
        ["experiment=rmsle", "loss=mape"],
        ["embeddings=[lsa,words]", "features=[knn]"],
        ["hydra.run.dir=a", 'hydra.run.dir="b"'],  # which Lightning adds
        ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
    ],
)
def test_what_says_one_thing_passes(overrides):
    check_overrides("train", Experiment, overrides)
    assert replaced("train", overrides) == []


def test_a_password_is_not_repeated():
    given = ["storage=postgresql://u:PW@h/a", "storage=postgresql://u:PW@h/b"]
    assert replaced("train", given) == ["storage=…: replaced by storage=…, which comes later"]


@pytest.mark.parametrize("given", ["+loss=huber", "++loss=huber", "loss@x=huber", "+loss@x=huber"])
def test_a_group_is_chosen_by_its_name_alone(given):
    assert "write loss=huber;" in fault(given)


def test_an_empty_mapping_changes_nothing():
    assert "embeddings.encoders={}: changes nothing" in fault("embeddings.encoders={}")


def test_several_values_without_multirun():
    assert "add -m" in fault("loss=mape,rmsle", multirun=False)
    assert "model.hidden=[5,6]" in fault("model.hidden=5,6", multirun=False)
    assert "add -m" in fault("seed=range(1,3)", multirun=False)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["seed"], "seed: options are written as key=value: seed=…"),
        (["loss", "huber"], "loss=huber"),
        (["data=demo", "file.csv"], "quote both: 'data=demo file.csv'"),
        (["=3"], "no key before the ="),
        (["model.hidden=[3"], "model.hidden=[3: cannot be read"),
        (["loss=null"], "loss=null: no such option"),
        (["loss="], "loss=: no such option"),
        (["cache_dir=${nowhere}"], "cache_dir: Interpolation key 'nowhere' not found"),
        (["hydra.foo=1"], "To append to your config use +hydra.foo=1"),
        (["+seed=3"], "Either remove + prefix: 'seed=3'"),
    ],
)
def test_what_hydra_says_is_passed_on_whole_or_replaced(given, said):
    assert said in fault(*given)
