"""The vectors of a text encoder, or the n-grams whose vectors the network learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from typing_extensions import override

from product_length.catalogue.products import Products
from product_length.catalogue.text import are_empty
from product_length.embeddings.encoder import Encoder as TextEncoder
from product_length.features.columns import Columns
from product_length.features.encoder import Encoder
from product_length.features.feature import Feature
from product_length.features.text.bag import NgramBag
from product_length.unseen import are_blank


@dataclass(frozen=True)
class TextFeature(Feature):
    """Vectors float16 (rows, dimension) of `text_encoder`, or ids of n-grams, int32 (rows, n)."""

    text_encoder: TextEncoder

    @property
    def name(self) -> str:  # type: ignore[override]
        """The encoder's."""
        return self.text_encoder.name

    @override
    def transform(self, products: Products, columns: Columns) -> NDArray[Any]:
        """The vectors of the products' texts."""
        return self.text_encoder.encode(products.texts())

    @override
    def encoder(self) -> Encoder:
        """The vectors, each at the same scale; or those that are learned."""
        bag = self.text_encoder.bag
        return NgramBag(bag) if bag else TextVectors(self.text_encoder.dimension)

    @override
    def unseen(self, products: Products, column: NDArray[Any]) -> Mapping[str, NDArray[np.bool_]]:
        """Rows with a text in which the encoder knows nothing."""
        blank = are_blank(column) & ~are_empty(products.text_keys)
        return {f"have a text in which encoder {self.name} knows nothing": blank}

    @override
    def state(self) -> dict[str, Any]:
        """Of the text encoder; `embeddings.encoder.load_encoder` reads it."""
        return self.text_encoder.state()


class TextVectors(Encoder):
    """Vectors at the same scale: encoders differ in it."""

    is_text = True

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.width = dimension
        self.norm = nn.LayerNorm(dimension)

    def forward(self, column: Tensor) -> Tensor:
        """Float32 (rows, dimension) from vectors of any floating point."""
        normed: Tensor = self.norm(column.float())
        return normed
