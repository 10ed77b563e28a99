"""Every YAML of the package composes into a typed configuration, and names every key it has."""

import math
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra_plugins.hydra_optuna_sweeper._impl import (
    OptunaSweeperImpl,
    create_params_from_overrides,
)
from hydra_plugins.hydra_submitit_launcher.config import SlurmQueueConf
from omegaconf import OmegaConf
from pydantic import BaseModel

from product_length.comparison.published import published_figure
from product_length.composition import CONF, group_options
from product_length.decision.config import DECISIONS, Decision, DecisionOption
from product_length.errors import ConfigError
from product_length.evaluation.records import OWN_DECISIONS
from product_length.experiment import EmbeddingJob, Experiment, from_config
from product_length.prediction.config import PredictionJob
from product_length.profiling.config import ProfileJob
from product_length.sweeping.config import PrunerOptions

GROUPS = ["data", "embeddings", "features", "loss", "model", "trainer", "tracking", "experiment"]
OPTIONS = [(group, option) for group in GROUPS for option in group_options(group)]
# What an option cannot do without.
TABLE = ["data.path=a.csv", "data.columns.title=name", "data.columns.length=width_cm"]
NEEDED = {"amazon2023": ["data.path=train.csv"], "file": TABLE, "terms": ["loss=histogram"]}
# What each experiment promises by its name.
EXPERIMENTS = {
    "baseline": ("huber", False),
    "mape_direct": ("mape", False),
    "log_target": ("mape", True),
    "smape": ("smape", False),
    "rmsle": ("rmsle", True),
    "combined": ("combined", True),
    "log_mape": ("log_mape", True),
    "weighted_mape": ("weighted_mape", True),
    "focal_mape": ("focal_mape", True),
    "histogram": ("histogram", False),
    "best": ("histogram", False),
}
# What each sweep promises: its sampler, the recipe it is compared with, how much it varies.
SWEEPS = {
    "losses": ("GridSampler", True, 9 * 2 * 3),
    "reference": ("GridSampler", True, 9 * 3),
    "folds": ("GridSampler", False, 5),
    "tune": ("TPESampler", False, None),
    "tune_losses": ("TPESampler", True, None),
}


def composed(name, schema, *overrides):
    with initialize_config_dir(str(CONF)):
        return from_config(compose(name, overrides=list(overrides)), schema)


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_composes(group, option):
    composed("train", Experiment, f"{group}={option}", *NEEDED.get(option, []))


def test_every_file_is_an_option_or_a_command():
    files = {path.relative_to(CONF).as_posix() for path in CONF.rglob("*.yaml")}
    shared = {"data/_every_catalogue.yaml", "features/_none.yaml", "sweep/_study.yaml"}
    shared |= {f"sweep/{name}.yaml" for name in SWEEPS} | {"hydra/launcher/submitit_slurm.yaml"}
    commands = {"profile.yaml", "train.yaml", "embed.yaml", "predict.yaml", "serve.yaml"}
    commands |= {"audit.yaml", "export.yaml"}
    assert files == {f"{group}/{option}.yaml" for group, option in OPTIONS} | shared | commands
    assert len(OPTIONS) >= 30


@pytest.mark.parametrize(("name", "promise"), EXPERIMENTS.items())
def test_experiments_keep_their_promise(name, promise):
    experiment = composed("train", Experiment, f"experiment={name}")
    assert (experiment.loss.name, experiment.features.use_log_target) == promise
    assert experiment.features.neighbours is not None


def test_every_experiment_has_a_promise():
    assert set(group_options("experiment")) == set(EXPERIMENTS)


@pytest.mark.parametrize(
    ("group", "option"), [pair for pair in OPTIONS if pair[0] not in ("experiment", "embeddings")]
)
def test_every_key_of_an_option_is_in_its_yaml(group, option):
    """So that any of them can be overridden without a plus sign."""
    with initialize_config_dir(str(CONF)):
        config = compose("train", overrides=[f"{group}={option}", *NEEDED.get(option, [])])
    typed = getattr(from_config(config, Experiment), group)
    assert set(config[group]) == keys_of(typed)
    for name, feature in typed.chosen().items() if group == "features" else ():
        assert set(config.features[name]) == keys_of(feature)


def test_every_key_of_an_encoder_is_in_its_yaml():
    encoders = group_options("embeddings")
    assert len(encoders) == 8
    for name in set(encoders) - {"all_four"}:
        written = yaml.safe_load((CONF / "embeddings" / f"{name}.yaml").read_text())
        typed = composed("train", Experiment, f"embeddings={name}").embeddings
        assert set(written["encoders"][name]) == keys_of(typed.encoders[name])


def test_all_four_is_2048_wide_in_name_order():
    encoders = composed("train", Experiment, "embeddings=all_four").embeddings.encoders
    assert list(encoders) == ["minilm", "mpnet", "distiluse", "e5small"]


def test_a_distribution_takes_no_target_and_every_decision():
    with pytest.raises(ConfigError) as caught:
        composed("train", Experiment, "loss=histogram", "features.use_log_target=true")
    assert "bins of log length" in str(caught.value)
    for decision in get_args(DecisionOption):
        chosen = composed("train", Experiment, "loss=histogram", f"decision={decision}")
        assert chosen.decision == decision
    with pytest.raises(ConfigError, match="decision=huge: must be 'auto', 'mape', 'rmsle'"):
        composed("train", Experiment, "decision=huge")


def test_neighbours_need_an_encoder_with_vectors():
    """N-grams have none before training; reported before any work."""
    for features in ("knn", "full"):
        with pytest.raises(ConfigError, match=r"features.neighbours: .*embeddings=\[lsa,ngrams\]"):
            composed("train", Experiment, "embeddings=ngrams", f"features={features}")
    chosen = ["embeddings=[ngrams,lsa]", "features=knn"]
    assert composed("train", Experiment, *chosen).embeddings.with_vectors() == ["lsa"]
    with pytest.raises(
        ConfigError, match=r"neighbours.embedding=ngrams: .*neighbours.embedding=lsa"
    ):
        composed("train", Experiment, *chosen, "features.neighbours.embedding=ngrams")
    with pytest.raises(
        ConfigError, match=r"neighbours.embedding=ngrams: .*neighbours.embedding=lsa"
    ):
        composed("train", Experiment, *chosen, "features.neighbours.embedding=[lsa,ngrams]")
    with pytest.raises(ConfigError, match=r"neighbours.embedding=other: no such encoder"):
        composed("train", Experiment, *chosen, "features.neighbours.embedding=[lsa,other]")
    for names in ("[]", "[lsa,lsa]"):
        with pytest.raises(ConfigError, match=r"name one encoder at least, and each once"):
            composed("train", Experiment, *chosen, f"features.neighbours.embedding={names}")
    with pytest.raises(ConfigError, match=r"neighbours.embedding=other: no such encoder") as caught:
        composed("train", Experiment, *chosen, "features.neighbours.embedding=other")
    assert "n-grams" not in str(caught.value)
    alone = composed("train", Experiment, "embeddings=ngrams", "features=text")
    assert alone.embeddings.with_vectors() == []


def test_a_point_loss_takes_no_decision_even_its_own():
    with pytest.raises(ConfigError, match=r"loss=mape\s+emits one length, decided by training"):
        composed("train", Experiment, "loss=mape", "decision=mape")
    assert composed("train", Experiment, "loss=mape").decision == "auto"


def test_decisions_are_named_once():
    assert get_args(DecisionOption) == ("auto", *DECISIONS)
    assert get_args(Decision) == DECISIONS
    assert set(OWN_DECISIONS) <= set(DECISIONS)


def test_the_other_commands_compose():
    composed("embed", EmbeddingJob)
    assert composed("profile", ProfileJob).sample_rows == 200_000
    job = composed("predict", PredictionJob, "checkpoint=a", "data.path=b", "output=c")
    assert job.snap is False
    assert job.interval is None
    assert job.checkpoint == [Path("a")]
    several = ["checkpoint=[run-1/best.ckpt,b]", "interval=0.9", "data.path=b", "output=c"]
    job = composed("predict", PredictionJob, *several)
    assert job.checkpoint == [Path("run-1/best.ckpt"), Path("b")]
    assert job.interval == 0.9


@pytest.mark.parametrize("written", ["\\", '"\\\\"', "\\\\"])
def test_an_escape_is_given_to_training_and_prediction(written):
    escape = f"data.escape={written}"
    experiment = composed("train", Experiment, "data=amazon2023", "data.path=a.csv", escape)
    assert experiment.data.escape == "\\"
    job = composed("predict", PredictionJob, "checkpoint=a", "data.path=b", "output=c", escape)
    assert job.data.escape == "\\"


def keys_of(options: BaseModel) -> set[str]:
    return set(type(options).model_fields)


def sweep_config(*overrides):
    with initialize_config_dir(str(CONF)):
        return compose("train", overrides=list(overrides), return_hydra_config=True)


def test_every_sweep_has_a_promise():
    assert set(group_options("sweep")) == set(SWEEPS)


@pytest.mark.parametrize(("name", "promise"), SWEEPS.items())
def test_sweeps_keep_their_promise(name, promise):
    sampler, has_reference, size = promise
    config = sweep_config(f"sweep={name}", "study=mine")
    typed = from_config(config, Experiment)
    sweeper = config.hydra.sweeper
    assert typed.sweep.name == name
    assert bool(typed.sweep.reference) == has_reference
    assert typed.storage == "sqlite:///multirun/studies.db"
    assert "storage" not in typed.model_dump()
    assert sweeper._target_ == "product_length.sweeping.sweeper.StudySweeper"
    assert sweeper.sampler._target_.endswith(sampler)
    assert (sweeper.storage, sweeper.study_name) == (typed.storage, "mine")
    assert config.hydra.sweep.dir == "multirun/mine"
    if size is None:
        module, _, function = sweeper.custom_search_space.rpartition(".")
        assert callable(getattr(import_module(module), function))
        assert sweeper.n_trials >= 40
    else:
        space, fixed, _ = create_params_from_overrides(
            [f"{key}={value}" for key, value in sweeper.params.items()]
        )
        grid = map(OptunaSweeperImpl._to_grid_sampler_choices, space.values())
        assert math.prod(map(len, grid)) == size
        assert not fixed


def test_tuning_alone_stops_trials_early():
    typed = {name: from_config(sweep_config(f"sweep={name}"), Experiment) for name in SWEEPS}
    assert {name for name, each in typed.items() if each.sweep.pruner} == {"tune", "tune_losses"}
    assert typed["tune"].sweep.pruner == PrunerOptions()
    off = from_config(sweep_config("sweep=tune", "sweep.pruner=null"), Experiment)
    assert off.sweep.pruner is None


def test_the_loss_sweep_has_every_loss_and_the_reference_table_every_figure():
    space, _, _ = create_params_from_overrides(
        [f"loss={sweep_config('sweep=losses', 'study=x').hydra.sweeper.params.loss}"]
    )
    assert set(space["loss"].choices) == set(group_options("loss"))
    params = sweep_config("sweep=reference", "study=x").hydra.sweeper.params
    space, _, _ = create_params_from_overrides([f"experiment={params.experiment}"])
    figures = set()
    for name in space["experiment"].choices:
        config = composed("train", Experiment, f"experiment={name}").model_dump(mode="json")
        figures.add(published_figure(config))
    assert None not in figures
    assert len(space["experiment"].choices) == 9


def test_the_slurm_launcher_knows_every_key_it_is_given():
    launcher = sweep_config("sweep=losses", "study=x", "hydra/launcher=submitit_slurm").hydra
    assert launcher.launcher.array_parallelism == 16
    assert set(launcher.launcher) <= set(OmegaConf.structured(SlurmQueueConf))
