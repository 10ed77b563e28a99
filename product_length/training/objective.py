"""What training minimises: a loss, and how raw outputs of the network become lengths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from torch import Tensor
from typing_extensions import Self

from product_length.loss.constant import best_constant
from product_length.loss.point import LossOptions, PointLoss
from product_length.model.target import (
    LinearTarget,
    LogTarget,
    Target,
    target_from_state,
    target_state,
)


class Objective(Protocol):
    """The seam between losses and everything else; `raw` is float (rows, outputs)."""

    @property
    def outputs(self) -> int:
        """How many numbers the head emits for each row."""
        ...

    def cost(self, raw: Tensor, lengths: Tensor) -> Tensor:
        """What the batch costs, a scalar; `lengths` float (rows,), 1/100 inch."""
        ...

    def lengths(self, raw: Tensor) -> Tensor:
        """The predicted lengths: float (rows,), 1/100 inch, positive and finite."""
        ...

    def initial_bias(self, train_lengths: NDArray[np.float32]) -> Tensor:
        """The outputs that a constant network should emit: float32 (outputs,)."""
        ...

    def state(self) -> dict[str, Any]:
        """Names and plain numbers from which the objective can be rebuilt."""
        ...


@dataclass(frozen=True)
class PointObjective:
    """One output, which `target` turns into a length and `loss` compares with the truth."""

    loss: PointLoss
    target: Target

    @classmethod
    def build(
        cls, loss: PointLoss, train_lengths: NDArray[np.float32], *, log_target: bool
    ) -> Self:
        """The objective for training rows of these lengths: float32 (rows,), 1/100 inch.

        A linear target is scaled by the loss's best constant, so that the network works near 1.
        """
        if log_target:
            return cls(loss, LogTarget())
        return cls(loss, LinearTarget(best_constant(loss, train_lengths)))

    @property
    def outputs(self) -> int:
        """How many numbers the head emits for each row: 1."""
        return self.loss.outputs

    def cost(self, raw: Tensor, lengths: Tensor) -> Tensor:
        """The loss, a scalar, of raw outputs (rows, 1) against `lengths` (rows,), 1/100 inch.

        In float32 under autocast too. Raises ValueError when the shapes do not match.
        """
        with torch.autocast(raw.device.type, enabled=False):
            return self.loss.cost(self.lengths(raw), lengths)

    def lengths(self, raw: Tensor) -> Tensor:
        """Lengths (rows,), 1/100 inch, positive and finite, from raw outputs (rows, 1).

        Raises ValueError when `raw` has another shape.
        """
        if raw.ndim != 2 or raw.shape[1] != 1:
            raise ValueError(f"raw outputs {tuple(raw.shape)} must be (rows, 1)")
        return self.target.to_length(raw[:, 0])

    def initial_bias(self, train_lengths: NDArray[np.float32]) -> Tensor:
        """The output, float32 (1,), for the best constant of lengths (rows,), 1/100 inch."""
        constant = best_constant(self.loss, train_lengths)
        return torch.tensor([self.target.from_length(constant)], dtype=torch.float32)

    def state(self) -> dict[str, Any]:
        """What `from_state` rebuilds this from."""
        return {"loss": self.loss.model_dump(), "target": target_state(self.target)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The objective that `state` described. Raises ValueError when it describes none."""
        loss = TypeAdapter(LossOptions).validate_python(state["loss"])
        assert isinstance(loss, PointLoss)
        return cls(loss, target_from_state(state["target"]))
