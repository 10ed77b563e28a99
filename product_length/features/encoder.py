"""From a feature's raw column to numbers for the trunk."""

import torch
from torch import Tensor, nn

from product_length.features.scaler import Scaler


class Encoder(nn.Module):
    """Numbers float (rows, width) from a batch of a feature's column."""

    width: int
    is_text: bool = False
    """Whether it is one of several readings of the same text, which a trunk may weigh."""


class NumbersEncoder(Encoder):
    """Standardised numbers, projected to `width` of them; a missing one is the mean.

    `scaler`: of the column, float (rows, n), NaN where missing; `farthest`: deviations from the
    mean at which a number is cut off.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, scaler: Scaler, width: int, farthest: float = torch.inf) -> None:
        super().__init__()
        self.width = width
        self.farthest = farthest
        for name in ("mean", "deviation"):
            numbers = torch.from_numpy(getattr(scaler, name)).float()
            self.register_buffer(name, numbers, persistent=False)  # the feature keeps them
        self.projection = nn.Linear(len(scaler.mean), width)

    def forward(self, column: Tensor) -> Tensor:
        """Numbers float32 (rows, width), none below 0, from a column float (rows, n)."""
        scaled = (column.float() - self.mean) / self.deviation
        known = scaled.clamp(-self.farthest, self.farthest).nan_to_num(nan=0.0)
        projected: Tensor = self.projection(known).relu()
        return projected
