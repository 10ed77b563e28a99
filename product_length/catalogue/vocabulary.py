"""Product types as codes, from a vocabulary that is fitted on training rows."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from typing_extensions import Self

# Arrow arrays of strings, or any sequence of str.
Strings = Any


class Vocabulary:
    """Codes of product types: 0 is shared, 1, 2, … stand for one type each.

    Types with fewer than `min_rows` training rows, types not seen in training and the empty type
    share code 0, so that what is learned for rare types serves unseen ones. Frequent types come
    first; equally frequent ones in the order of their names.
    """

    def __init__(self, names: Sequence[str]) -> None:
        if len(set(names)) != len(names) or "" in names:
            raise ValueError("names must be distinct and not empty")
        self.names = tuple(names)

    @classmethod
    def fit(cls, types: Strings, min_rows: int) -> Self:
        """Give a code to each type that has at least `min_rows` of the training rows' `types`.

        `types`: strings (training rows,). Raises ValueError when min_rows is below 1.
        """
        if min_rows < 1:
            raise ValueError("min_rows must be at least 1")
        counts = pc.value_counts(as_column(types))
        pairs = zip(
            counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True
        )
        kept = [(name, count) for name, count in pairs if name != "" and count >= min_rows]
        return cls([name for name, _ in sorted(kept, key=lambda pair: (-pair[1], pair[0]))])

    @property
    def size(self) -> int:
        """Number of codes, the shared code 0 included."""
        return len(self.names) + 1

    @cached_property
    def _values(self) -> pa.LargeStringArray:
        """The names for Arrow, made once: a served product is encoded by itself."""
        return pa.array(self.names, pa.large_string())

    def encode(self, types: Strings) -> NDArray[np.int64]:
        """Code of each type: strings (rows,) -> int64 (rows,), 0 where rare, unseen or empty."""
        places = pc.index_in(as_column(types), value_set=self._values)
        codes: NDArray[np.int64] = pc.fill_null(places, -1).to_numpy().astype(np.int64) + 1
        return codes

    def state(self) -> list[str]:
        """The names in the order of their codes, for a checkpoint."""
        return list(self.names)

    @classmethod
    def from_state(cls, state: Sequence[str]) -> Self:
        """The vocabulary whose `state` this was."""
        return cls(state)


def as_column(types: Strings) -> Any:
    """`types` as one Arrow column of strings, nulls as the empty type."""
    if not isinstance(types, pa.Array | pa.ChunkedArray):
        types = pa.array(list(types), pa.large_string())
    return pc.fill_null(types.cast(pa.large_string()), "")


def rows_of_type(types: Strings, train_types: Strings) -> NDArray[np.int64]:
    """How many training rows have each row's type: int64 (rows,); 0 for the empty type.

    `types`: strings (rows,); `train_types`: strings (training rows,).
    """
    counts = pc.value_counts(as_column(train_types))
    known, rows = counts.field("values"), counts.field("counts").to_numpy().astype(np.int64)
    column = as_column(types)
    places = pc.fill_null(pc.index_in(column, value_set=known), -1).to_numpy()
    named = pc.not_equal(column, "").to_numpy(zero_copy_only=False)
    found: NDArray[np.int64] = np.where(named & (places >= 0), np.append(rows, 0)[places], 0)
    return found
