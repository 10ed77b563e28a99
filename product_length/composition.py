"""From overrides to a configuration: composed by Hydra, checked for every fault before any work."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, QuotedString
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from product_length.errors import ConfigError, first_line
from product_length.experiment import AnyConfig, from_config, one_message

CONF = Path(__file__).resolve().parent.parent / "conf"


def check_overrides(config_name: str, schema: type[AnyConfig], overrides: Sequence[str]) -> None:
    """Find every fault of a command line before any work, without making a folder.

    The options of a sweep over a group are all checked; of other sweeps the first value is.
    Raises ConfigError with all faults in one message.
    """
    faults: list[str] = []
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except HydraException as error:
        raise ConfigError(first_line(error)) from error
    groups = [override for override in parsed if _is_group(override)]
    for override in groups:
        known = group_options(override.key_or_group)
        unknown = [option for option in _options(override) if option not in known]
        faults += [_unknown_option(override.key_or_group, option) for option in unknown]
    if not faults:
        base = compose_firsts(config_name, groups)
        for override in parsed:
            if not (override in groups or override.is_add() or override.is_force_add()):
                faults += _unknown_key(base, override.key_or_group)
    if faults:
        raise ConfigError(one_message(faults))
    from_config(compose_firsts(config_name, parsed), schema)


def group_options(group: str) -> list[str]:
    """The names that `group=` takes."""
    return sorted(p.stem for p in (CONF / group).glob("*.yaml") if not p.stem.startswith("_"))


def compose_firsts(
    config_name: str, overrides: Sequence[Override], *, return_hydra_config: bool = False
) -> DictConfig:
    """The configuration of a sweep's first job, or of a run. Raises ConfigError."""
    firsts = [first for override in overrides if (first := _first(override)) is not None]
    with initialize_config_dir(str(CONF)):
        try:
            composed: DictConfig = compose(
                config_name, overrides=firsts, return_hydra_config=return_hydra_config
            )
        except HydraException as error:
            raise ConfigError(first_line(error)) from error
    return composed


def _is_group(override: Override) -> bool:
    group = override.key_or_group
    of_hydra = group.split("/")[0] == "hydra"  # which checks its own groups
    return not (override.is_delete() or of_hydra) and (CONF / group).is_dir()


def _options(override: Override) -> list[str]:
    """The option names that an override of a group asks for; none for glob(…)."""
    value = override.value()
    if isinstance(value, Glob):
        return []
    values: list[Any] = value.list if isinstance(value, ChoiceSweep) else [value]
    flat = [item for value in values for item in (value if isinstance(value, list) else [value])]
    return [_text(option) for option in flat if option is not None]


def _first(override: Override) -> str | None:
    """The override with the first value of its sweep, if it is one; None for glob(…)."""
    value = override.value()
    if isinstance(value, Glob):
        return None
    if not override.is_sweep_override():
        return str(override.input_line)
    first = value.list[0] if isinstance(value, ChoiceSweep) else value.start
    return f"{override.get_key_element()}={_text(first)}"


def _text(value: Any) -> str:
    return value.with_quotes() if isinstance(value, QuotedString) else str(value)


def _unknown_option(group: str, option: str) -> str:
    names = group_options(group)
    return f"{group}={option}: no such option{_meant(option, names)}; choose {_list(names)}"


def _unknown_key(config: DictConfig, key: str) -> list[str]:
    """One fault if the key is not there, saying what is."""
    node: Any = config
    parts = key.split(".")
    if parts[0].split("/")[0] == "hydra":  # Hydra's own keys and groups, which it checks
        return []
    for depth, part in enumerate(parts):
        place = ".".join(parts[:depth])
        if not isinstance(node, DictConfig):
            return [f"{key}: no such key; {place} is a single value or left out (null)"]
        names = [str(name) for name in node if name != "hydra"]
        if not names:
            return [f"{key}: {place} is empty; to add a key write +{key}=…"]
        if part not in names:
            where = f"{place} has" if place else "there are"
            return [f"{key}: no such key{_meant(part, names)}; {where} {_list(names)}"]
        node = None if OmegaConf.is_missing(node, part) else node[part]
    return []


def _meant(word: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, names, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
