"""Options of `tracking=`: where a run is followed."""

from typing import Annotated, Literal

from pydantic import Field

from product_length.options import Options, matching

# W&B's own limits, checked here so that a fault shows before any work.
ProjectName = Annotated[
    str,
    Field(min_length=1, max_length=128),
    matching(r"[^/\\#?%:]+", "without any of / \\ # ? % :"),
]
Name = Annotated[str, Field(min_length=1, max_length=128)]
Tag = Annotated[str, Field(min_length=1, max_length=64)]


class NoTracking(Options):
    """The run folder alone."""

    name: Literal["none"]


class Wandb(Options):
    """Weights & Biases; offline when there is no API key, or as WANDB_MODE says."""

    name: Literal["wandb"]
    project: ProjectName = "product_length"
    entity: Name | None = None
    group: Name | None = None
    run_name: Name | None = None
    tags: tuple[Tag, ...] = ()


TrackingOptions = Annotated[NoTracking | Wandb, Field(discriminator="name")]
