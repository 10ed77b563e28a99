"""Every YAML under conf/ composes into a typed configuration, and names every key it has."""

import pytest
import yaml
from hydra import compose, initialize_config_dir
from pydantic import BaseModel

from product_length.command import CONF, group_options
from product_length.experiment import EmbeddingJob, Experiment, from_config
from product_length.prediction.config import PredictionJob

GROUPS = ["data", "embeddings", "features", "loss", "model", "trainer", "tracking", "experiment"]
OPTIONS = [(group, option) for group in GROUPS for option in group_options(group)]
# What each experiment promises by its name.
EXPERIMENTS = {
    "baseline": ("huber", False),
    "mape_direct": ("mape", False),
    "log_target": ("mape", True),
    "smape": ("smape", False),
    "rmsle": ("rmsle", True),
    "best": ("mape", True),
}


def composed(name, schema, *overrides):
    with initialize_config_dir(str(CONF)):
        return from_config(compose(name, overrides=list(overrides)), schema)


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_composes(group, option):
    extra = ["data.path=train.csv"] if option == "amazon2023" else []
    composed("train", Experiment, f"{group}={option}", *extra)


def test_every_file_is_an_option_or_a_command():
    files = {path.relative_to(CONF).as_posix() for path in CONF.rglob("*.yaml")}
    shared = {"data/_track_text_split.yaml"}
    commands = {"train.yaml", "embed.yaml", "predict.yaml"}
    assert files == {f"{group}/{option}.yaml" for group, option in OPTIONS} | shared | commands
    assert len(OPTIONS) >= 30


@pytest.mark.parametrize(("name", "promise"), EXPERIMENTS.items())
def test_experiments_keep_their_promise(name, promise):
    experiment = composed("train", Experiment, f"experiment={name}")
    assert (experiment.loss.name, experiment.features.use_log_target) == promise
    assert experiment.features.knn is not None


def test_every_experiment_has_a_promise():
    assert set(group_options("experiment")) == set(EXPERIMENTS)


@pytest.mark.parametrize(
    ("group", "option"), [pair for pair in OPTIONS if pair[0] not in ("experiment", "embeddings")]
)
def test_every_key_of_an_option_is_in_its_yaml(group, option):
    """So that any of them can be overridden without a plus sign."""
    extra = ["data.path=train.csv"] if option == "amazon2023" else []
    with initialize_config_dir(str(CONF)):
        config = compose("train", overrides=[f"{group}={option}", *extra])
    assert set(config[group]) == keys_of(getattr(from_config(config, Experiment), group))


def test_every_key_of_an_encoder_is_in_its_yaml():
    encoders = group_options("embeddings")
    assert len(encoders) == 6
    for name in set(encoders) - {"all_four"}:
        written = yaml.safe_load((CONF / "embeddings" / f"{name}.yaml").read_text())
        typed = composed("train", Experiment, f"embeddings={name}").embeddings
        assert set(written["encoders"][name]) == keys_of(typed.encoders[name])


def test_all_four_is_2048_wide_in_name_order():
    encoders = composed("train", Experiment, "embeddings=all_four").embeddings.encoders
    assert list(encoders) == ["minilm", "mpnet", "distiluse", "e5small"]


def test_the_other_commands_compose():
    composed("embed", EmbeddingJob)
    job = composed("predict", PredictionJob, "checkpoint=a", "data.path=b", "output=c")
    assert job.snap is False


def keys_of(options: BaseModel) -> set[str]:
    return set(type(options).model_fields)
