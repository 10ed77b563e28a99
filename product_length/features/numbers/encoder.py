"""From numbers to what the trunk sees: how far each reaches into the bins of its column.

Piecewise linear encoding: Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular
Deep Learning" (https://arxiv.org/abs/2203.05556).
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from product_length.features.encoder import Encoder


class PiecewiseEncoder(Encoder):
    """Of each number the filled part of every bin, from 0 to 1, and 1 where it is missing.

    `edges`: of each column, float32 (bins + 1,), ascending; none, or one, where there is no bin.
    Beyond the outer edges a number is as one at the edge.
    """

    lower: Tensor
    widths: Tensor
    column_of: Tensor

    def __init__(self, edges: Sequence[NDArray[np.float32]]) -> None:
        super().__init__()
        bins = [max(len(each) - 1, 0) for each in edges]
        self.width = sum(bins) + len(edges)
        found = {
            "lower": torch.from_numpy(np.concatenate([each[:-1] for each in edges])),
            "widths": torch.from_numpy(np.concatenate([np.diff(each) for each in edges])),
            "column_of": torch.repeat_interleave(torch.arange(len(edges)), torch.tensor(bins)),
        }
        for name, tensor in found.items():  # the feature keeps them
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, column: Tensor) -> Tensor:
        """Numbers float32 (rows, width) between 0 and 1, from float (rows, n), NaN = missing."""
        numbers = column.float()
        filled = (numbers[:, self.column_of] - self.lower) / self.widths
        parts = filled.clamp(0, 1).nan_to_num(nan=0.0)
        return torch.cat([parts, numbers.isnan().float()], dim=1)
