"""The network: embeddings, type, neighbours and stated measurements in, raw outputs out."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from product_length.embeddings.config import BagOptions
from product_length.features.config import DimensionOptions, KnnOptions, TypeOptions
from product_length.features.dimension_features import pointer_columns
from product_length.model.bag import NgramBag
from product_length.model.config import ModelOptions
from product_length.model.mixture import Mixture
from product_length.model.trunk import build_trunk
from product_length.model.zero_linear import zero_linear

UNKNOWN_TYPE = 0
"""The code of rare and unseen product types."""
_TYPE_SPREAD = 0.05


class Batch(NamedTuple):
    """Some rows of a catalogue as the network sees them; every part has as many rows."""

    embeddings: tuple[Tensor, ...]
    """One for each encoder: vectors, floating point (rows, dimensions of that encoder), or ids of
    hashed n-grams, int32 (rows, n), 0 = none."""
    types: Tensor | None
    """int64 (rows,): codes of the type vocabulary, 0 = rare or unseen; None without types."""
    neighbours: Tensor | None
    """float32 (rows, width): the standardised neighbour block; None without neighbours."""
    lengths: Tensor | None
    """float32 (rows,), 1/100 inch; None where the length is to be predicted."""
    dimensions: Tensor | None = None
    """float32 (rows, width): the standardised measurements that are stated; None without them."""
    terms: Tensor | None = None
    """int32 (rows, n): entries of terms, for a prior, 0 = none; None without them."""


class LengthNetwork(nn.Module):
    """Inputs, a trunk and a linear head of `outputs` numbers.

    embedding_dims: dimensions of each encoder, in the order of `Batch.embeddings`; may be empty.
    bags: for each encoder that gives ids of n-grams, by its place in that order, the vectors that
        are learned for them; these have its dimensions.
    type_count, type_options: codes of the type vocabulary, code 0 included; None without types.
    neighbour_width, knn_options: width of the neighbour block; None without neighbours.
    dimension_width, dimension_options: width of the block of stated measurements; None without it.
    term_entries: how many entries of terms there are; None without them.
    outputs: how many numbers the objective asks for.
    initial_bias: float (outputs,); the first prediction of every row, since the head's weights
        start at zero: training departs from the best constant. Zeros when None.

    Raises ValueError when there is no input at all, a width lacks its options, or the bias has
    another shape.
    """

    def __init__(
        self,
        *,
        options: ModelOptions,
        embedding_dims: Sequence[int],
        type_count: int | None,
        type_options: TypeOptions | None,
        neighbour_width: int | None,
        knn_options: KnnOptions | None,
        outputs: int,
        dimension_width: int | None = None,
        dimension_options: DimensionOptions | None = None,
        bags: Mapping[int, BagOptions] | None = None,
        term_entries: int | None = None,
        initial_bias: Tensor | None = None,
    ) -> None:
        super().__init__()
        if (type_count is None) != (type_options is None):
            raise ValueError("type_count and type_options go together: give both or neither")
        if (neighbour_width is None) != (knn_options is None):
            raise ValueError("neighbour_width and knn_options go together: give both or neither")
        if (dimension_width is None) != (dimension_options is None):
            raise ValueError(
                "dimension_width and dimension_options go together: give both or neither"
            )
        bags = bags or {}
        # Encoders differ in scale, and float16 rows in no other way than precision.
        self.norms = nn.ModuleList(
            NgramBag(bags[place]) if place in bags else nn.LayerNorm(width)
            for place, width in enumerate(embedding_dims)
        )
        widths = list(embedding_dims)
        self.types: nn.Embedding | None = None
        self.type_dropout = 0.0
        if type_count is not None and type_options is not None:
            self.types = nn.Embedding(type_count, type_options.dimensions)
            # Small: the vector of a type with three rows should not be mostly its random start.
            nn.init.normal_(self.types.weight, std=_TYPE_SPREAD)
            self.type_dropout = type_options.dropout
            widths.append(type_options.dimensions)
        self.neighbours: nn.Sequential | None = None
        if neighbour_width is not None and knn_options is not None:
            projection = nn.Linear(neighbour_width, knn_options.projection)
            self.neighbours = nn.Sequential(projection, nn.ReLU())
            widths.append(knn_options.projection)
        self.dimensions: nn.Sequential | None = None
        if dimension_width is not None and dimension_options is not None:
            projection = nn.Linear(dimension_width, dimension_options.projection)
            self.dimensions = nn.Sequential(projection, nn.ReLU())
            widths.append(dimension_options.projection)
        if not widths:
            raise ValueError(
                "the network needs at least one of embeddings, types, neighbours, dimensions"
            )
        self.input_dropout = nn.Dropout(options.input_dropout)
        self.trunk = build_trunk(options, widths, len(embedding_dims))
        self.head = zero_linear(self.trunk.width, outputs)
        self.mixture: Mixture | None = None
        if options.priors:
            k = None if knn_options is None else knn_options.k
            columns = None if dimension_width is None else pointer_columns()
            self.mixture = Mixture(
                options.priors,
                self.trunk.width,
                outputs,
                tilt=options.tilt,
                k=k,
                types=type_count,
                columns=columns,
                entries=term_entries,
            )
        if initial_bias is not None:
            if initial_bias.shape != (outputs,):
                raise ValueError(f"initial_bias {tuple(initial_bias.shape)} is not ({outputs},)")
            with torch.no_grad():
                self.head.bias.copy_(initial_bias)

    def forward(self, batch: Batch) -> Tensor:
        """Raw outputs float32 (rows, outputs), under autocast too.

        Raises ValueError when the batch lacks a part that the network was built for, or has more.
        """
        own, mixed = self.own_and_mixed(batch)
        return own if mixed is None else mixed

    def own_and_mixed(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """What the head says by itself, and its mixture with the priors, None without priors.

        Both float32 (rows, outputs). Training teaches the head by both: by its share in the mixture
        alone it learns next to nothing of rows that a prior explains.
        """
        features = self.trunk(self._blocks(batch))
        # Half precision in the last step would round an emitted logarithm to several per cent.
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            raw: Tensor = self.head(features)
            if self.mixture is None:
                return raw, None
            mixed: Tensor = self.mixture(
                raw,
                features,
                neighbours=batch.neighbours,
                types=batch.types,
                dimensions=batch.dimensions,
                terms=batch.terms,
                lengths=batch.lengths if self.training else None,
            )
            return raw, mixed

    def extra_repr(self) -> str:
        """What no submodule shows; `str(network)` tells any two configurations apart."""
        return f"type_dropout={self.type_dropout}"

    def _blocks(self, batch: Batch) -> list[Tensor]:
        embeddings, types, neighbours, _, dimensions, _ = batch
        if len(embeddings) != len(self.norms):
            raise ValueError(f"{len(embeddings)} embeddings for {len(self.norms)} encoders")
        if (types is None) != (self.types is None):
            raise ValueError("types are given to a network without them, or lacking")
        if (neighbours is None) != (self.neighbours is None):
            raise ValueError("neighbours are given to a network without them, or lacking")
        if (dimensions is None) != (self.dimensions is None):
            raise ValueError("dimensions are given to a network without them, or lacking")
        pairs = zip(self.norms, embeddings, strict=True)
        blocks: list[Tensor] = [
            norm(given if isinstance(norm, NgramBag) else given.float()) for norm, given in pairs
        ]
        if types is not None and self.types is not None:
            blocks.append(self.types(self._some_unknown(types)))
        if neighbours is not None and self.neighbours is not None:
            blocks.append(self.neighbours(neighbours.float()))
        if dimensions is not None and self.dimensions is not None:
            blocks.append(self.dimensions(dimensions.float()))
        return [self.input_dropout(block) for block in blocks]

    def _some_unknown(self, types: Tensor) -> Tensor:
        """In training a few rows lose their type, so that the shared vector is trained."""
        if not self.training or not self.type_dropout:
            return types
        lost = torch.rand(types.shape, device=types.device) < self.type_dropout
        return types.masked_fill(lost, UNKNOWN_TYPE)
