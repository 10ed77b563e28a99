"""A trained recipe: from products to lengths, with all that was fitted on the way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self

from product_length.catalogue.config import Columns as ColumnNames
from product_length.catalogue.config import TextRecipe
from product_length.catalogue.products import Products
from product_length.catalogue.units import CatalogueUnit
from product_length.decision.config import DecisionOption
from product_length.decision.conformal import Calibration
from product_length.embeddings.encoder import Encoder
from product_length.features.columns import Columns
from product_length.features.feature import Feature
from product_length.features.features import KeptFeature, load_features, transformed
from product_length.model.config import ModelOptions, model_options
from product_length.model.network import LengthNetwork
from product_length.training.batches import Inputs, OrderedBatches
from product_length.training.objective import (
    HistogramObjective,
    Objective,
    objective_from_state,
)
from product_length.training.predict import expert_shares, predict_raw

_BATCH_ROWS = 2048
_ROUNDING = 1e-5  # of float32 lengths beside edges in float64, in log length


@dataclass(frozen=True)
class Predictor:
    """Everything between a product and its length.

    `columns`: of the table that was trained on; `unit`: of its lengths, and of all that are
    predicted. `kept`: the features, those of text encoders first. `model`: the options of the
    network. `scripts`: in which training texts are written. `usual_lengths`: float32 (m,), the
    distinct training lengths, ascending. `decision`: what a predicted distribution is decided for,
    unless another is asked for. `calibration`: of its intervals; None where the loss leaves one
    length.
    """

    recipe: TextRecipe
    columns: ColumnNames
    unit: CatalogueUnit
    kept: tuple[KeptFeature, ...]
    model: ModelOptions
    network: LengthNetwork
    objective: Objective
    usual_lengths: NDArray[np.float32]
    scripts: tuple[str, ...]
    decision: DecisionOption = "auto"
    calibration: Calibration | None = None

    @property
    def features(self) -> tuple[Feature, ...]:
        """What is known of a product, text encoders first."""
        return tuple(each.feature for each in self.kept)

    @property
    def encoders(self) -> list[Encoder]:
        """The text encoders, in order."""
        return [each.text_encoder for each in self.features if each.text_encoder is not None]

    def transform(self, products: Products, vectors: Columns) -> Columns:
        """The column of each feature; `vectors`: those of text encoders, encoded before."""
        return transformed(self.features, products, vectors)

    def raw(self, columns: Columns, device: torch.device) -> Tensor:
        """Raw outputs of the network: float32 (rows, outputs), which `objective` understands.

        `columns`: as `transform` gives them. The network runs on `device`.
        """
        inputs = Inputs(columns)
        batches = OrderedBatches(inputs, np.arange(len(inputs)), _BATCH_ROWS)
        return predict_raw(self.network, batches, device)

    def shares(self, columns: Columns, device: torch.device) -> dict[str, NDArray[np.float32]]:
        """The share of each feature's expert in the distributions, float32 (rows,), by its name.

        Empty where no feature has one, as for a point loss.
        """
        inputs = Inputs(columns)
        batches = OrderedBatches(inputs, np.arange(len(inputs)), _BATCH_ROWS)
        return expert_shares(self.network, batches, device)

    @property
    def reach(self) -> tuple[float, float]:
        """Between which lengths nearly all training rows lie, in its unit.

        Of bins their outermost edges, where the tails begin; else the least and the greatest
        training length.
        """
        if isinstance(self.objective, HistogramObjective):
            edges = np.array(self.objective.bins.edges) - np.log(self.objective.unit_size)
            return float(np.exp(edges[0] + _ROUNDING)), float(np.exp(edges[-1] - _ROUNDING))
        return float(self.usual_lengths[0]), float(self.usual_lengths[-1])

    def state(self) -> dict[str, Any]:
        """All but the weights, as tensors, strings and numbers: `from_state` reads it back."""
        return {
            "text": self.recipe.model_dump(mode="json"),
            "columns": self.columns.model_dump(),
            "unit": self.unit.name,
            "features": [each.state() for each in self.kept],
            "model": self.model.model_dump(mode="json"),
            "objective": self.objective.state(),
            "decision": self.decision,
            "calibration": None if self.calibration is None else self.calibration.state(),
            "usual_lengths": torch.from_numpy(self.usual_lengths),
            "scripts": list(self.scripts),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], models: Mapping[str, str], device: str) -> Self:
        """The recipe whose `state` this was; its network still waits for its weights.

        `models` gives another place of a sentence encoder's model, by the encoder's name; `device`
        is where encoders run. Raises UserError when an encoder cannot be loaded or is not the one
        of training, and what pydantic raises for options that are none.
        """
        kept = tuple(load_features(state["features"], models, device))
        model, objective = model_options(state["model"]), objective_from_state(state["objective"])
        calibration = state["calibration"]
        return cls(
            recipe=TextRecipe.model_validate(state["text"]),
            columns=ColumnNames.model_validate(state["columns"]),
            unit=CatalogueUnit.named(state["unit"]),
            kept=kept,
            model=model,
            network=LengthNetwork(
                [each.feature for each in kept], model, objective.outputs, objective.bin_grid()
            ),
            objective=objective,
            usual_lengths=state["usual_lengths"].numpy(),
            scripts=tuple(state["scripts"]),
            decision=state["decision"],
            calibration=None if calibration is None else Calibration.from_state(calibration),
        )


def snapped(
    lengths: NDArray[np.float32], usual_lengths: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Each length replaced by the nearest usual one; of two equally near ones, the smaller.

    `lengths`: float32 (rows,); `usual_lengths`: float32 (m,), ascending; of one unit.
    """
    above = np.searchsorted(usual_lengths, lengths).clip(1, max(len(usual_lengths) - 1, 1))
    if len(usual_lengths) == 1:
        return np.full_like(lengths, usual_lengths[0])
    low, high = usual_lengths[above - 1], usual_lengths[above]
    nearest: NDArray[np.float32] = np.where(lengths - low <= high - lengths, low, high)
    return nearest
