"""Options of `python -m product_length.predict`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from product_length.catalogue.config import Escape
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
    """The catalogue to predict for; it needs no lengths.

    `escape` as in `data=amazon2023`, but of this file: that of training does not matter here.
    """

    path: HomePath
    columns: PredictedColumns
    escape: Escape | None


def _as_list(checkpoint: Any) -> Any:
    return checkpoint if isinstance(checkpoint, list) else [checkpoint]


def _some(checkpoints: list[Path]) -> list[Path]:
    if not checkpoints:
        raise ValueError("name a checkpoint, or several: checkpoint=[a.ckpt,b.ckpt]")
    return checkpoints


def _as_share(interval: Any) -> Any:
    """As it is, unless it is a number of per cent."""
    try:
        percent = float(str(interval).removesuffix("%"))
    except ValueError:
        return interval
    if 1 < percent < 100 or (str(interval).endswith("%") and 0 < percent < 100):
        raise ValueError(f"must be a share below 1; {percent:g}% is interval={percent / 100:g}")
    return interval


class PredictionJob(Options):
    """One checkpoint or several, or folders of their runs, a catalogue, a place to write.

    `interval`: the share of products whose length LOWER and UPPER should hold; None without them.
    `encoders` gives another place (folder or hub id) for an encoder of the checkpoint, by name.
    """

    checkpoint: Annotated[list[HomePath], BeforeValidator(_as_list), AfterValidator(_some)]
    data: PredictedData
    output: HomePath
    decision: DecisionOption
    interval: Annotated[Annotated[float, Field(gt=0, lt=1)] | None, BeforeValidator(_as_share)]
    snap: bool
    cache_dir: HomePath
    batch_rows: Annotated[int, Field(ge=1)]
    encoders: dict[str, HomeText]
    workers: Annotated[int, Field(ge=1)] | Literal["auto"]
    device: str
