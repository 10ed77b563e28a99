"""What the priors of a mixture have in common: the outputs that they are distributions over."""

from typing import NamedTuple

import torch
from torch import Tensor


class Scale(NamedTuple):
    """How columns were standardised: means and deviations, float (columns,)."""

    mean: Tensor
    deviation: Tensor


class Outputs(NamedTuple):
    """What the network's outputs stand for.

    edges: float32 (outputs - 1,), ascending, ln of 1/100 inch; output i lies below edge i, the last
        one above all.
    smoothing: float32 (outputs, outputs), the target of a length in the middle of each output.
    whole: float32 (outputs,), the distribution of all training rows, nowhere 0.
    """

    edges: Tensor
    smoothing: Tensor
    whole: Tensor

    def spread(
        self, lengths: Tensor, weights: Tensor, rows: Tensor | None = None, count: int | None = None
    ) -> Tensor:
        """Distributions, smoothed, of weighted lengths: (count, outputs), of (pieces, n) each.

        rows: int64 (pieces,), whose the pieces are, of `count`; without them one is each row's.
        """
        if rows is None or count is None:
            count = len(lengths)
            rows = torch.arange(count, device=lengths.device)
        places = torch.searchsorted(self.edges, lengths.clamp(min=1e-6).log().contiguous())
        # In one dimension: there, adding up is deterministic on a GPU too.
        flat = (rows[:, None] * len(self.whole) + places).flatten()
        empty = weights.new_zeros(count * len(self.whole))
        return empty.scatter_add(0, flat, weights.flatten()).view(count, -1) @ self.smoothing


class Members(NamedTuple):
    """Which entries of terms training rows have, in pairs.

    rows, entries: int64 (n,); parents: int64 (entries + 1,), what each entry is part of.
    """

    rows: Tensor
    entries: Tensor
    parents: Tensor
