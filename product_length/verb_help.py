"""`product-length VERB --help [overrides]`: what a verb takes, and what it has as it is called."""

from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from product_length.command_line.conflicts import SECRET_KEYS
from product_length.command_line.help import help_text
from product_length.composition import checked, chosen_files, compose_firsts
from product_length.experiment import AnyConfig


def help_of(config_name: str, schema: type[AnyConfig], overrides: Sequence[str]) -> str:
    """What `--help` says where these overrides are given. Raises ConfigError for their faults."""
    parsed = checked(config_name, overrides, multirun=True)
    config = compose_firsts(config_name, parsed, return_hydra_config=True)
    files = chosen_files(config_name, parsed)
    of_hydra: Any = OmegaConf.to_container(config.hydra, resolve=False)
    return help_text(config_name, schema, visible_values(config), of_hydra, files)


def visible_values(config: DictConfig) -> Mapping[str, Any]:
    """The configuration without Hydra's part, and without what may be a password."""
    shown = {str(key): each for key, each in config.items_ex(resolve=False) if key != "hydra"}
    secret = dict.fromkeys(SECRET_KEYS & shown.keys())
    visible = OmegaConf.create(shown | secret)
    try:
        values: Any = OmegaConf.to_container(visible, resolve=True)
    except OmegaConfBaseException:  # what it refers to is not given yet
        values = OmegaConf.to_container(visible, resolve=False)
    assert isinstance(values, dict)
    return values
