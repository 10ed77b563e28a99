"""What tuning sweeps draw is valid, conditional and never what was fixed."""

import optuna
import pytest
from hydra import compose, initialize_config_dir

from product_length.composition import CONF, group_options
from product_length.experiment import Experiment, from_config
from product_length.sweeping.search_space import LOSSES, losses_and_settings, settings

ONLY_FOR = {
    "loss.gamma": "focal_mape",
    "loss.delta": "huber",
    "loss.mix": "combined",
    "loss.scale": "weighted_mape",
    "loss.floor": "weighted_mape",
    "loss.bins": "histogram",
    "loss.smoothing": "histogram",
}


def config_of(*overrides):
    with initialize_config_dir(str(CONF)):
        return compose("train", overrides=list(overrides))


def draw(space, config, count, fixed=None):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(count):
        trial = study.ask()
        for name, value in (fixed or {}).items():
            trial.set_user_attr(name, value)
        space(config, trial)
        yield trial


def test_all_losses_are_searched():
    assert set(LOSSES) == set(group_options("loss"))


@pytest.mark.parametrize("model", ["mlp", "residual_mlp", "gated_fusion", "attention"])
def test_everything_drawn_is_a_valid_recipe(model):
    given = ["features=knn", f"model={model}"]
    for trial in draw(losses_and_settings, config_of(*given), 12):
        words = [f"{name}={value}" for name, value in trial.params.items()]
        typed = from_config(config_of(*given, *words), Experiment)
        assert typed.loss.name == trial.params["loss"]
        assert typed.trainer.learning_rate == trial.params["trainer.learning_rate"]
        assert typed.features.neighbours.k == trial.params["features.neighbours.k"]


def test_parameters_of_a_loss_are_drawn_with_that_loss_only():
    seen = set()
    for trial in draw(losses_and_settings, config_of(), 150):
        for name, loss in ONLY_FOR.items():
            assert (name in trial.params) == (trial.params["loss"] == loss)
            seen |= {name} & set(trial.params)
        assert ("features.use_log_target" in trial.params) != (trial.params["loss"] == "histogram")
    assert seen == set(ONLY_FOR)


def test_parameters_that_are_lengths_are_drawn_in_the_challenges_unit_only():
    table = ["data=file", "data.path=t.csv", "data.columns.title=t", "data.columns.length=width_cm"]
    drawn = draw(losses_and_settings, config_of(*table), 100)
    names = {name for trial in drawn for name in trial.params}
    assert set(ONLY_FOR) - names == {"loss.scale", "loss.delta"}


def test_what_is_fixed_is_not_searched():
    fixed = {"trainer.learning_rate": "1e-3", "loss": "huber", "model": "mlp"}
    for trial in draw(losses_and_settings, config_of(), 5, fixed):
        assert not set(fixed) & set(trial.params)
        assert "loss.delta" in trial.params


def test_parts_that_the_recipe_lacks_are_not_searched():
    (trial,) = draw(settings, config_of("features=text", "features.types=null"), 1)
    assert not [name for name in trial.params if name.startswith("features.")]
    assert not [name for name in trial.params if name.startswith("loss")]
