"""Exact search by inner product with torch: on GPUs that FAISS was not built for."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_BLOCK_ROWS = 131_072
"""Rows that are compared with all queries at once, as one product of matrices."""


class TorchFlat:
    """Rows of `dimension` on a device, with the two methods of FAISS's flat index that are used.

    In float32 throughout: scores are as close to the exact ones as FAISS's.
    """

    def __init__(self, dimension: int, device: str | torch.device) -> None:
        self.ntotal = 0
        self._device = torch.device(device)
        self._dimension = dimension
        self._blocks: list[Tensor] = []

    def add(self, rows: NDArray[np.float32]) -> None:
        """Append rows, float32 (n, dimension)."""
        done = 0
        while done < len(rows):
            place = self.ntotal % _BLOCK_ROWS
            if place == 0:
                empty = torch.empty(_BLOCK_ROWS, self._dimension, device=self._device)
                self._blocks.append(empty)
            some = torch.from_numpy(rows[done : done + _BLOCK_ROWS - place])
            self._blocks[-1][place : place + len(some)] = some.to(self._device)
            done += len(some)
            self.ntotal += len(some)

    def search(
        self, queries: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores float32 (q, k), falling, and rows int64 (q, k) of the best of `queries` (q, d).

        Where there are fewer rows the last are -inf and -1.
        """
        asked = torch.from_numpy(queries).to(self._device)
        scores = torch.full((len(asked), k), -torch.inf, device=self._device)
        rows = torch.full((len(asked), k), -1, dtype=torch.int64, device=self._device)
        for number, block in enumerate(self._blocks):
            first = number * _BLOCK_ROWS
            of_block = asked @ block[: self.ntotal - first].T
            best, places = of_block.topk(min(k, of_block.shape[1]), dim=1)
            scores, kept = torch.cat([scores, best], dim=1).topk(k, dim=1)
            rows = torch.cat([rows, places + first], dim=1).gather(1, kept)
        return scores.cpu().numpy(), rows.cpu().numpy()
