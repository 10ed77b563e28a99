"""Rows in cells around centroids, of which a search looks into the nearest few (IVF)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm
from typing_extensions import Self

from product_length.search.vectors import load_faiss, unit

# Cells for the square root of the rows: fewer, longer ones were slower at equal recall.
_CELLS_PER_ROOT = 4
# FAISS's own least for a centroid; 100 took twice the time and found no more.
_TRAINED_ROWS_PER_CELL = 39
_ROUNDS = 10
_SEED = 20
_ADDED_ROWS = 16_384


@dataclass(frozen=True)
class Cells:
    """Where each row belongs, and how many cells a search looks into.

    `centroids`: float32 (cells, d), of norm 1. `of_row`: int32 (rows,), the cell of each row. Both
    are stored with a checkpoint: a few MB beside its vectors, so that prediction neither trains
    again nor depends on how another machine would round.
    """

    centroids: NDArray[np.float32]
    of_row: NDArray[np.int32]
    probes: int

    def __len__(self) -> int:
        return len(self.centroids)

    @classmethod
    def train(cls, vectors: NDArray[Any]) -> Self:
        """Cells for vectors float16 or float32 (n, d), by k-means on a sample; one probe.

        The same vectors give the same cells: sample and start are drawn with a fixed seed.
        """
        faiss = load_faiss()
        cells = cell_count(len(vectors))
        wanted = min(len(vectors), cells * _TRAINED_ROWS_PER_CELL)
        chosen = np.random.default_rng(_SEED).choice(len(vectors), wanted, replace=False)
        means = faiss.Kmeans(
            vectors.shape[1],
            cells,
            niter=1,
            spherical=True,
            seed=_SEED,
            # The sample is drawn already; FAISS would draw again, or warn.
            min_points_per_centroid=1,
            max_points_per_centroid=len(vectors),
        )
        sample = unit(vectors[np.sort(chosen)])
        for _ in tqdm(range(_ROUNDS), desc="rounds of k-means", disable=None, leave=False):
            means.train(sample, init_centroids=means.centroids)
        nearest = faiss.IndexFlatIP(vectors.shape[1])
        nearest.add(means.centroids)
        of_row = np.empty(len(vectors), dtype=np.int32)
        with tqdm(
            total=len(vectors), unit=" rows", desc="rows to cells", disable=None, leave=False
        ) as bar:
            for start in range(0, len(vectors), _ADDED_ROWS):
                block = slice(start, start + _ADDED_ROWS)
                of_row[block] = nearest.search(unit(vectors[block]), 1)[1][:, 0]
                bar.update(len(of_row[block]))
        return cls(np.array(means.centroids, dtype=np.float32), of_row, probes=1)

    def state(self) -> dict[str, Any]:
        """Tensors and a number: `torch.load(weights_only=True)` reads them back."""
        import torch

        return {
            "centroids": torch.from_numpy(np.array(self.centroids)),
            "of_row": torch.from_numpy(np.array(self.of_row)),
            "probes": self.probes,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The cells whose `state` this was."""
        return cls(state["centroids"].numpy(), state["of_row"].numpy(), state["probes"])


def cell_count(rows: int) -> int:
    """How many cells so many rows are put into, at least 1."""
    return max(1, min(int(_CELLS_PER_ROOT * rows**0.5), rows // 4))
