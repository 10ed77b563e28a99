"""The bins that distributions are over, as tensors beside the network."""

import torch
from torch import Tensor, nn


class BinGrid(nn.Module):
    """What the outputs of a histogram stand for.

    edges: float32 (bins - 1,), ascending, ln of lengths in the model's unit; bin i lies
        below edge i, the last one above all.
    smoothing: float32 (bins, bins), the training target of a length in the middle of each bin.
    marginal: float32 (bins,), the distribution of all training rows, nowhere 0.
    """

    edges: Tensor
    smoothing: Tensor
    marginal: Tensor

    def __init__(self, edges: Tensor, smoothing: Tensor, marginal: Tensor) -> None:
        super().__init__()
        self.register_buffer("edges", edges)
        self.register_buffer("smoothing", smoothing)
        self.register_buffer("marginal", marginal)

    @classmethod
    def of_size(cls, bins: int) -> "BinGrid":
        """A grid of so many bins, for weights to be loaded into."""
        return cls(torch.zeros(bins - 1), torch.eye(bins), torch.full((bins,), 1 / bins))

    def __len__(self) -> int:
        return len(self.marginal)

    def bin_of(self, lengths: Tensor) -> Tensor:
        """The bin of each length, float (rows,): int64 (rows,)."""
        return torch.searchsorted(self.edges, lengths.to(self.edges).log())

    def counted(self, codes: Tensor, lengths: Tensor, count: int) -> Tensor:
        """How many rows have each code and bin, smoothed: float32 (count, bins).

        codes: int64 (rows,), below `count`; lengths: float (rows,).
        """
        cells = torch.zeros(count, len(self))
        ones = torch.ones(len(codes))
        cells.index_put_((codes, self.bin_of(lengths)), ones, accumulate=True)
        return cells @ self.smoothing

    def spread(
        self, logs: Tensor, weights: Tensor, rows: Tensor | None = None, count: int | None = None
    ) -> Tensor:
        """Distributions, smoothed, of weighted lengths: (count, bins), of (pieces, n) each.

        logs: ln of the lengths; rows: int64 (pieces,), whose the pieces are, of `count`; without
        them one is each row's.
        """
        if rows is None or count is None:
            count = logs.shape[0]  # `len` would fix it in an exported network
            rows = torch.arange(count, device=logs.device)
        places = torch.searchsorted(self.edges, logs.contiguous())
        # In one dimension: there, adding up is deterministic on a GPU too.
        flat = (rows[:, None] * len(self) + places).flatten()
        empty = weights.new_zeros(count * len(self))
        return empty.scatter_add(0, flat, weights.flatten()).view(count, -1) @ self.smoothing
