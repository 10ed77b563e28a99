"""Product types as directions beside text vectors, so that a search looks for the type as well."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from tqdm import tqdm
from typing_extensions import Self

from product_length.catalogue.vocabulary import Strings, Vocabulary, as_column
from product_length.search.vectors import BLOCK_ROWS, MadeWhenRead, Vectors, norms_of, unit

# All axes of 1,600 types found no better neighbours, and each is a number more for every row.
_MOST_AXES = 64
# Shorter differences of unit vectors are rounding, without a direction.
_NOTHING = 1e-4
_UNSEEN, _EMPTY = -1, -2


@dataclass(frozen=True)
class TypeDirections:
    """A direction for each product type: types are alike where the texts of their products are.

    A type's is the mean of its training products' unit vectors, less that of all, on the principal
    axes of the types. A type unseen in training has that of the product's own text, the empty type
    none. `weight`: a cosine becomes that of the texts and weight² times that of the types, by
    1 + weight². `vocabulary`: all training types; `centre`: float32 (d,); `axes`: float32 (d, m);
    `table`: float32 (types, m), norms 1 or 0.
    """

    vocabulary: Vocabulary
    weight: float
    centre: NDArray[np.float32]
    axes: NDArray[np.float32]
    table: NDArray[np.float32]

    @classmethod
    def fit(
        cls,
        vectors: Vectors,
        train_rows: NDArray[np.int64],
        types: Strings,
        weight: float,
    ) -> Self:
        """From the training rows alone, and from no length.

        `vectors`: float16 or float32 (rows, d); `train_rows`: int64 (n,); `types`: strings (rows,).
        """
        from scipy.sparse import csr_array  # not at the top: prediction does without it

        names = as_column(types).take(pa.array(train_rows))
        vocabulary = Vocabulary.fit(names, min_rows=1)
        codes = vocabulary.encode(names)
        sums = np.zeros((vocabulary.size, vectors.shape[1]))
        starts = range(0, len(train_rows), BLOCK_ROWS)
        for start in tqdm(starts, desc="averaging product types", disable=None, leave=False):
            block = slice(start, start + BLOCK_ROWS)
            some = codes[block]
            member = csr_array((np.ones(len(some)), (some, np.arange(len(some)))))
            sums[: member.shape[0]] += member @ unit(vectors[train_rows[block]])
        centre = sums.sum(axis=0) / max(len(train_rows), 1)
        rows = np.bincount(codes, minlength=vocabulary.size)
        means = _directions(sums[1:] / rows[1:, None] - centre)
        _, axes = np.linalg.eigh(means.T @ means)
        axes = axes[:, ::-1][:, : min(_MOST_AXES, len(means))].astype(np.float32)
        return cls(vocabulary, weight, centre.astype(np.float32), axes, _directions(means @ axes))

    def beside(self, vectors: Vectors, types: Strings) -> "WithTypes":
        """Products' vectors, float16 or float32 (n, d), each with its type's direction.

        `types`: strings (n,). Raises ValueError when there are not n of them.
        """
        places = self.vocabulary.encode(types) - 1
        places[pc.equal(as_column(types), "").to_numpy(zero_copy_only=False)] = _EMPTY
        return WithTypes(vectors, places, self)

    def join(self, vectors: NDArray[Any], places: NDArray[np.int64]) -> NDArray[np.float32]:
        """float32 (n, d + m) of vectors (n, d) and the places int64 (n,) of types in the table."""
        texts = unit(vectors)
        parts = np.zeros((len(texts), self.axes.shape[1]), np.float32)
        parts[places >= 0] = self.table[places[places >= 0]]
        unseen = places == _UNSEEN
        parts[unseen] = _directions((texts[unseen] - self.centre) @ self.axes)
        return np.concatenate([texts, self.weight * parts], axis=1)

    def state(self) -> dict[str, Any]:
        """Tensors, numbers and strings only: `torch.load(weights_only=True)` reads it back."""
        import torch

        arrays = {name: getattr(self, name) for name in ("centre", "axes", "table")}
        return {
            "vocabulary": self.vocabulary.state(),
            "weight": self.weight,
            **{name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """What `state` was made of."""
        arrays = (state[name].numpy() for name in ("centre", "axes", "table"))
        return cls(Vocabulary.from_state(state["vocabulary"]), state["weight"], *arrays)


class WithTypes(MadeWhenRead):
    """Vectors beside the directions of their types as one array, float16 (n, d + m).

    `places`: int64 (n,), of the types in the table. Raises ValueError when there are not n.
    """

    def __init__(
        self, vectors: Vectors, places: NDArray[np.int64], directions: TypeDirections
    ) -> None:
        if len(vectors) != len(places):
            raise ValueError(f"{len(places)} types for {len(vectors)} vectors")
        super().__init__(len(places), vectors.shape[1] + directions.axes.shape[1])
        self.places = places
        self._vectors = vectors
        self._directions = directions

    def _made(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return self._directions.join(self._vectors[rows], self.places[rows])


def _directions(differences: NDArray[Any]) -> NDArray[np.float32]:
    """Rows (n, m) at norm 1, or 0 where they are rounding only."""
    short = norms_of(differences) < _NOTHING
    return np.where(short[:, None], np.float32(0), unit(differences))
