"""What training minimises where the loss is of one predicted length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from torch import Tensor
from typing_extensions import Self

from product_length.decision.config import Decision, DecisionOption
from product_length.loss.constant import best_constant
from product_length.loss.point import PointLoss, PointLossOptions
from product_length.model.target import (
    LinearTarget,
    LogTarget,
    Target,
    target_from_state,
    target_state,
)


@dataclass(frozen=True)
class PointObjective:
    """One output, which `target` turns into a length and `loss` compares with the truth."""

    loss: PointLoss
    target: Target
    unit_size: float = 1.0

    @classmethod
    def build(
        cls,
        loss: PointLoss,
        train_lengths: NDArray[np.float32],
        *,
        log_target: bool,
        unit_size: float = 1.0,
    ) -> Self:
        """The objective for training rows of these lengths: float32 (rows,).

        A linear target is scaled by the loss's best constant, so that the network works near 1.
        """
        if log_target:
            return cls(loss, LogTarget(), unit_size)
        return cls(loss, LinearTarget(best_constant(loss, train_lengths)), unit_size)

    @property
    def outputs(self) -> int:
        """How many numbers the head emits for each row: 1."""
        return self.loss.outputs

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """None: what a point loss emits was decided by training."""
        return ()

    def cost(self, raw: Tensor, lengths: Tensor) -> Tensor:
        """The loss, a scalar, of raw outputs (rows, 1) against `lengths` (rows,).

        In float32 under autocast too. Raises ValueError when the shapes do not match.
        """
        with torch.autocast(raw.device.type, enabled=False):
            return self.loss.cost(self._model_lengths(raw), lengths)

    def lengths(self, raw: Tensor, decision: DecisionOption = "auto") -> Tensor:
        """Lengths (rows,), in the catalogue's unit, from raw outputs (rows, 1).

        Raises ValueError when `raw` has another shape or `decision` is not `auto`.
        """
        if decision != "auto":
            raise ValueError(f"a point loss leaves nothing to decide for {decision}")
        return self.in_catalogue_unit(self._model_lengths(raw))

    def in_catalogue_unit(self, lengths: Tensor) -> Tensor:
        """Lengths (rows,) of the model's unit in the catalogue's."""
        return lengths / self.unit_size

    def _model_lengths(self, raw: Tensor) -> Tensor:
        if raw.ndim != 2 or raw.shape[1] != 1:
            raise ValueError(f"raw outputs {tuple(raw.shape)} must be (rows, 1)")
        return self.target.to_length(raw[:, 0])

    def distribution(self, raw: Tensor) -> None:
        """None: a point loss emits one length."""

    @property
    def criterion(self) -> str:
        """MAPE, whatever the loss: what a length is wanted for."""
        return "val/mape"

    def initial_bias(self, train_lengths: NDArray[np.float32]) -> Tensor:
        """The output, float32 (1,), for the best constant of lengths (rows,)."""
        constant = best_constant(self.loss, train_lengths)
        return torch.tensor([self.target.from_length(constant)], dtype=torch.float32)

    def bin_grid(self, train_lengths: NDArray[np.float32] | None = None) -> None:
        """None: a point loss emits one length."""

    def state(self) -> dict[str, Any]:
        """What `from_state` rebuilds this from."""
        return {
            "loss": self.loss.model_dump(),
            "target": target_state(self.target),
            "unit_size": self.unit_size,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The objective that `state` described. Raises ValueError when it describes none."""
        loss: PointLoss = TypeAdapter(PointLossOptions).validate_python(state["loss"])
        return cls(loss, target_from_state(state["target"]), float(state["unit_size"]))
