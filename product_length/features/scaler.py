"""What numbers are standardised by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

_CHUNK_ROWS = 16_384


@dataclass(frozen=True)
class Scaler:
    """Mean and deviation of each number over the training rows that have it: float64 (n,) each."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def fit(cls, column: NDArray[np.float32], rows: NDArray[np.int64]) -> Self:
        """Take both from some rows, int64 (m,), of a column, float32 (all rows, n), NaN = missing.

        A number that no row has, or that hardly varies, gets mean 0 or deviation 1. Raises
        ValueError without rows.
        """
        if not len(rows):
            raise ValueError("no training rows to take a mean of")
        count, total, squares = np.zeros((3, column.shape[1]))
        for chunk in _chunks(column, rows):
            count += (~np.isnan(chunk)).sum(axis=0)
            total += np.nansum(chunk, axis=0)
        mean = total / np.maximum(count, 1)
        for chunk in _chunks(column, rows):
            squares += np.nansum(np.square(chunk - mean), axis=0)
        deviation = np.sqrt(squares / np.maximum(count, 1))
        return cls(mean, np.where(deviation > 1e-6, deviation, 1.0))

    def state(self) -> dict[str, list[float]]:
        """The numbers, for a checkpoint."""
        return {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The scaler whose `state` this was."""
        return cls(np.array(state["mean"]), np.array(state["deviation"]))


def _chunks(column: NDArray[np.float32], rows: NDArray[np.int64]) -> Iterator[NDArray[np.float64]]:
    for start in range(0, len(rows), _CHUNK_ROWS):
        chunk: NDArray[Any] = column[rows[start : start + _CHUNK_ROWS]]
        yield chunk.astype(np.float64)
