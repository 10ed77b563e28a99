"""Options of `tracking=`: where a run is followed."""

from typing import Annotated, Literal

from pydantic import Field

from product_length.options import Options


class NoTracking(Options):
    """The run folder alone."""

    name: Literal["none"]


class Wandb(Options):
    """Weights & Biases; offline when there is no API key, or as WANDB_MODE says."""

    name: Literal["wandb"]
    project: Annotated[str, Field(min_length=1)] = "product_length"
    entity: str | None = None
    group: str | None = None
    run_name: str | None = None
    tags: list[str] = []
    sampled_predictions: Annotated[int, Field(ge=0, le=10_000)] = 500


TrackingOptions = Annotated[NoTracking | Wandb, Field(discriminator="name")]
