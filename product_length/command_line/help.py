"""`--help` of a verb: its groups, and its keys with their values and what they are."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from product_length.command_line.allowed import Allowed
from product_length.command_line.explanations import explanations, heading, is_global
from product_length.command_line.groups import CONF, group_options, groups_of
from product_length.faults import shown
from product_length.secrets import shown as without_secrets
from product_length.verbs import VERBS

WIDTH = 100
_KEY_WIDTH = 42
_NO_BREAK = "\N{NO-BREAK SPACE}"
_FLAGS_OF_SWEEPS = {
    "-m, --multirun": "one run for each of several values (seed=1,2,3), or a sweep; compared at "
    "the end",
}
_FLAGS_OF_GROUPS = {
    "--config-dir FOLDER": "YAML files of your own, in folders named like the groups",
}
_FLAGS = {
    "--cfg job": "print the configuration, and do nothing",
    "--version": "print the version",
    "--shell-completion": "make the TAB key complete groups and keys: docs/install.md",
}
_LAUNCHER = (
    "where the runs of -m run: basic, one after the other; joblib, a process for each core; "
    "submitit_slurm, a cluster"
)


@dataclass(frozen=True)
class ChosenFile:
    """A file of options that a configuration is composed from.

    `name`: `group/option`. `package`: the key (dotted) that its keys are under. `by_verb`: whether
    the verb or the command line names it, and no other file.
    """

    name: str
    package: str
    by_verb: bool

    @property
    def group(self) -> str:
        """The group of the option."""
        return self.name.rpartition("/")[0]

    @property
    def option(self) -> str:
        """The option's own name."""
        return self.name.rpartition("/")[2]

    @property
    def path(self) -> Path:
        """The file, which there may not be where options are one's own."""
        return CONF / f"{self.name}.yaml"


def explained(verb: str, files: Sequence[ChosenFile]) -> dict[str, str]:
    """What each key (dotted) of a configuration is, where a comment says it."""
    found = explanations(CONF / f"{verb}.yaml")
    for file in files:
        if not file.path.exists() or file.group == "experiment":
            continue
        prefix = "" if is_global(file.path) else f"{file.package}."
        for key, said in explanations(file.path).items():
            found.setdefault(f"{prefix}{key}", said)
    return found


def help_text(
    verb: str,
    schema: type[BaseModel],
    config: Mapping[str, Any],
    of_hydra: Mapping[str, Any],
    files: Sequence[ChosenFile],
) -> str:
    """All of `--help`, for a configuration and the files that it is composed from.

    `of_hydra`: Hydra's own part of it, as it stands before interpolation.
    """
    said = explained(verb, files)
    lines = [*_wrapped(f"product-length {verb}: {VERBS[verb]}"), ""]
    groups = groups_of(verb)
    words = "[group=option …] [key=value …]" if groups else "[key=value …]"
    lines += [f"usage: product-length {verb} {words}", ""]
    if groups:
        lines += ["Groups: group=option, here what is chosen now", ""]
        lines += [*_groups(groups, files), ""]
        example = f"product-length {verb} --help {groups[-1]}={group_options(groups[-1])[0]}"
        lines += _wrapped(f"The keys of another option are shown by adding it: {example}")
        lines += [""]
    lines += ["Keys: key=value, here the values that they have now", ""]
    allowed = Allowed(schema)
    for group, keys in _sections(groups, config):
        chosen = [file for file in files if file.group == group and file.by_verb]
        lines += _section(group, keys, chosen, said, allowed, config)
    lines += _hydra(said, of_hydra, can_sweep="sweep" in groups)
    lines += ["Flags", ""]
    flags = (_FLAGS_OF_SWEEPS if "sweep" in groups else {}) | (_FLAGS_OF_GROUPS if groups else {})
    for flag, what in (flags | _FLAGS).items():
        lines += _entry(flag, what, 24)
    return "\n".join(lines) + "\n"


def leaves(config: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each key (dotted) that holds a value, not keys of its own, with the value."""
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _groups(groups: Sequence[str], files: Sequence[ChosenFile]) -> Iterator[str]:
    for group in groups:
        options = group_options(group)
        chosen = [f.option for f in files if f.group == group and f.by_verb]
        chosen = [each for each in chosen if not each.startswith("_")]
        now = f"[{','.join(chosen)}]" if len(chosen) > 1 else (chosen or ["null"])[0]
        others = ", ".join(each for each in options if each not in chosen)
        yield from _entry(f"{group}={now}", f"or {others}" if others else "", 24)


def _sections(
    groups: Sequence[str], config: Mapping[str, Any]
) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """The keys by group; first, as a group without a name, those of the verb itself."""
    own = {name: each for name, each in config.items() if name not in groups}
    yield "", list(leaves(own))
    for group in groups:
        options = config.get(group)
        yield group, list(leaves(options, f"{group}.")) if isinstance(options, Mapping) else []


def _section(
    group: str,
    keys: Sequence[tuple[str, Any]],
    chosen: Sequence[ChosenFile],
    said: Mapping[str, str],
    allowed: Allowed,
    config: Mapping[str, Any],
) -> Iterator[str]:
    for file in chosen:
        if file.path.exists() and not file.option.startswith("_"):
            yield from _wrapped(f"{group}={file.option}: {heading(file.path)}")
    entries = []
    for key, value in keys:
        takes = allowed.words(key, config)
        if takes is None:
            continue
        of_key = said.get(key, "")
        in_words = "" if _says(of_key, takes) else f"[{takes}]".replace(" ", _NO_BREAK)
        entries.append((f"{key}={_value(value)}", f"{of_key} {in_words}".strip()))
    width = min(max((len(each) for each, _ in entries), default=0), _KEY_WIDTH)
    for entry, what in entries:
        yield from _entry(entry, what, width)
    if entries or chosen:
        yield ""


def _says(explanation: str, takes: str) -> bool:
    """Whether an explanation names all that a key takes."""
    words = explanation.replace(",", " ").replace(":", " ").replace(";", " ").split()
    return all(each in words for each in takes.replace(",", " ").replace(" or ", " ").split())


def _value(value: Any) -> str:
    return "…" if value == "???" else without_secrets(shown(value))


def _hydra(
    said: Mapping[str, str], of_hydra: Mapping[str, Any], *, can_sweep: bool
) -> Iterator[str]:
    values = dict(leaves(of_hydra, "hydra."))
    found = {key: what for key, what in said.items() if key in values}
    if not found:
        return
    yield "Of Hydra, which runs the verb"
    yield ""
    if can_sweep:
        yield from _entry("hydra/launcher=basic", _LAUNCHER, _KEY_WIDTH)
    for key, what in found.items():
        yield from _entry(f"{key}={shown(values[key])}", what, _KEY_WIDTH)
    yield ""


def _entry(left: str, right: str, width: int) -> Iterator[str]:
    """One line of two columns, or more where the columns are too narrow."""
    margin = " " * (width + 4)
    lines = textwrap.wrap(
        right, WIDTH - len(margin), break_long_words=False, break_on_hyphens=False
    )
    first = lines.pop(0) if len(left) <= width and lines else ""
    for line in [f"  {left:<{width}}  {first}".rstrip(), *(f"{margin}{line}" for line in lines)]:
        yield line.replace(_NO_BREAK, " ")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
