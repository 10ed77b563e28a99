"""Losses of a single predicted length. Importing this module does not import torch.

Everywhere `p` is the prediction and `y` the truth: float32 (rows,), in the
model's unit (1/100 inch for lengths of any catalogue), p > 0, y > 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from product_length.options import Options

if TYPE_CHECKING:
    from torch import Tensor


class PointLoss(Options):
    """A cost of predicted lengths, averaged over the rows of a batch."""

    outputs: ClassVar[int] = 1

    def cost(self, p: Tensor, y: Tensor) -> Tensor:
        """Mean cost, a scalar, of `p` against `y`: float32 (rows,) each.

        Raises ValueError when the shapes differ or are not (rows,).
        """
        if p.shape != y.shape or p.ndim != 1 or len(p) == 0:
            raise ValueError(
                f"{type(self).__name__}: p {tuple(p.shape)} and y {tuple(y.shape)} must both be "
                "(rows,), with at least one row"
            )
        return self._mean_cost(p, y)

    def _mean_cost(self, p: Tensor, y: Tensor) -> Tensor:
        raise NotImplementedError


class Mape(PointLoss):
    """Mean absolute percentage error: |y - p| / y."""

    name: Literal["mape"]

    def _mean_cost(self, p: Tensor, y: Tensor) -> Tensor:
        return _ape(p, y).mean()


class WeightedMape(PointLoss):
    """MAPE with small lengths discounted: clamp(y / scale, floor, 1) * |y - p| / y.

    `scale`: in the catalogue's unit; None until it is known which lengths are short.
    """

    name: Literal["weighted_mape"]
    scale: Annotated[float, Field(gt=0)] | None = None
    floor: Annotated[float, Field(ge=0, le=1)] = 0.1

    def _mean_cost(self, p: Tensor, y: Tensor) -> Tensor:
        if self.scale is None:
            raise ValueError("weighted_mape needs a scale")
        weight = (y / self.scale).clamp(self.floor, 1.0)
        return (weight * _ape(p, y)).mean()


class LogMape(PointLoss):
    """Relative error of log lengths: |ln(1 + p) - ln(1 + y)| / ln(1 + y)."""

    name: Literal["log_mape"]

    def _mean_cost(self, p: Tensor, y: Tensor) -> Tensor:
        return (_log_error(p, y).abs() / y.log1p()).mean()


class FocalMape(PointLoss):
    """MAPE that dwells on bad rows: w * ape, w = ape^gamma / mean(ape^gamma), w constant.

    After Lin et al. 2017, "Focal Loss for Dense Object Detection".
    """

    name: Literal["focal_mape"]
    gamma: Annotated[float, Field(ge=0, le=8)] = 2.0

    def _mean_cost(self, p: Tensor, y: Tensor) -> Tensor:
        ape = _ape(p, y)
        # The weights do not change when all errors are scaled; the largest power is then 1.
        errors = ape.detach()
        powers = (errors / errors.max().clamp_min(1e-30)) ** self.gamma
        return (powers / powers.mean().clamp_min(1e-30) * ape).mean()


class Rmsle(PointLoss):
    """Root mean squared logarithmic error: sqrt(mean((ln(1 + p) - ln(1 + y))^2))."""

    name: Literal["rmsle"]

    def _mean_cost(self, p: Tensor, y: Tensor) -> Tensor:
        return _rmsle(p, y)


class Combined(PointLoss):
    """mix * MAPE + (1 - mix) * RMSLE."""

    name: Literal["combined"]
    mix: Annotated[float, Field(ge=0, le=1)] = 0.7

    def _mean_cost(self, p: Tensor, y: Tensor) -> Tensor:
        return self.mix * _ape(p, y).mean() + (1 - self.mix) * _rmsle(p, y)


class Smape(PointLoss):
    """Symmetric MAPE: 2 |p - y| / (p + y), between 0 and 2."""

    name: Literal["smape"]

    def _mean_cost(self, p: Tensor, y: Tensor) -> Tensor:
        return (2 * (p - y).abs() / (p + y)).mean()


class Huber(PointLoss):
    """Huber 1964: squared error up to `delta` (catalogue's unit), absolute error beyond it."""

    name: Literal["huber"]
    delta: Annotated[float, Field(gt=0)] = 1.0

    def _mean_cost(self, p: Tensor, y: Tensor) -> Tensor:
        error = (p - y).abs()
        near = error.clamp_max(self.delta)
        return (near * (error - 0.5 * near)).mean()


PointLossOptions = Annotated[
    Mape | WeightedMape | LogMape | FocalMape | Rmsle | Combined | Smape | Huber,
    Field(discriminator="name"),
]


def _ape(p: Tensor, y: Tensor) -> Tensor:
    return (y - p).abs() / y


def _log_error(p: Tensor, y: Tensor) -> Tensor:
    return p.log1p() - y.log1p()


def _rmsle(p: Tensor, y: Tensor) -> Tensor:
    # A norm, whose gradient at zero error is zero; sqrt's would be infinite.
    error = _log_error(p, y)
    norm: Tensor = error.norm()
    return norm / math.sqrt(len(error))
