"""The product type: a code for each, from a vocabulary of the training rows."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self, override

from product_length.catalogue.products import Products
from product_length.catalogue.units import CatalogueUnit
from product_length.catalogue.vocabulary import Vocabulary
from product_length.features.columns import Columns
from product_length.features.encoder import Encoder
from product_length.features.expert import Expert
from product_length.features.feature import Feature, Fitted, Training
from product_length.features.group_lengths import GroupLengths, group_words
from product_length.features.reason import Reason, in_quotes
from product_length.features.types.config import TypesOptions
from product_length.features.types.encoder import TypesEncoder
from product_length.features.types.expert import TypesExpert
from product_length.features.types.paths import TypePaths
from product_length.loss.bin_grid import BinGrid
from product_length.unseen import distinct_types, unseen_types

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TypesFeature(Feature):
    """Codes int64 (rows,), 0 where the type is rare, unseen or missing.

    Where types are paths, that of the lowest level that is neither. `seen`: all types of training
    rows, however rare, without "". `lengths`: of the training rows of each code, those of the
    levels below included; None from a checkpoint that was written without.
    """

    options: TypesOptions
    vocabulary: Vocabulary
    seen: tuple[str, ...]
    paths: TypePaths
    lengths: GroupLengths | None = None
    name = "types"

    @classmethod
    def fit(cls, options: TypesOptions, training: Training) -> Fitted:
        """A vocabulary of the training rows' types, and the code of each row's."""
        types = training.products.types
        of_training = types.take(pa.array(training.rows))
        names = distinct_types(of_training)
        paths = TypePaths.found(names, options.separator)
        seen = tuple(dict.fromkeys(paths.levels(name)[-1] for name in names))
        vocabulary = paths.vocabulary(of_training, options.min_rows)
        codes = paths.encode(types, vocabulary)
        _log(paths, vocabulary, options.min_rows, seen, float((codes == 0).mean()))
        lengths = _lengths(paths.chains(vocabulary), codes[training.rows], training)
        return cls(options, vocabulary, seen, paths, lengths), codes

    @override
    def transform(self, products: Products, columns: Columns) -> NDArray[np.int64]:
        """The code of each product's type."""
        return self.paths.encode(products.types, self.vocabulary)

    @override
    def encoder(self) -> Encoder:
        """A learned vector for each code."""
        return TypesEncoder(self._chains(), self.options.width, self.options.dropout)

    @override
    def expert(self, bins: BinGrid, width: int) -> Expert | None:
        """The lengths of the type's training rows."""
        if not self.options.expert:
            return None
        return TypesExpert(bins, width, self._chains(), tilt=self.options.tilt)

    def _chains(self) -> Tensor:
        return torch.from_numpy(self.paths.chains(self.vocabulary))

    @override
    def unseen(self, products: Products, column: NDArray[Any]) -> Mapping[str, NDArray[np.bool_]]:
        """Rows whose type is missing, or was not among the training rows."""
        types = self.paths.whole(products.types)
        found = unseen_types(types, self.seen)
        if found and self.paths.separator is not None:
            *_, new = found.values()
            below = new & self.paths.are_below(types, self.seen)
            found["have a new product type below one that training had"] = below
        return found

    @override
    def choices(self) -> Mapping[str, Sequence[str]]:
        """The types that have a code of their own."""
        return {"product_type": self.vocabulary.names}

    @override
    def reasons(self, products: Products, columns: Columns) -> list[Reason | None]:
        """How many training rows have the type, or one above it, and how long they are."""
        types: list[str] = self.paths.whole(products.types).to_pylist()
        codes = columns[self.name].tolist()
        return [
            self._reason(name, code, products.unit) for name, code in zip(types, codes, strict=True)
        ]

    def _reason(self, name: str, code: int, unit: CatalogueUnit) -> Reason:
        if not name:
            return Reason(self.name, "no product type is given")
        if code == 0:
            seen = name in self.seen
            why = f"has fewer than {self.options.min_rows}" if seen else "is not among the"
            return Reason(self.name, f"product type {in_quotes(name)} {why} training rows")
        known = self.vocabulary.names[code - 1]
        words = f"product type {in_quotes(known)}"
        if known != name:
            words += f", which {in_quotes(name)} is a part of"
        if self.lengths is None:
            return Reason(self.name, words)
        group = self.lengths.group(code, "product type", known, unit)
        return Reason(self.name, f"{words}: {group_words(group, unit)}", groups=(group,))

    @override
    def state(self) -> dict[str, Any]:
        """Strings only."""
        return {
            "vocabulary": self.vocabulary.state(),
            "seen": list(self.seen),
            "separator": self.paths.separator,
            "lengths": None if self.lengths is None else self.lengths.state(),
        }

    @classmethod
    def from_state(cls, options: TypesOptions, state: Mapping[str, Any]) -> Self:
        """The feature whose `state` this was."""
        vocabulary = Vocabulary.from_state(state["vocabulary"])
        lengths = GroupLengths.from_state(state.get("lengths"))
        paths = TypePaths(state["separator"])
        return cls(options, vocabulary, tuple(state["seen"]), paths, lengths)


def _lengths(
    chains: NDArray[np.int64], codes: NDArray[np.int64], training: Training
) -> GroupLengths:
    """Of the training rows of each code, int64 (training rows,), and of the codes above it."""
    above = chains[codes]
    rows, levels = np.nonzero(above >= 0)
    return GroupLengths.fit(above[rows, levels], rows, training.lengths, len(chains))


def _log(
    paths: TypePaths, vocabulary: Vocabulary, min_rows: int, seen: Sequence[str], shared: float
) -> None:
    """Say what the types are, and how many of them are known."""
    divided = ""
    if paths.separator is not None:
        levels = [len(paths.levels(name)) for name in seen]
        many = sum(each > 1 for each in levels)
        divided = (
            f"{many:,} of {len(seen):,} are paths divided by {paths.separator!r} "
            f"(features.types.separator), of {max(levels, default=1)} levels at most; "
        )
    log.info(
        "product types: %s%d%s with %d or more training rows; %.1f%% of the rows share one vector",
        divided,
        vocabulary.size - 1,
        " of all levels" if divided else "",
        min_rows,
        100 * shared,
    )
