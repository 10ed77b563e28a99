"""The groups of options under `conf/`, and what a command line may say of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, QuotedString, Sweep

from product_length.command_line.suggestions import close_names, did_you_mean, keys_of
from product_length.faults import shown

CONF = Path(__file__).resolve().parents[2] / "conf"
_MERGED = "embeddings"
"""The one group whose options add up in a list."""
_ALL_FEATURES = "full"
"""The option of `features=` that has all parts of the others."""


def group_options(group: str) -> list[str]:
    """The names that `group=` takes."""
    return sorted(p.stem for p in (CONF / group).glob("*.yaml") if not p.stem.startswith("_"))


def groups_of(config_name: str) -> list[str]:
    """The groups that a command has, in their order, those that are left out at first too."""
    defaults = yaml.safe_load((CONF / f"{config_name}.yaml").read_text("utf-8"))["defaults"]
    names = [next(iter(each)) for each in defaults if isinstance(each, dict)]
    return [name for name in names if not name.startswith("override ")]


def is_group(override: Override) -> bool:
    """Whether an override chooses options of a group; Hydra checks its own groups."""
    group = override.key_or_group
    of_hydra = group.split("/")[0] in ("", "hydra")
    return not (override.is_delete() or of_hydra) and (CONF / group).is_dir()


def group_faults(override: Override) -> Iterator[str]:
    """What is wrong with the choice of a group's options."""
    group, line = override.key_or_group, str(override.input_line)
    if override.package is not None or override.is_add() or override.is_force_add():
        yield f"{line}: write {group}={line.partition('=')[2]}; a group takes no + and no @"
        return
    known = group_options(group)
    choices = _choices(override)
    for option in (each for choice in choices for each in choice if each not in known):
        meant = did_you_mean(close_names(option, known))
        yield f"{group}={option}: no such option{meant}; choose {', '.join(known)}"
    for choice in choices:
        if set(choice) <= set(known):
            yield from _list_faults(group, choice)


def hydra_list_faults(override: Override) -> Iterator[str]:
    """A list for one of Hydra's own groups, of which the last would count."""
    group = override.key_or_group
    if group.startswith("hydra/") and not override.is_delete():
        for value in _values(override):
            if isinstance(value, list) and len(value) > 1:
                yield f"{group}={shown(value)}: only one option can count; give one"


def keys_elsewhere(groups: Sequence[str]) -> dict[str, list[str]]:
    """By key (dotted), the choices (`loss=huber`) that have it; experiments and sweeps apart."""
    found: dict[str, list[str]] = {}
    for group in groups:
        for option in group_options(group):
            text = (CONF / group / f"{option}.yaml").read_text("utf-8")
            if not text.startswith("# @package"):
                for key in keys_of(yaml.safe_load(text), f"{group}."):
                    found.setdefault(key, []).append(f"{group}={option}")
    return found


def _list_faults(group: str, options: Sequence[str]) -> Iterator[str]:
    given = f"{group}=[{','.join(options)}]"
    if len(set(options)) < len(options):
        yield f"{given}: an option is named twice; name it once"
    elif len(options) > 1 and group != _MERGED:
        said = f"{given}: only the last of these would count"
        each = f"-m {group}={','.join(options)}"
        if group == "features":
            yield f"{said}; features={_ALL_FEATURES} has them all, and {each} runs one by one"
        elif group == "sweep":
            yield f"{said}; run one sweep after the other"
        else:
            yield f"{said}; give one, or {each} to run each (a sweep)"


def _values(override: Override) -> list[Any]:
    value = override.value()
    if isinstance(value, Glob):
        return []
    if isinstance(value, Sweep) and not isinstance(value, ChoiceSweep):  # of numbers
        return [str(override.input_line).partition("=")[2]]
    return value.list if isinstance(value, ChoiceSweep) else [value]


def _choices(override: Override) -> list[list[str]]:
    """For each value of a sweep, or the one value, the names of the options; none for glob(…)."""
    return [
        [_name(each) for each in (value if isinstance(value, list) else [value])]
        for value in _values(override)
    ]


def _name(option: Any) -> str:
    return option.text if isinstance(option, QuotedString) else shown(option)
