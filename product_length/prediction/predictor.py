"""A trained recipe: from texts and types to lengths, with all that was fitted on the way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self

from product_length.catalogue.config import Columns, TextRecipe
from product_length.catalogue.vocabulary import Strings, Vocabulary
from product_length.decision.config import DecisionOption
from product_length.decision.conformal import Calibration
from product_length.embeddings.encoder import Encoder, load_encoder
from product_length.features.dimension_stage import DimensionReader
from product_length.features.stage import NeighbourLookup
from product_length.features.terms import TermIndex
from product_length.model.network import LengthNetwork
from product_length.search.vectors import side_by_side
from product_length.training.batches import Inputs, OrderedBatches
from product_length.training.objective import (
    HistogramObjective,
    Objective,
    objective_from_state,
)
from product_length.training.predict import predict_raw

_BATCH_ROWS = 2048
_ROUNDING = 1e-5  # of float32 lengths beside edges in float64, in log length


@dataclass(frozen=True)
class Predictor:
    """Everything between a product's text and its length.

    `lookup` searches the vectors of `lookup_encoders`; None, and none, without neighbours.
    `seen_types`: those of the training rows, however rare, without "". `scripts`: in which their
    texts are written.
    `usual_lengths`: float32 (m,), 1/100 inch, the distinct training lengths, ascending.
    `decision`: what a predicted distribution is decided for, unless another is asked for.
    `calibration`: of its intervals; None where the loss leaves one length.
    """

    recipe: TextRecipe
    columns: Columns
    encoders: tuple[Encoder, ...]
    vocabulary: Vocabulary | None
    lookup: NeighbourLookup | None
    lookup_encoders: tuple[str, ...]
    network: LengthNetwork
    objective: Objective
    usual_lengths: NDArray[np.float32]
    seen_types: tuple[str, ...]
    scripts: tuple[str, ...]
    decision: DecisionOption = "auto"
    dimensions: DimensionReader | None = None
    terms: TermIndex | None = None
    calibration: Calibration | None = None

    def raw(
        self,
        vectors: Mapping[str, NDArray[Any]],
        fields: pa.RecordBatch,
        types: Strings,
        device: torch.device,
    ) -> Tensor:
        """Raw outputs of the network: float32 (rows, outputs), which `objective` understands.

        `vectors`: of each encoder by its name, (rows, d), as in `Inputs.embeddings`. `fields`: the
        cleaned fields that the texts were joined from, strings (rows,) for each. `types`: strings
        (rows,). The network runs on `device`.
        """
        block = None
        if self.lookup is not None:
            searched = side_by_side([vectors[name] for name in self.lookup_encoders])[:]
            block = self.lookup.features(searched, types)
        codes = None if self.vocabulary is None else self.vocabulary.encode(types)
        dimensions = None if self.dimensions is None else self.dimensions.features(fields)
        terms = None
        if self.terms is not None:
            terms = self.terms.encode(fields.column(self.terms.field), types)
        inputs = Inputs(tuple(vectors.values()), codes, block, None, dimensions, terms)
        batches = OrderedBatches(inputs, np.arange(len(inputs)), _BATCH_ROWS)
        return predict_raw(self.network, batches, device)

    @property
    def reads_types(self) -> bool:
        """Whether a product's type is looked at."""
        return self.vocabulary is not None or self.lookup is not None

    @property
    def reach(self) -> tuple[float, float]:
        """Between which lengths nearly all training rows lie, 1/100 inch.

        Of bins their outermost edges, where the tails begin; else the least and the greatest
        training length.
        """
        if isinstance(self.objective, HistogramObjective):
            edges = self.objective.bins.edges
            return float(np.exp(edges[0] + _ROUNDING)), float(np.exp(edges[-1] - _ROUNDING))
        return float(self.usual_lengths[0]), float(self.usual_lengths[-1])

    def fitted_state(self) -> dict[str, Any]:
        """All but the weights, as tensors, strings and numbers: `from_state` reads it back."""
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "columns": self.columns.model_dump(),
            "encoders": [encoder.state() for encoder in self.encoders],
            "vocabulary": None if self.vocabulary is None else self.vocabulary.state(),
            "lookup": None if self.lookup is None else self.lookup.state(),
            "lookup_encoders": list(self.lookup_encoders),
            "objective": self.objective.state(),
            "decision": self.decision,
            "calibration": None if self.calibration is None else self.calibration.state(),
            "usual_lengths": torch.from_numpy(self.usual_lengths),
            "seen_types": list(self.seen_types),
            "scripts": list(self.scripts),
            "dimensions": None if self.dimensions is None else self.dimensions.state(),
            "terms": None if self.terms is None else self.terms.state(),
        }

    @classmethod
    def from_state(
        cls,
        state: Mapping[str, Any],
        network: LengthNetwork,
        models: Mapping[str, str],
        device: str,
    ) -> Self:
        """The recipe whose `fitted_state` this was, around a network that has its weights.

        `models` gives another place of a sentence encoder's model, by the encoder's name; `device`
        is where encoders run. Raises UserError when an encoder cannot be loaded or is not the one
        of training.
        """
        return cls(
            recipe=TextRecipe.model_validate(state["recipe"]),
            columns=Columns.model_validate(state["columns"]),
            encoders=tuple(
                load_encoder(
                    encoder,
                    models.get(encoder["name"]),
                    setting=f"encoders.{encoder['name']}",
                    device=device,
                )
                for encoder in state["encoders"]
            ),
            vocabulary=None
            if state["vocabulary"] is None
            else Vocabulary.from_state(state["vocabulary"]),
            lookup=None if state["lookup"] is None else NeighbourLookup.from_state(state["lookup"]),
            lookup_encoders=tuple(state["lookup_encoders"]),
            network=network,
            objective=objective_from_state(state["objective"]),
            usual_lengths=state["usual_lengths"].numpy(),
            seen_types=tuple(state["seen_types"]),
            scripts=tuple(state["scripts"]),
            decision=state["decision"],
            dimensions=None
            if state["dimensions"] is None
            else DimensionReader.from_state(state["dimensions"]),
            terms=None if state["terms"] is None else TermIndex.from_state(state["terms"]),
            calibration=None
            if state["calibration"] is None
            else Calibration.from_state(state["calibration"]),
        )


def snapped(
    lengths: NDArray[np.float32], usual_lengths: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Each length replaced by the nearest usual one; of two equally near ones, the smaller.

    `lengths`: float32 (rows,); `usual_lengths`: float32 (m,), ascending; 1/100 inch both.
    """
    above = np.searchsorted(usual_lengths, lengths).clip(1, max(len(usual_lengths) - 1, 1))
    if len(usual_lengths) == 1:
        return np.full_like(lengths, usual_lengths[0])
    low, high = usual_lengths[above - 1], usual_lengths[above]
    nearest: NDArray[np.float32] = np.where(lengths - low <= high - lengths, low, high)
    return nearest
