"""The nearest training products of a product, and their labels.

A training row finds neither itself nor any other row with the same text. It is recognised by its
row number, never by its place among the results: a duplicate may come before it. Rows with the
same text are left out because identical texts fall in one split: a validation row can never find
its own text among the training rows, so a training row must not either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from typing_extensions import Self

from product_length.catalogue.vocabulary import Strings, Vocabulary, as_column
from product_length.search.cosine import CosineSearch, Forbidden
from product_length.search.ivf import IvfLists
from product_length.search.tuning import Facts, tune
from product_length.search.vectors import Vectors


@dataclass(frozen=True)
class Neighbours:
    """The k nearest rows of an index for each of n queries, best first.

    `rows`: int64 or int32 (n, k), places in the index, -1 where there are fewer than k.
    `similarity`: float32 (n, k), cosine, 0 where there are fewer than k.
    """

    rows: NDArray[np.signedinteger[Any]]
    similarity: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.rows.ndim != 2 or self.rows.shape != self.similarity.shape:
            raise ValueError(
                f"rows {self.rows.shape} and similarity {self.similarity.shape} must be (n, k)"
            )

    def __getitem__(self, queries: Any) -> Self:
        """The neighbours of some of the queries: a slice, or int64 (m,)."""
        return type(self)(self.rows[queries], self.similarity[queries])


class NeighbourIndex:
    """Training rows by embedding, with their lengths and types; see `build`.

    `lengths`: float32 (n,), of any unit. `types` and `type_codes`: every training type has a code
    of its own, however rare, and code 0 is the empty type; the vocabulary of the network, in which
    rare types share a code, would call two products of different rare types alike.
    """

    def __init__(
        self,
        vectors: NDArray[Any],
        lengths: NDArray[np.float32],
        types: Vocabulary,
        type_codes: NDArray[np.int64],
        *,
        row_numbers: NDArray[np.int64] | None = None,
        groups: NDArray[np.uint64] | None = None,
        lists: IvfLists | None = None,
    ) -> None:
        for name, array in (
            ("lengths", lengths),
            ("type_codes", type_codes),
            ("row_numbers", row_numbers),
            ("groups", groups),
        ):
            if array is not None and array.shape != (len(vectors),):
                raise ValueError(f"{name} {array.shape} must be ({len(vectors)},)")
        if not (np.isfinite(lengths).all() and (lengths > 0).all()):
            raise ValueError("lengths of training rows must be finite and above 0")
        self.lengths = lengths
        self.types = types
        self.type_codes = type_codes
        self._row_numbers = row_numbers
        self._groups = groups
        self._search = CosineSearch(vectors, lists)

    @classmethod
    def build(
        cls,
        vectors: Vectors,
        train_rows: NDArray[np.int64],
        lengths: NDArray[np.float32],
        types: Strings,
        groups: NDArray[np.uint64],
    ) -> Self:
        """Keep the training rows of arrays over all rows; nothing else of them is looked at.

        `vectors`: float16 or float32 (rows, d). `train_rows`: int64 (n,), ascending. `lengths`:
        float32 (rows,). `types`: strings (rows,). `groups`: uint64 (rows,), equal for
        rows with the same text. Raises ValueError when the shapes do not match, when a row is
        given twice, or when a vector or a length of a training row is not finite.
        """
        if not len(vectors) == len(lengths) == len(types) == len(groups):
            raise ValueError(
                f"vectors ({len(vectors)}), lengths ({len(lengths)}), types ({len(types)}) and "
                f"groups ({len(groups)}) must cover the same rows"
            )
        if train_rows.ndim != 1 or (np.diff(train_rows) <= 0).any():
            raise ValueError("train_rows must be (n,), ascending, each row once")
        names = as_column(types).take(pa.array(train_rows))
        vocabulary = Vocabulary.fit(names, min_rows=1)
        return cls(
            vectors[train_rows],
            lengths[train_rows],
            vocabulary,
            vocabulary.encode(names),
            row_numbers=train_rows,
            groups=groups[train_rows],
        )

    def __len__(self) -> int:
        return len(self.lengths)

    def search(
        self,
        queries: NDArray[Any],
        k: int,
        *,
        exclude_rows: NDArray[np.int64] | None = None,
        exclude_groups: NDArray[np.uint64] | None = None,
    ) -> Neighbours:
        """Find the k nearest rows of each query; ties come in the order of the rows.

        `queries`: float16 or float32 (n, d). `exclude_rows`: int64 (n,), the row number (as in
        `train_rows`) that query i must not find, that is, its own. `exclude_groups`: uint64 (n,),
        the group that query i must not find. Raises ValueError when shapes do not match, or when
        rows are excluded from an index that came from a checkpoint, which no longer knows them.
        """
        forbidden = self._forbidden(exclude_rows, exclude_groups, len(queries))
        return Neighbours(*self._search.search(queries, k, forbidden))

    @cached_property
    def mean_log_length(self) -> float:
        """Mean ln of the rows' lengths; 0 without rows."""
        return float(np.log(self.lengths.astype(np.float64)).mean()) if len(self) else 0.0

    @property
    def lists(self) -> IvfLists | None:
        """The IVF lists that are searched; None: the search is exact."""
        return self._search.lists

    def use(self, lists: IvfLists | None) -> None:
        """Search in these lists, made of these rows, from now on; None: exactly."""
        self._search.use(lists)

    def tune(self, k: int, recall: float) -> Facts:
        """Search in IVF lists if that gives `recall` of k, as `tuning.tune` says; its facts.

        Raises ValueError for an index that came from a checkpoint.
        """
        numbers, groups = self._row_numbers, self._groups
        if numbers is None or groups is None:
            raise ValueError("this index came from a checkpoint and knows no row numbers")

        def forbidden(places: NDArray[np.int64]) -> Forbidden | None:
            return self._forbidden(numbers[places], groups[places], len(places))

        return tune(self._search, k, recall, forbidden)

    def release(self) -> None:
        """Free what the search has built; the next one builds it again."""
        self._search.release()

    def _forbidden(
        self,
        exclude_rows: NDArray[np.int64] | None,
        exclude_groups: NDArray[np.uint64] | None,
        queries: int,
    ) -> Forbidden | None:
        own = _exclusion("exclude_rows", exclude_rows, self._row_numbers, queries)
        group = _exclusion("exclude_groups", exclude_groups, self._groups, queries)
        excluded = [pair for pair in (own, group) if pair is not None]

        def forbidden(asked: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
            found = np.zeros(rows.shape, dtype=np.bool_)
            for of_query, of_row in excluded:
                found |= of_row[rows] == of_query[asked, None]
            return found

        return forbidden if excluded else None

    def state(self) -> dict[str, Any]:
        """What prediction needs, as tensors and strings: vectors as built, lengths float32, types.

        With the lists, if any: prediction searches as training did.
        `torch.load(weights_only=True)` reads it back.
        """
        import torch

        return {
            "vectors": torch.from_numpy(np.asarray(self._search.vectors)),
            "lengths": torch.from_numpy(self.lengths.astype(np.float32)),
            "types": self.types.state(),
            "type_codes": torch.from_numpy(self.type_codes.astype(np.int32)),
            "lists": None if self.lists is None else self.lists.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """The index whose `state` this was; it searches for new products, nothing to exclude."""
        lists = state["lists"]
        return cls(
            state["vectors"].numpy(),
            state["lengths"].numpy(),
            Vocabulary.from_state(state["types"]),
            state["type_codes"].numpy().astype(np.int64),
            lists=None if lists is None else IvfLists.from_state(lists),
        )


def _exclusion(
    name: str, of_queries: NDArray[Any] | None, of_rows: NDArray[Any] | None, queries: int
) -> tuple[NDArray[Any], NDArray[Any]] | None:
    if of_queries is None:
        return None
    if of_rows is None:
        raise ValueError(f"{name}: this index came from a checkpoint and knows no row numbers")
    if of_queries.shape != (queries,):
        raise ValueError(f"{name} {of_queries.shape} must be ({queries},)")
    return of_queries, of_rows
