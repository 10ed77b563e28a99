"""The best recipe as what benchmarks/training.py times."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hydra import compose, initialize_config_dir
from torch import Tensor
from training_passes import VAL_ROWS, Setting

from product_length.artefacts import ArtefactStore
from product_length.catalogue.split import TRAIN, VAL
from product_length.composition import CONF
from product_length.evaluation.bands import bands_of
from product_length.experiment import Experiment, from_config
from product_length.features.columns import Batch
from product_length.features.features import fit_features
from product_length.model.network import LengthNetwork
from product_length.pipeline import build_model, read_and_embed
from product_length.training.batches import Inputs


@dataclass
class BestSetting(Setting):
    """The best recipe, its features fitted on the demo catalogue."""

    model: Any = None

    def objective(self) -> Any:
        """Of bins."""
        return self.model.objective

    def network(self) -> LengthNetwork:
        """A copy of the untrained network."""
        return deepcopy(self.model.network)

    def cost(self, objective: Any, network: Any, batch: Batch) -> Tensor:
        """Of the mixture and of the head by itself, as the recipe trains."""
        own, mixed = network.own_and_mixed(batch)
        return objective.cost(mixed, batch.lengths) + objective.cost(own, batch.lengths)


def make_best_setting(folder: Path, *, rows: int, **rest: Any) -> BestSetting:
    """The best recipe on so many training products, in memory."""
    products = max(round(rows / 0.84), 11 * VAL_ROWS)  # 85% of them are trained on, 10% are val
    words = ["experiment=best", f"data.rows={products}"]
    words += [f"cache_dir={folder / 'cache'}", "trainer=cpu"]
    with initialize_config_dir(str(CONF)):
        experiment = from_config(compose("train", overrides=words), Experiment)
    catalogue, embeddings = read_and_embed(experiment)
    store = ArtefactStore(experiment.cache_dir)
    fitted = fit_features(catalogue, embeddings, experiment.features, store)
    lengths = catalogue.lengths[catalogue.rows(TRAIN)]
    bands = bands_of(experiment.data, catalogue.unit, lengths)
    model = build_model(experiment, catalogue, fitted, bands)
    kept = np.concatenate([catalogue.rows(TRAIN)[:rows], catalogue.rows(VAL)[:VAL_ROWS]])
    batch = model.inputs.take(kept)
    columns = {name: column.numpy() for name, column in batch.columns.items()}
    assert batch.lengths is not None
    assert batch.texts is not None
    inputs = Inputs(columns, batch.lengths.numpy(), batch.texts.numpy())
    return BestSetting(memory=inputs, file=inputs, path=folder / "cache", model=model, **rest)
