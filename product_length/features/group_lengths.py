"""How many training rows a group has, and their median length: what reasons say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from product_length.catalogue.units import CatalogueUnit
from product_length.features.reason import Group, row_words


@dataclass(frozen=True)
class GroupLengths:
    """Of groups 0, 1, 2, …: `rows` int64 (groups,), and `medians` float32 (groups,).

    Medians are in the model's unit, NaN of a group without rows.
    """

    rows: NDArray[np.int64]
    medians: NDArray[np.float32]

    @classmethod
    def fit(
        cls,
        codes: NDArray[np.integer[Any]],
        rows: NDArray[np.integer[Any]],
        lengths: NDArray[np.float32],
        count: int,
    ) -> Self:
        """Of pairs of a group and a row of `lengths`: codes below `count` and rows, int (n,)."""
        order = np.argsort(lengths, kind="stable")
        ranks = np.empty(len(lengths), np.int64)
        ranks[order] = np.arange(len(lengths))
        # One sort of whole numbers: 45 million pairs of words take seconds.
        keys = np.sort(codes.astype(np.int64) * max(len(lengths), 1) + ranks[rows])
        counts = np.bincount(codes, minlength=count).astype(np.int64)
        medians = np.full(count, np.nan, np.float32)
        some = counts > 0
        first = (counts.cumsum() - counts)[some]
        middle = [first + (counts[some] - 1) // 2, first + counts[some] // 2]
        if len(keys):
            low, high = (lengths[order[keys[places] % len(lengths)]] for places in middle)
            medians[some] = low + (high - low) / 2
        return cls(counts, medians)

    def group(self, code: int, of: str, value: str, unit: CatalogueUnit) -> Group:
        """One of the groups, in the catalogue's unit."""
        rows, median = int(self.rows[code]), float(self.medians[code])
        return Group(of, value, rows, median / unit.in_model_units if rows else None)

    def state(self) -> dict[str, Any]:
        """Numbers only, for a checkpoint."""
        known = np.where(self.rows > 0, self.medians, 0)
        return {"rows": self.rows.tolist(), "medians": known.tolist()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any] | None) -> Self | None:
        """What `state` was made of; None for a checkpoint that was written without."""
        if state is None:
            return None
        rows, medians = np.array(state["rows"], np.int64), np.array(state["medians"], np.float32)
        return cls(rows, np.where(rows > 0, medians, np.float32(np.nan)))


def group_words(group: Group, unit: CatalogueUnit) -> str:
    """Its rows and their median, in words: "124 training rows, median 27 cm"."""
    if group.median is None:
        return row_words(group.rows)
    return f"{row_words(group.rows)}, median {unit.rounded(group.median)}"
