"""The typed configuration of one run, and the rules that hold across its groups."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator
from typing_extensions import Self

from product_length.catalogue.config import DataOptions
from product_length.embeddings.config import EmbeddingOptions
from product_length.evaluation.config import EvaluationOptions
from product_length.features.config import FeatureOptions
from product_length.loss.point import LossOptions
from product_length.model.config import ModelOptions
from product_length.options import Options
from product_length.tracking.config import TrackingOptions
from product_length.training.config import TrainerOptions


class Experiment(Options):
    """Everything that a run is made from."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    cache_dir: Path
    data: DataOptions
    embeddings: EmbeddingOptions
    features: FeatureOptions
    loss: LossOptions
    model: ModelOptions
    trainer: TrainerOptions
    tracking: TrackingOptions
    evaluation: EvaluationOptions
