"""A checkpoint's nested state as JSON and named tensors, and back, to the last bit."""

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

_TENSOR, _NUMBER, _PAIRS, _TUPLE = "$tensor", "$number", "$pairs", "$tuple"
_MARKS = frozenset({_TENSOR, _NUMBER, _PAIRS, _TUPLE})


def to_plain(value: Any, tensors: dict[str, Tensor], name: str) -> Any:
    """What JSON can hold of `value`; its tensors go into `tensors`, their names begin with `name`.

    Raises TypeError for what is no tensor, number, text, list, tuple or dict.
    """
    if isinstance(value, Tensor):
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {_TENSOR: name}
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and key not in _MARKS for key in value):
            return {key: to_plain(each, tensors, f"{name}.{key}") for key, each in value.items()}
        pairs = enumerate(value.items())
        return {
            _PAIRS: [[key, to_plain(each, tensors, f"{name}.{at}")] for at, (key, each) in pairs]
        }
    if isinstance(value, list | tuple):
        parts = [to_plain(each, tensors, f"{name}.{at}") for at, each in enumerate(value)]
        return parts if isinstance(value, list) else {_TUPLE: parts}
    if isinstance(value, float) and not math.isfinite(value):
        return {_NUMBER: repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{name}: a {type(value).__name__} cannot be exported")


def from_plain(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The value that `to_plain` was given. Raises KeyError or ValueError for any other."""
    if isinstance(value, list):
        return [from_plain(each, tensors) for each in value]
    if not isinstance(value, dict):
        return value
    mark: str = ""
    inner: Any = None
    if len(value) == 1:
        mark, inner = next(iter(value.items()))
    if mark == _TENSOR:
        return tensors[inner]
    if mark == _NUMBER:
        return float(inner)
    if mark == _PAIRS:
        return {key: from_plain(each, tensors) for key, each in inner}
    if mark == _TUPLE:
        return tuple(from_plain(each, tensors) for each in inner)
    return {key: from_plain(each, tensors) for key, each in value.items()}
