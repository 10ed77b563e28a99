"""What features are standardised by."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

_BLOCK_ROWS = 16_384


@dataclass(frozen=True)
class FeatureScaler:
    """Mean and deviation of each feature over training rows: float64 (width,) each."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    def state(self) -> dict[str, list[float]]:
        """The numbers, for a checkpoint."""
        return {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The scaler whose `state` this was."""
        return cls(np.array(state["mean"]), np.array(state["deviation"]))


def training_blocks(
    features: NDArray[np.float32], rows: NDArray[np.int64]
) -> Iterator[NDArray[np.float64]]:
    """Some rows of features, float32 (all rows, width), block by block: float64 (m, width)."""
    for start in range(0, len(rows), _BLOCK_ROWS):
        block: NDArray[Any] = features[rows[start : start + _BLOCK_ROWS]]
        yield block.astype(np.float64)
