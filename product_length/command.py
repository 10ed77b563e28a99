"""How a command line becomes a typed configuration and a run; the only place that knows Hydra."""

import difflib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, QuotedString
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from product_length.errors import ConfigError, UserError
from product_length.experiment import AnyConfig, from_config, one_message

CONF = Path(__file__).resolve().parent.parent / "conf"

_FLAGS_WITH_VALUE = {"--package", "-p", "--config-name", "-cn", "--config-path", "-cp"}
_FLAGS_WITH_VALUE |= {"--config-dir", "-cd", "--experimental-rerun", "--info", "-i"}


def run_command(
    config_name: str,
    schema: type[AnyConfig],
    task: Callable[[AnyConfig, Path, list[str]], float | None],
) -> None:
    """Compose `conf/<config_name>.yaml` with the command line, check it, and run `task`.

    `task` gets the typed configuration, the run's folder and the overrides. A person's mistake
    ends the process with one message and exit code 1 or 2 before a folder is made.
    """
    arguments = sys.argv[1:]
    overrides = _overrides(arguments)
    plain = not any(argument.startswith("-") for argument in arguments)
    sweeping = any(argument in ("-m", "--multirun") for argument in arguments)
    if plain or sweeping:  # with another flag (--help, --cfg …) Hydra answers, not the task
        try:
            check_overrides(config_name, schema, overrides)
        except UserError as error:
            _exit(error)

    started = False

    def main(config: DictConfig) -> float | None:
        nonlocal started
        started = True
        run = HydraConfig.get()
        try:
            typed = from_config(config, schema)
            return task(typed, Path(run.runtime.output_dir), list(run.overrides.task))
        except UserError as error:
            if run.mode is RunMode.MULTIRUN:
                raise
            _exit(error)
        except KeyboardInterrupt:
            sys.stderr.write(f"interrupted; what was finished is in {run.runtime.output_dir}\n")
            sys.exit(130)

    # Without this Hydra prints faults itself, with a part of their traceback.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    try:
        hydra.main(config_path=str(CONF), config_name=config_name)(main)()
    except UserError as error:  # from a job of a sweep
        _exit(error)
    except HydraException as error:
        _exit(ConfigError(_first_line(error)))
    except OSError as error:
        if started:
            raise
        reason = f"{error.filename}: cannot be written ({error.strerror or error})"
        _exit(UserError(f"{reason}; choose another folder with hydra.run.dir=…"))


def check_overrides(config_name: str, schema: type[AnyConfig], overrides: Sequence[str]) -> None:
    """Find every fault of a command line before any work, without making a folder.

    The options of a sweep over a group are all checked; of other sweeps the first value is.
    Raises ConfigError with all faults in one message.
    """
    faults: list[str] = []
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except HydraException as error:
        raise ConfigError(_first_line(error)) from error
    groups = [override for override in parsed if _is_group(override)]
    for override in groups:
        known = group_options(override.key_or_group)
        unknown = [option for option in _options(override) if option not in known]
        faults += [_unknown_option(override.key_or_group, option) for option in unknown]
    if not faults:
        base = _compose(config_name, groups)
        for override in parsed:
            if not (override in groups or override.is_add() or override.is_force_add()):
                faults += _unknown_key(base, override.key_or_group)
    if faults:
        raise ConfigError(one_message(faults))
    from_config(_compose(config_name, parsed), schema)


def group_options(group: str) -> list[str]:
    """The names that `group=` takes."""
    return sorted(p.stem for p in (CONF / group).glob("*.yaml") if not p.stem.startswith("_"))


def _overrides(arguments: Sequence[str]) -> list[str]:
    values = {at + 1 for at, argument in enumerate(arguments) if argument in _FLAGS_WITH_VALUE}
    return [a for at, a in enumerate(arguments) if not a.startswith("-") and at not in values]


def _compose(config_name: str, overrides: Sequence[Override]) -> DictConfig:
    firsts = [first for override in overrides if (first := _first(override)) is not None]
    with initialize_config_dir(str(CONF)):
        try:
            composed: DictConfig = compose(config_name, overrides=firsts)
        except HydraException as error:
            raise ConfigError(_first_line(error)) from error
    return composed


def _is_group(override: Override) -> bool:
    return not override.is_delete() and (CONF / override.key_or_group).is_dir()


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


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _exit(error: UserError) -> NoReturn:
    sys.stderr.write(f"error: {error}\n")
    sys.exit(error.exit_code)
