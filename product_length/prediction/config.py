"""Options of `python -m product_length.predict`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from product_length.decision.config import DecisionOption
from product_length.options import HomePath, HomeText, Options


class PredictedColumns(Options):
    """Names of columns that differ from those of the training catalogue."""

    product_id: str | None
    title: str | None
    bullet_points: str | None
    description: str | None
    product_type: str | None


class PredictedData(Options):
    """The catalogue to predict for; it needs no lengths."""

    path: HomePath
    columns: PredictedColumns


def _as_list(checkpoint: Any) -> Any:
    return checkpoint if isinstance(checkpoint, list) else [checkpoint]


def _once(checkpoints: list[Path]) -> list[Path]:
    if not checkpoints:
        raise ValueError("name a checkpoint, or several: checkpoint=[a.ckpt,b.ckpt]")
    for path in checkpoints:
        if checkpoints.count(path) > 1:
            raise ValueError(f"{path} is named twice; each has the same weight, name it once")
    return checkpoints


class PredictionJob(Options):
    """One checkpoint or several, a catalogue, a place to write.

    `interval`: the share of products whose length LOWER and UPPER should hold; None without them.
    `encoders` gives another place (folder or hub id) for an encoder of the checkpoint, by name.
    """

    checkpoint: Annotated[list[HomePath], BeforeValidator(_as_list), AfterValidator(_once)]
    data: PredictedData
    output: HomePath
    decision: DecisionOption
    interval: Annotated[float, Field(gt=0, lt=1)] | None
    snap: bool
    cache_dir: HomePath
    batch_rows: Annotated[int, Field(ge=1)]
    encoders: dict[str, HomeText]
    workers: Annotated[int, Field(ge=1)] | Literal["auto"]
    device: str
