"""Two overrides of one command line of which only one can count."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from hydra.core.override_parser.types import Override

from product_length.command_line.groups import is_group

# Lightning adds these to the command line of the processes that it starts.
_FROM_LIGHTNING = {"hydra.run.dir", "hydra.job.name", "hydra.output_subdir"}
SECRET_KEYS = {"storage"}
"""Keys whose values may hold a password."""


def conflicts(overrides: Sequence[Override]) -> Iterator[str]:
    """A sentence for each pair of which one sets a key and the other what is below it."""
    for first, second in combinations(overrides, 2):
        outer, inner = sorted((first, second), key=lambda each: len(_path(each)))
        rest = _path(inner)[len(_path(outer)) :]
        if not rest or _path(inner) != [*_path(outer), *rest] or is_group(outer):
            continue  # keys of a group override those of its option
        held = _held(outer, rest)
        if _differ(held, None if inner.is_delete() else inner.value()):
            yield f"{shown_override(first)} and {shown_override(second)}: only one can count"


def replacements(overrides: Sequence[Override]) -> Iterator[str]:
    """A sentence for each override that a later one of the same key replaces."""
    for at, first in enumerate(overrides):
        later = [each for each in overrides[at + 1 :] if _path(each) == _path(first)]
        if not later or first.get_key_element().lstrip("+") in _FROM_LIGHTNING:
            continue
        last = later[-1]
        if last.is_delete() or first.is_delete() or _differ(first.value(), last.value()):
            yield f"{shown_override(first)}: replaced by {shown_override(last)}, which comes later"


def shown_override(override: Override) -> str:
    """The words of an override, but for what may be a secret."""
    key = override.get_key_element()
    return f"{key}=…" if key.lstrip("+") in SECRET_KEYS else str(override.input_line)


def _path(override: Override) -> list[str]:
    package = f"@{override.package}" if override.package else ""
    return f"{override.key_or_group}{package}".split(".")


def _held(outer: Override, rest: Sequence[str]) -> Any:
    """What an override says of a key below its own; `_NOTHING` if it leaves it open."""
    value = None if outer.is_delete() else outer.value()
    for name in rest:
        if not isinstance(value, Mapping):
            return value  # a value that has no such keys: one of both must give way
        if name not in value:
            return _NOTHING
        value = value[name]
    return value


def _differ(held: Any, given: Any) -> bool:
    """Whether two values of a key cannot both hold; mappings are merged."""
    if held is _NOTHING:
        return False
    if isinstance(held, Mapping) and isinstance(given, Mapping):
        return any(_differ(held[name], given[name]) for name in held.keys() & given.keys())
    return bool(held != given or isinstance(held, bool) is not isinstance(given, bool))


_NOTHING = object()
