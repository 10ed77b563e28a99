"""What pydantic finds wrong with a configuration, as one plain sentence for each key."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from product_length.command_line.renamed_keys import renamed
from product_length.command_line.suggestions import close_keys, did_you_mean, keys_of

Fault = Mapping[Any, Any]

_INTEGER, _NUMBER, _LIST = "an integer", "a number", "a list, as in [a,b]"
_GROUP = "keys with values of their own, as in {name: value}"
MUST_BE: dict[str, Callable[[Mapping[Any, Any]], str]] = {
    "int_type": lambda _: _INTEGER,
    "int_parsing": lambda _: _INTEGER,
    "int_parsing_size": lambda _: "an integer of fewer digits",
    "int_from_float": lambda _: _INTEGER,
    "float_type": lambda _: _NUMBER,
    "float_parsing": lambda _: _NUMBER,
    "finite_number": lambda _: "a finite number",
    "bool_type": lambda _: "true or false",
    "bool_parsing": lambda _: "true or false",
    "string_type": lambda _: "a text",
    "string_too_short": lambda limits: f"a text of at least {limits['min_length']} character(s)",
    "string_too_long": lambda limits: f"a text of at most {limits['max_length']} characters",
    "string_pattern_mismatch": lambda limits: f"a text like the pattern {limits['pattern']}",
    "path_type": lambda _: "a path",
    "literal_error": lambda limits: str(limits["expected"]),
    "greater_than": lambda limits: f"greater than {limits['gt']}",
    "greater_than_equal": lambda limits: f"greater than or equal to {limits['ge']}",
    "less_than": lambda limits: f"less than {limits['lt']}",
    "less_than_equal": lambda limits: f"less than or equal to {limits['le']}",
    "list_type": lambda _: _LIST,
    "tuple_type": lambda _: _LIST,
    "too_short": lambda limits: f"a list of at least {limits['min_length']} value(s)",
    "too_long": lambda limits: f"a list of at most {limits['max_length']} values",
    "dict_type": lambda _: _GROUP,
    "model_type": lambda _: _GROUP,
    "model_attributes_type": lambda _: _GROUP,
}
"""By pydantic's type of error, what a value must be."""
_OF_ABSENT_KEYS = ("missing", "extra_forbidden")


def validation_faults(
    error: ValidationError, values: Mapping[Any, Any], missing: Sequence[str]
) -> Iterator[str]:
    """One sentence for each faulty key: what was given, and what is allowed.

    `values`: what was validated; `missing`: keys that are not to be named, with what they hold.
    """
    by_key: dict[str, list[Fault]] = {}
    for fault in error.errors(include_url=False):
        key = _key(fault["loc"], values, is_absent=fault["type"] in _OF_ABSENT_KEYS)
        if key not in missing:
            by_key.setdefault(key, []).append(fault)
    for key, of_key in by_key.items():
        yield _sentence(key, of_key, values)


def not_numbers(values: Any, typed: Any, key: str = "") -> Iterator[str]:
    """A sentence for each true or false that pydantic took for 1 or 0."""
    if isinstance(values, Mapping) and isinstance(typed, Mapping):
        for name in values.keys() & typed.keys():
            yield from not_numbers(values[name], typed[name], f"{key}.{name}" if key else name)
    elif isinstance(values, list | tuple) and isinstance(typed, list | tuple):
        for place, (value, made) in enumerate(zip(values, typed, strict=False)):
            yield from not_numbers(value, made, f"{key}.{place}")
    elif isinstance(values, bool) and isinstance(typed, int | float) and typed is not values:
        yield f"{key}={shown(values)}: must be {_NUMBER}"


def shown(value: Any) -> str:
    """A value as a command line has it."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{','.join(map(shown, value))}]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{name}:{shown(each)}" for name, each in value.items()) + "}"
    return str(value)


def _sentence(key: str, faults: Sequence[Fault], values: Mapping[Any, Any]) -> str:
    fault = faults[0]
    given, limits = fault["input"], fault.get("ctx", {})
    match fault["type"]:
        case "extra_forbidden" if now := renamed(key):
            return f"{key}: is now {now}"
        case "extra_forbidden":
            return f"{key}: no such key{did_you_mean(close_keys(key, _others(values, key)))}"
        case "missing" if isinstance(fault["loc"][-1], int):
            return f"{key}: must be a list of more values"
        case "missing":
            return f"{key} is required: give {key}=…"
        case "value_error":
            named = isinstance(given, str | int | float) and fault["loc"][-1] != "[key]"
            return f"{key}={given}: {limits['error']}" if named else f"{key}: {limits['error']}"
        case "union_tag_invalid":
            name = limits["discriminator"].strip("'")
            return f"{key}.{name}={limits['tag']}: must be one of {limits['expected_tags']}"
        case "union_tag_not_found":
            name = limits["discriminator"].strip("'")
            return f"{key}.{name} is required: give {key}.{name}=…"
    # Several faults of one value: it may be of several types, and is of none.
    allowed = dict.fromkeys(_must_be(each) for each in faults)
    return f"{key}={shown(given)}: must be {', or '.join(allowed)}"


def _must_be(fault: Fault) -> str:
    words = MUST_BE.get(fault["type"])
    return words(fault.get("ctx", {})) if words else f"otherwise ({fault['msg']})"


def _others(values: Mapping[Any, Any], key: str) -> list[str]:
    """The keys of a configuration, without an unknown one and what it holds."""
    return [each for each in keys_of(values) if each != key and not each.startswith(f"{key}.")]


def _key(location: Sequence[int | str], values: Any, *, is_absent: bool) -> str:
    """`loss.gamma` for a fault at ("loss", "focal_mape", "gamma"): the tag of a union is no key.

    `is_absent`: whether the last step is a key that is not in `values`, or should not be there.
    """
    parts: list[str] = []
    for step in location:
        if step == "[key]":  # the fault is in the key's name, which comes before
            break
        if isinstance(values, Mapping):
            if step in values:
                values = values[step]
            elif not is_absent or step != location[-1]:
                continue
        elif isinstance(values, list) and isinstance(step, int) and step < len(values):
            values = values[step]
        else:  # a type that a value may have, or a place that a list does not reach
            break
        parts.append(str(step))
    return ".".join(parts) or "the configuration"
