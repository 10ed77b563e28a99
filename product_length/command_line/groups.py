"""The groups of options under `product_length/conf/`, and what a command line may say of them."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, QuotedString, Sweep

from product_length.command_line.suggestions import close_names, did_you_mean, keys_of
from product_length.faults import shown

CONF = Path(__file__).resolve().parents[1] / "conf"
_MERGED = ("embeddings", "features")
"""Groups whose options add up in a list."""


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


def is_searchpath(override: Override) -> bool:
    """Whether an override names folders of options of one's own."""
    return bool(override.key_or_group == "hydra.searchpath")


def own_options(overrides: Sequence[Override], group: str) -> list[str]:
    """The names that `group=` takes from the folders of `hydra.searchpath=[file://FOLDER]`."""
    values = [override.value() for override in overrides if is_searchpath(override)]
    places = [str(each) for value in values if isinstance(value, list) for each in value]
    folders = [Path(place.removeprefix("file://"), group) for place in places]
    return sorted(path.stem for folder in folders for path in folder.glob("*.yaml"))


def group_faults(override: Override, own: Sequence[str] = ()) -> Iterator[str]:
    """What is wrong with the choice of a group's options; `own`: options in other folders."""
    group, line = override.key_or_group, str(override.input_line)
    if override.package is not None or override.is_add() or override.is_force_add():
        yield f"{line}: write {group}={line.partition('=')[2]}; a group takes no + and no @"
        return
    known = [*group_options(group), *own]
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
        files = {option: [option, *_parts(group, option)] for option in group_options(group)}
        for option in sorted(files, key=lambda each: len(files[each])):  # the plainest first
            for key in dict.fromkeys(
                key for each in files[option] for key in _keys_in(group, each)
            ):
                found.setdefault(key, []).append(f"{group}={option}")
    return found


def _keys_in(group: str, option: str) -> list[str]:
    """The keys that the file of an option has itself, dotted; none of an experiment."""
    text = (CONF / group / f"{option}.yaml").read_text("utf-8")
    keys = [] if text.startswith("# @package") else keys_of(yaml.safe_load(text), f"{group}.")
    return [key for key in keys if key != f"{group}.defaults"]


def _list_faults(group: str, options: Sequence[str]) -> Iterator[str]:
    given = f"{group}=[{','.join(options)}]"
    if len(set(options)) < len(options):
        yield f"{given}: an option is named twice; name it once"
    elif len(options) > 1 and group not in _MERGED:
        said = f"{given}: only the last of these would count"
        each = f"-m {group}={','.join(options)}"
        if group == "sweep":
            yield f"{said}; run one sweep after the other"
        else:
            yield f"{said}; give one, or {each} to run each (a sweep)"
    else:
        yield from (f"{given}: {said}" for said in _in_two(group, options))


def _in_two(group: str, options: Sequence[str]) -> Iterator[str]:
    """Which two options of a list have the same options in them: the later one's keys would win."""
    for first, second in combinations(options, 2):
        parts = {option: _parts(group, option) for option in (first, second)}
        if second in parts[first]:
            yield f"{first} has {second} already; name it once"
        elif first in parts[second]:
            yield f"{second} has {first} already; name it once"
        elif both := [each for each in parts[first] if each in parts[second]]:
            yield f"{first} and {second} both have {' and '.join(both)}; name each once"


def _parts(group: str, option: str) -> list[str]:
    """The files of the same group that an option, such as features=full, is made of."""
    path = CONF / group / f"{option}.yaml"
    if not path.exists():  # it is in a folder of one's own
        return []
    made_of = yaml.safe_load(path.read_text("utf-8")).get("defaults", [])
    return [each for each in made_of if isinstance(each, str) and each != "_self_"]


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
