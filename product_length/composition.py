"""From overrides to a configuration: composed by Hydra, checked for every fault before any work."""

import shlex
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, Quote, QuotedString
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from product_length.command_line.conflicts import conflicts, replacements, shown_override
from product_length.command_line.flags import flag_faults
from product_length.command_line.groups import (
    CONF,
    group_faults,
    group_options,
    groups_of,
    hydra_list_faults,
    is_group,
    is_searchpath,
    keys_elsewhere,
    own_options,
)
from product_length.command_line.help import ChosenFile
from product_length.command_line.renamed_keys import renamed
from product_length.command_line.suggestions import close_keys, did_you_mean, keys_of, one_of
from product_length.command_line.text_values import TextValues
from product_length.errors import ConfigError, whole_text
from product_length.experiment import AnyConfig, from_config, one_message

Plain = Mapping[Any, Any]

_composing = threading.Lock()
"""Hydra keeps what it composes from in one place of the process."""

__all__ = [
    "CONF",
    "assignment",
    "check_flags",
    "check_overrides",
    "checked",
    "chosen_files",
    "compose_firsts",
    "group_options",
    "parse",
    "read_texts",
    "replaced",
]


def read_texts(
    schema: type[AnyConfig], overrides: Sequence[str], *, multirun: bool = False
) -> list[str]:
    """The overrides with paths and other texts quoted where Hydra would read something else.

    Raises ConfigError with all faults in one message.
    """
    texts = TextValues(schema, multirun=multirun)
    read, faults = [], []
    for override in overrides:
        try:
            read.append(texts.rewritten(override))
        except ConfigError as error:  # noqa: PERF203 -- all faults are said together
            faults.append(str(error))
    if faults:
        raise ConfigError(one_message(faults))
    return read


def check_flags(config_name: str, unknown: Sequence[tuple[str, str | None]]) -> None:
    """Refuse flags that are none. Raises ConfigError that says how each is written."""
    if unknown:
        raise ConfigError(one_message(list(flag_faults(unknown, _all_keys(config_name)))))


def check_overrides(
    config_name: str, schema: type[AnyConfig], overrides: Sequence[str], *, multirun: bool = True
) -> AnyConfig:
    """Find every fault of a command line before any work, without making a folder.

    The options of a sweep over a group are all checked; of other sweeps the first value is.
    Returns the configuration of the run, or of a sweep's first. Raises ConfigError with all faults
    in one message.
    """
    parsed = checked(config_name, overrides, multirun=multirun)
    return from_config(compose_firsts(config_name, parsed), schema)


def chosen_files(config_name: str, overrides: Sequence[Override]) -> list[ChosenFile]:
    """The files of options that a configuration is composed from, the basic ones first."""
    firsts = [first for override in overrides if (first := _first(override)) is not None]
    with initialize_config_dir(str(CONF)):
        loader = GlobalHydra.instance().config_loader()
        defaults = loader.compute_defaults_list(config_name, firsts, RunMode.RUN).defaults
    return [
        ChosenFile(each.config_path, each.package or "", each.parent == config_name)
        for each in defaults
        if each.config_path and "/" in each.config_path and not each.config_path.startswith("hydra")
    ]


def checked(config_name: str, overrides: Sequence[str], *, multirun: bool) -> list[Override]:
    """The overrides of a command line that has no fault. Raises ConfigError with all of them."""
    parsed = parse(config_name, overrides)
    commands_groups = groups_of(config_name)
    groups = [each for each in parsed if is_group(each) and each.key_or_group in commands_groups]
    faults = [
        fault
        for override in groups
        for fault in group_faults(override, own_options(parsed, override.key_or_group))
    ]
    faults += [fault for override in parsed for fault in hydra_list_faults(override)]
    faults += conflicts(parsed)
    if not multirun:
        faults += [_several(each) for each in parsed if each.is_sweep_override()]
    if not faults:
        plain = _plain(compose_firsts(config_name, [*filter(is_searchpath, parsed), *groups]))
        for override in parsed:
            if not (override in groups or override.is_add() or override.is_force_add()):
                faults += _key_faults(config_name, plain, override)
    if faults:
        raise ConfigError(one_message(faults))
    return parsed


def assignment(key: str, value: str | Sequence[str] | None) -> str:
    """The override that gives a key a text, a list of texts or null, whatever their characters."""
    if value is None:
        return f"{key}=null"
    if isinstance(value, str):
        return f"{key}={QuotedString(value, Quote.single).with_quotes()}"
    texts = (QuotedString(text, Quote.single).with_quotes() for text in value)
    return f"{key}=[{','.join(texts)}]"


def replaced(config_name: str, overrides: Sequence[str]) -> list[str]:
    """What to say of overrides that later ones of the same key replace. Raises ConfigError."""
    return list(replacements(parse(config_name, overrides)))


def compose_firsts(
    config_name: str, overrides: Sequence[Override], *, return_hydra_config: bool = False
) -> DictConfig:
    """The configuration of a sweep's first job, or of a run. Raises ConfigError."""
    firsts = [first for override in overrides if (first := _first(override)) is not None]
    with _composing, initialize_config_dir(str(CONF)):
        try:
            composed: DictConfig = compose(
                config_name, overrides=firsts, return_hydra_config=return_hydra_config
            )
        except Exception as error:  # whatever Hydra raises, it speaks of the command line
            raise ConfigError(whole_text(error)) from error
    return composed


def parse(config_name: str, overrides: Sequence[str]) -> list[Override]:
    """Overrides as Hydra reads them. Raises ConfigError with all faults in one message."""
    parser = OverridesParser.create()
    parsed, faults = [], []
    for at, text in enumerate(overrides):
        try:
            override = parser.parse_override(text)
            if not override.key_or_group:
                raise HydraException("there is no key before the =")
            parsed.append(override)
        except HydraException as error:  # noqa: PERF203 -- all faults are said together
            if "=" in text:
                faults.append(f"{text}: cannot be read ({whole_text(error)})")
            else:
                faults.append(
                    _without_value(config_name, text, overrides[:at], overrides[at + 1 :])
                )
    if faults:
        raise ConfigError(one_message(faults))
    return parsed


def _without_value(config_name: str, text: str, before: Sequence[str], after: Sequence[str]) -> str:
    """What to write for an argument that has no `=`."""
    said = f"{text}: options are written as key=value"
    keys = _all_keys(config_name)
    if before and "=" in before[-1] and text not in keys:
        quoted = shlex.quote(f"{before[-1]} {text}")
        return f"{said}; if it belongs to the value before it, quote both: {quoted}"
    if meant := [text] if text in keys else close_keys(text, keys):
        value = shlex.quote(after[0]) if after and "=" not in after[0] else "…"
        return f"{said}: {meant[0]}={value}"
    return said


def _several(override: Override) -> str:
    said = f"{shown_override(override)}: several values are a sweep of many runs; add -m"
    value = override.value()
    if is_group(override) or not (isinstance(value, ChoiceSweep) and value.simple_form):
        return said
    key, _, given = str(override.input_line).partition("=")
    return f"{said}; a list is written {key}=[{given}]"


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


def _key_faults(config_name: str, config: Plain, override: Override) -> Iterator[str]:
    """A key that is not there, or a value that would change nothing."""
    key = override.get_key_element().lstrip("~")
    yield from (found := list(_unknown_key(config_name, config, key)))
    if found or override.is_delete() or override.value() != {}:
        return
    there = [each for each in keys_of(config) if each.startswith(f"{key}.")]
    if there:
        yield f"{key}={{}}: changes nothing, since keys are added to those that are there"


def _unknown_key(config_name: str, config: Plain, key: str) -> Iterator[str]:
    """One fault if the key is not there, saying what is."""
    node: Any = config
    parts = key.split(".")
    if parts[0].split("/")[0] == "hydra":  # Hydra's own keys and groups, which it checks
        return
    for depth, part in enumerate(parts):
        if isinstance(node, Mapping) and part in node:
            node = node[part]
            continue
        # An old name that an option has still (another than the chosen one) is not renamed.
        if (now := renamed(key)) and key not in keys_elsewhere(groups_of(config_name)):
            yield f"{key}: is now {now}"
            return
        hint = _hint(config_name, config, key)
        yield f"{key}: no such key{hint}; {_what_is_there(node, '.'.join(parts[:depth]), key)}"
        return


def _what_is_there(node: Any, place: str, key: str) -> str:
    if not isinstance(node, Mapping):
        return f"{place} is a single value or left out (null)"
    if not node:
        return f"{place} is empty; to add a key write +{key}=…"
    return f"{f'{place} has' if place else 'there are'} {', '.join(map(str, node))}"


def _hint(config_name: str, config: Plain, key: str) -> str:
    """Which option has this key, or which key was meant."""
    groups = groups_of(config_name)
    elsewhere = keys_elsewhere(groups)
    if choices := elsewhere.get(key):
        return f" here, but with {one_of(choices)}"
    here = [*keys_of(config), *groups]
    home = key[: key.rfind(".") + 1]
    left_out: list[str] = []  # of a feature that is null only its option knows the keys
    if not any(each.startswith(home) for each in here):
        left_out = [each for each in elsewhere if each.startswith(home)]
    close = close_keys(key, left_out) or close_keys(key, here) or close_keys(key, elsewhere)
    return did_you_mean(
        [each if each in here else f"{each}, with {elsewhere[each][0]}" for each in close]
    )


def _all_keys(config_name: str) -> list[str]:
    """Every key and group of a command, those of options that are not chosen last."""
    groups = groups_of(config_name)
    here = keys_of(_plain(compose_firsts(config_name, [])))
    return [*here, *groups, *keys_elsewhere(groups)]


def _plain(config: DictConfig) -> Plain:
    """A configuration with its interpolations as they are written."""
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    return plain
