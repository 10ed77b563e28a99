"""What must be known of a sweep before Hydra starts it: its folder, its study, its settings."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from product_length.artefacts import address
from product_length.comparison.recipe import FOLD
from product_length.composition import compose_firsts, parse
from product_length.errors import ConfigError
from product_length.experiment import AnyConfig, from_config
from product_length.secrets import shown

# Where a sweep runs and is followed, not what it finds out.
_NOT_THE_STUDY: Any = {
    "study": True,
    "cache_dir": True,
    "tracking": True,
    "trainer": {"progress": True},
    "embeddings": {"engine": True, "workers": True, "ray_address": True},
}
# What a sweep has one of.
_ONE_OF_A_SWEEP = ("study", "storage", "sweep")
_SEARCHED = ("params", "custom_search_space")
_FOLDS = "data.split.folds"


@dataclass(frozen=True)
class Sweep(Generic[AnyConfig]):
    """A sweep about to start.

    `config` is that of its first job. `overrides` are to be added to the command line: the folder
    and the study, if they were not given. `names`: of a sweep without a study, what each run has
    of its own, by its number.
    """

    folder: Path
    config: AnyConfig
    overrides: list[str]
    names: dict[int, str]


def prepare(
    config_name: str, schema: type[AnyConfig], overrides: Sequence[str]
) -> Sweep[AnyConfig]:
    """Name the folder of a sweep and, where `sweep=` asks for a study, the study.

    The study's name ends in a digest of all that the sweep holds fixed and of what it searches: the
    same command takes the same study up again, another one starts its own. Raises ConfigError.
    """
    parsed = parse(config_name, overrides)
    for each in parsed:
        if each.is_sweep_override() and each.key_or_group.split(".")[0] in _ONE_OF_A_SWEEP:
            raise ConfigError(f"{shown(str(each.input_line))}: one sweep has one; give one value")
    config = compose_firsts(config_name, parsed, return_hydra_config=True)
    typed = from_config(config, schema)
    added = []
    sweeper = config.hydra.sweeper
    if FOLD in (sweeper.get("params") or {}):
        _check_folds(config, parsed)
    if str(sweeper.get("_target_")).startswith("product_length."):
        from product_length.sweeping.sweeper import register  # not before: it imports Optuna

        swept = sorted(str(each.input_line) for each in parsed if each.is_sweep_override())
        searched: Any = OmegaConf.to_container(sweeper, resolve=True)
        made_from = address(
            {
                "recipe": typed.model_dump(mode="json", exclude=_NOT_THE_STUDY),
                "swept": swept,
                "searched": {key: searched[key] for key in _SEARCHED if key in searched},
                "sampler": sweeper.sampler.get("_target_"),
            }
        )
        register(made_from)
        if config.study is None:
            config.study = f"{config.sweep.name}-{made_from[:8]}"
            added.append(f"study={config.study}")
            typed = typed.model_copy(update={"study": config.study})
    try:
        folder = Path(str(config.hydra.sweep.dir))
    except Exception as error:  # whatever an interpolation may raise
        raise ConfigError(f"hydra.sweep.dir: {error}") from error
    if not any(text.startswith("hydra.sweep.dir=") for text in overrides):
        added.append(f"hydra.sweep.dir={folder}")  # it holds the time of the day
    is_plain = str(sweeper.get("_target_")).startswith("hydra.")
    return Sweep(folder, typed, added, _names(parsed) if is_plain else {})


def _names(parsed: Sequence[Override]) -> dict[int, str]:
    """What each run of Hydra's own sweep has of its own, in the order in which Hydra runs them."""
    swept = [each for each in parsed if each.is_sweep_override()]
    values = [list(map(str, each.sweep_string_iterator())) for each in swept]
    keys = [each.get_key_element() for each in swept]
    return {
        number: shown(" ".join(f"{key}={value}" for key, value in zip(keys, each, strict=True)))
        for number, each in enumerate(itertools.product(*values))
    }


def _check_folds(config: DictConfig, parsed: Sequence[Override]) -> None:
    """Raise ConfigError where a sweep over all folds is given one of them, or several numbers."""
    split = config.data.split
    given = [shown(str(each.input_line)) for each in parsed if each.key_or_group == FOLD]
    if given or split.fold:
        said = given[0] if given else f"{FOLD}={split.fold}"
        raise ConfigError(
            f"{said}: sweep=folds trains every fold; leave it out, and give the number of folds "
            "with data.split.folds=…"
        )
    number = next((each for each in parsed if each.key_or_group == _FOLDS), None)
    if number is not None and number.is_sweep_override():
        raise ConfigError(f"{shown(str(number.input_line))}: one sweep has one; give one value")
    if split.folds is None:
        raise ConfigError(f"{_FOLDS}=null: sweep=folds needs a number of folds, 2 or more")
