"""What one output of the network means: a length on a linear or on a logarithmic scale.

Losses and metrics see lengths in the catalogue's unit whichever it is. Apart from the formulas of
losses, log1p and expm1 live here only. Both scales run in float32 (float64 when given it) under
autocast too: half precision would round an emitted logarithm to several per cent of the length.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from typing_extensions import assert_never

MIN_LENGTH = 1e-6
"""Least length that is ever predicted, catalogue's unit: divisions by a prediction stay finite."""
MAX_LENGTH = 4e9
"""Greatest that is ever predicted, catalogue's unit: twice the longest of the challenge."""


@dataclass(frozen=True)
class LinearTarget:
    """The output is a length in units of `scale` (catalogue's unit): scale * softplus(z).

    With `scale` a typical length the network works near 1.
    """

    scale: float
    name: ClassVar[str] = "linear"

    def __post_init__(self) -> None:
        if not (self.scale > 0 and math.isfinite(self.scale)):
            raise ValueError(f"LinearTarget: scale must be positive and finite, not {self.scale}")

    def to_length(self, z: Tensor) -> Tensor:
        """Lengths p (rows,), in [MIN_LENGTH, MAX_LENGTH], from outputs z (rows,)."""
        with torch.autocast(z.device.type, enabled=False):
            length = self.scale * F.softplus(_full(z)) + MIN_LENGTH
            return length.clamp_max(MAX_LENGTH)

    def from_length(self, length: float) -> float:
        """The output that means `length`, catalogue's unit. Raises ValueError outside the range."""
        return _inverse_softplus((_checked(length) - MIN_LENGTH) / self.scale)


@dataclass(frozen=True)
class LogTarget:
    """The output is log1p(length), made positive by softplus: expm1(softplus(z)).

    Above log1p(2.1e9) the logarithm bends smoothly towards log1p(MAX_LENGTH): a wild output stays
    finite, and still has a gradient that leads back.
    """

    name: ClassVar[str] = "log"

    def to_length(self, z: Tensor) -> Tensor:
        """Lengths p (rows,), in [MIN_LENGTH, MAX_LENGTH], from outputs z (rows,)."""
        with torch.autocast(z.device.type, enabled=False):
            logarithm = F.softplus(_full(z)) + MIN_LENGTH
            beyond = (logarithm - _BEND).relu()
            bent = logarithm.clamp_max(_BEND) - _ROOM * torch.expm1(-beyond / _ROOM)
            return torch.expm1(bent)

    def from_length(self, length: float) -> float:
        """The output that means `length`, catalogue's unit. Raises ValueError outside the range."""
        logarithm = math.log1p(_checked(length))
        if logarithm > _BEND:
            logarithm = _BEND - _ROOM * math.log1p(-(logarithm - _BEND) / _ROOM)
        return _inverse_softplus(logarithm - MIN_LENGTH)


Target = LinearTarget | LogTarget

_BEND = math.log1p(2.1e9)
_ROOM = math.log1p(MAX_LENGTH) - _BEND


def target_state(target: Target) -> dict[str, Any]:
    """What `target_from_state` rebuilds the target from: a name and plain numbers."""
    match target:
        case LinearTarget():
            return {"name": target.name, "scale": target.scale}
        case LogTarget():
            return {"name": target.name}
        case _:
            assert_never(target)


def target_from_state(state: Mapping[str, Any]) -> Target:
    """The target that `target_state` described. Raises ValueError on an unknown name."""
    match state["name"]:
        case LinearTarget.name:
            return LinearTarget(scale=float(state["scale"]))
        case LogTarget.name:
            return LogTarget()
        case unknown:
            raise ValueError(f"no target is named {unknown!r}; choose linear or log")


def _full(z: Tensor) -> Tensor:
    if z.ndim != 1:
        raise ValueError(f"a target turns outputs (rows,) into lengths, not {tuple(z.shape)}")
    return z if z.dtype in (torch.float32, torch.float64) else z.float()


def _checked(length: float) -> float:
    if not MIN_LENGTH < length < MAX_LENGTH:
        raise ValueError(f"length {length} is not between {MIN_LENGTH} and {MAX_LENGTH:g}")
    return length


def _inverse_softplus(value: float) -> float:
    return value + math.log(-math.expm1(-value))
