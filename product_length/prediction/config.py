"""Options of `python -m product_length.predict`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from product_length.decision.config import DecisionOption
from product_length.options import Options


class PredictedColumns(Options):
    """Names of columns that differ from those of the training catalogue."""

    product_id: str | None
    title: str | None
    bullet_points: str | None
    description: str | None
    product_type: str | None


class PredictedData(Options):
    """The catalogue to predict for; it needs no lengths."""

    path: Path
    columns: PredictedColumns


class PredictionJob(Options):
    """A checkpoint, a catalogue, a place to write.

    `encoders` gives another place (folder or hub id) for an encoder of the checkpoint, by name.
    """

    checkpoint: Path
    data: PredictedData
    output: Path
    decision: DecisionOption
    snap: bool
    cache_dir: Path
    batch_rows: Annotated[int, Field(ge=1)]
    encoders: dict[str, str]
    workers: Annotated[int, Field(ge=1)] | Literal["auto"]
    device: str
