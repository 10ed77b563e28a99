"""A network as plain values: what a checkpoint keeps to build the same one again."""

from pydantic import Field
from torch import Tensor

from product_length.embeddings.config import BagOptions
from product_length.features.config import DimensionOptions, KnnOptions, TypeOptions
from product_length.model.config import ModelOptions
from product_length.model.network import LengthNetwork
from product_length.options import Options


class Architecture(Options):
    """The arguments of `LengthNetwork`, JSON-able."""

    options: ModelOptions
    embedding_dims: list[int]
    type_count: int | None
    type_options: TypeOptions | None
    neighbour_width: int | None
    knn_options: KnnOptions | None
    outputs: int
    dimension_width: int | None = None
    dimension_options: DimensionOptions | None = None
    bags: dict[int, BagOptions] = Field(default_factory=dict)
    term_entries: int | None = None

    def build(self, initial_bias: Tensor | None = None) -> LengthNetwork:
        """A new network; `initial_bias`: float (outputs,). Raises ValueError as it does."""
        return LengthNetwork(
            options=self.options,
            embedding_dims=self.embedding_dims,
            type_count=self.type_count,
            type_options=self.type_options,
            neighbour_width=self.neighbour_width,
            knn_options=self.knn_options,
            outputs=self.outputs,
            dimension_width=self.dimension_width,
            dimension_options=self.dimension_options,
            bags=self.bags,
            term_entries=self.term_entries,
            initial_bias=initial_bias,
        )
