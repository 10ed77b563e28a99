"""The lengths of the training rows in the same bins of numbers."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from product_length.features.values_expert import ValuesExpert
from product_length.loss.bin_grid import BinGrid


class NumbersExpert(ValuesExpert):
    """Numbers of a column are alike where they lie between the same two of its `edges`.

    A number at an edge belongs to the bin below; a missing one is alike other missing ones.
    """

    edges: Tensor

    def __init__(
        self, bins: BinGrid, width: int, name: str, edges: Sequence[NDArray[np.float32]]
    ) -> None:
        super().__init__(bins, width, name, [len(each) + 2 for each in edges])
        # Filled up with what is above all numbers, so that one search does for all columns.
        filled = np.full((len(edges), max(map(len, edges))), np.inf, np.float32)
        for place, each in enumerate(edges):
            filled[place, : len(each)] = each
        self.register_buffer("edges", torch.from_numpy(filled), persistent=False)

    @override
    def codes(self, column: Tensor) -> Tensor:
        """0 where missing, 1 below all edges, one more with every edge that is passed."""
        numbers = column.float()
        passed = torch.searchsorted(self.edges, numbers.T.contiguous()).T
        return (passed + 1).masked_fill(numbers.isnan(), 0)
