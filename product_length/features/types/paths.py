"""Product types that are paths, as in `Home > Kitchen > Mugs`, and what divides their levels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from typing_extensions import Self

from product_length.catalogue.vocabulary import Strings, Vocabulary, as_column

SEPARATORS = (">", "»", "::", "|", "/", " - ")
"""What `auto` looks for, in this order; spaces around a level's name do not count."""
_MOST_LEVELS = 8
NO_LEVEL = -1


@dataclass(frozen=True)
class TypePaths:
    """Types as paths of at most eight levels, the top one first; what is below belongs to the last.

    `separator`: between the levels' names; None where a type has one level only.
    """

    separator: str | None

    @classmethod
    def found(cls, types: Iterable[str], separator: str | None) -> Self:
        """Of distinct training types; `auto` is a separator that makes a tree of them, if any."""
        if separator != "auto":
            return cls(separator)
        names = list(types)
        return cls(next((each for each in SEPARATORS if _is_tree(names, each)), None))

    def levels(self, name: str) -> list[str]:
        """A type's path down to each of its levels, the top one first; the last is the type."""
        if self.separator is None:
            return [name]
        parts = [part.strip() for part in name.split(self.separator)]
        parts = [part for part in parts if part] or [name]
        if len(parts) > _MOST_LEVELS:
            rest = self.separator.join(parts[_MOST_LEVELS - 1 :])
            parts = [*parts[: _MOST_LEVELS - 1], rest]
        return [self.separator.join(parts[: end + 1]) for end in range(len(parts))]

    def whole(self, types: Strings) -> Strings:
        """Types, string (rows,), as the lowest of their levels is spelt."""
        if self.separator is None:
            return types
        column = _each_once(types)
        return pa.array([self.levels(name)[-1] for name in _names(column)]).take(column.indices)

    def vocabulary(self, types: Strings, min_rows: int) -> Vocabulary:
        """Of all levels' paths that at least `min_rows` of the training rows' types are in."""
        if self.separator is None:
            return Vocabulary.fit(types, min_rows)
        column = _each_once(types)
        levels = pa.array(map(self.levels, _names(column)), pa.list_(pa.large_string()))
        return Vocabulary.fit(levels.take(column.indices).flatten(), min_rows)

    def encode(self, types: Strings, vocabulary: Vocabulary) -> NDArray[np.int64]:
        """The code of the lowest level that has one: strings (rows,) -> int64 (rows,), else 0."""
        if self.separator is None:
            return vocabulary.encode(types)
        code_of = _codes(vocabulary)
        column = _each_once(types)
        codes = [
            next((code_of[each] for each in reversed(self.levels(name)) if each in code_of), 0)
            for name in _names(column)
        ]
        return _of_rows(codes, column)

    def chains(self, vocabulary: Vocabulary) -> NDArray[np.int64]:
        """For each code those of its path, int64 (codes, levels), the top one first.

        NO_LEVEL below the code's own level. The vocabulary has all levels above one that it has,
        which have no fewer rows.
        """
        code_of = _codes(vocabulary)
        levels = [self.levels(name) for name in vocabulary.names]
        chains = [[0], *([code_of[each] for each in path] for path in levels)]
        table = np.full((len(chains), max(map(len, chains))), NO_LEVEL)
        for code, chain in enumerate(chains):
            table[code, : len(chain)] = chain
        return table

    def are_below(self, types: Strings, seen: Iterable[str]) -> NDArray[np.bool_]:
        """Which types, string (rows,), have a level in common with the seen ones: bool (rows,)."""
        known = {level for name in seen for level in self.levels(name)}
        column = _each_once(types)
        below = [not known.isdisjoint(self.levels(name)) for name in _names(column)]
        return _of_rows(below, column)


def _is_tree(names: Sequence[str], separator: str) -> bool:
    """Whether most types are paths by this mark, and two or more as a rule have the same top."""
    levels = [TypePaths(separator).levels(name) for name in names]
    paths = {path[-1]: path[0] for path in levels if len(path) > 1}
    return 2 * len(paths) > len(names) and len(paths) >= 2 * len(set(paths.values()))


def _each_once(types: Strings) -> Any:
    """Types as an Arrow dictionary, so that each is looked at once."""
    column = pc.dictionary_encode(as_column(types))
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _names(column: Any) -> list[str]:
    names: list[str] = column.dictionary.to_pylist()
    return names


def _codes(vocabulary: Vocabulary) -> dict[str, int]:
    return {name: code for code, name in enumerate(vocabulary.names, start=1)}


def _of_rows(found: Sequence[Any], column: Any) -> NDArray[Any]:
    """What was found for each type once, for all rows of the `column`."""
    of_rows: NDArray[Any] = np.array(found)[column.indices.to_numpy()]
    return of_rows
