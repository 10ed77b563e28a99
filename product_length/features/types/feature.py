"""The product type: a code for each, from a vocabulary of the training rows."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from typing_extensions import Self, override

from product_length.catalogue.products import Products
from product_length.catalogue.vocabulary import Vocabulary
from product_length.features.columns import Columns
from product_length.features.encoder import Encoder
from product_length.features.expert import Expert
from product_length.features.feature import Feature, Fitted, Training
from product_length.features.types.config import TypesOptions
from product_length.features.types.encoder import TypesEncoder
from product_length.features.types.expert import TypesExpert
from product_length.loss.bin_grid import BinGrid
from product_length.unseen import distinct_types, unseen_types

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TypesFeature(Feature):
    """Codes int64 (rows,), 0 where the type is rare, unseen or missing.

    `seen`: all types of training rows, however rare, without "".
    """

    options: TypesOptions
    vocabulary: Vocabulary
    seen: tuple[str, ...]
    name = "types"

    @classmethod
    def fit(cls, options: TypesOptions, training: Training) -> Fitted:
        """A vocabulary of the training rows' types, and the code of each row's."""
        types = training.products.types
        of_training = types.take(pa.array(training.rows))
        vocabulary = Vocabulary.fit(of_training, options.min_rows)
        codes = vocabulary.encode(types)
        log.info(
            "product types: %d with %d or more training rows; %.1f%% of the rows share one vector",
            vocabulary.size - 1,
            options.min_rows,
            100 * float((codes == 0).mean()),
        )
        return cls(options, vocabulary, tuple(distinct_types(of_training))), codes

    @override
    def transform(self, products: Products, columns: Columns) -> NDArray[np.int64]:
        """The code of each product's type."""
        return self.vocabulary.encode(products.types)

    @override
    def encoder(self) -> Encoder:
        """A learned vector for each code."""
        return TypesEncoder(self.vocabulary.size, self.options.width, self.options.dropout)

    @override
    def expert(self, bins: BinGrid, width: int) -> Expert | None:
        """The lengths of the type's training rows."""
        if not self.options.expert:
            return None
        return TypesExpert(bins, width, self.vocabulary.size, tilt=self.options.tilt)

    @override
    def unseen(self, products: Products, column: NDArray[Any]) -> Mapping[str, NDArray[np.bool_]]:
        """Rows whose type is missing, or was not among the training rows."""
        return unseen_types(products.types, self.seen)

    @override
    def state(self) -> dict[str, Any]:
        """Strings only."""
        return {"vocabulary": self.vocabulary.state(), "seen": list(self.seen)}

    @classmethod
    def from_state(cls, options: TypesOptions, state: Mapping[str, Any]) -> Self:
        """The feature whose `state` this was."""
        return cls(options, Vocabulary.from_state(state["vocabulary"]), tuple(state["seen"]))
