"""Options of `python -m product_length.predict` and `.export`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from typing_extensions import Self

from product_length.catalogue.config import ColumnName, ColumnNames
from product_length.decision.config import DecisionOption
from product_length.options import HomePath, HomeText, Options
from product_length.tables.config import TableOptions

AS_IN_TRAINING = "(as in training)"
"""In the place of a column's name: the name that it has in training."""


def _listed(names: Any) -> Any:
    return [names] if isinstance(names, str) else names


class PredictedColumns(Options):
    """Names of the columns in the file; those that are not set are named as in training.

    Null, or an empty list: there is no such column. `numbers`, `categories`: a name, or null, for
    each one of training, in that order.
    """

    product_id: ColumnName | None = None
    title: ColumnNames = Field(default_factory=list)
    bullet_points: ColumnNames = Field(default_factory=list)
    description: ColumnNames = Field(default_factory=list)
    product_type: ColumnName | None = None
    numbers: Annotated[list[ColumnName | None] | None, BeforeValidator(_listed)] = None
    categories: Annotated[list[ColumnName | None] | None, BeforeValidator(_listed)] = None

    @model_validator(mode="before")
    @classmethod
    def _only_those_that_differ(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {key: value for key, value in values.items() if value != AS_IN_TRAINING}

    def given(self) -> dict[str, Any]:
        """What differs from training, by key."""
        return self.model_dump(exclude_unset=True)


class PredictedData(TableOptions):
    """The table to predict for: without lengths, or with, and written in its own way."""

    path: HomePath
    columns: PredictedColumns


def as_list(checkpoint: Any) -> Any:
    """A list of one, unless it is a list."""
    return checkpoint if isinstance(checkpoint, list) else [checkpoint]


def some_checkpoints(checkpoints: list[Path]) -> list[Path]:
    """The same. Raises ValueError where there is none."""
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


class ExportJob(Options):
    """One checkpoint, or the folder of its run, and a folder to write.

    `onnx`: whether the network is written as ONNX too; `encoders` as in `PredictionJob`.
    """

    checkpoint: HomePath
    output: HomePath
    onnx: bool
    encoders: dict[str, HomeText]


Share = Annotated[Annotated[float, Field(gt=0, lt=1)], BeforeValidator(_as_share)]
"""A share of products, as 0.9."""


class PredictionJob(Options):
    """One checkpoint or several, or folders of their runs, a table, a place to write.

    `keep`: columns of the table that are written too. `interval`: the share of products whose
    length LOWER and UPPER should hold; None without them. `reasons`: whether there is a column of
    plain words on why each length is what it is; "words": and on which words of the title move it.
    `encoders` gives another place (folder or hub id) for an encoder of the checkpoint, by name.
    `engine`: `ray` shares out the parts of a folder among workers of the cluster at `ray_address`,
    else at RAY_ADDRESS, else of one started here; so many `workers`.
    """

    checkpoint: Annotated[
        list[HomePath], BeforeValidator(as_list), AfterValidator(some_checkpoints)
    ]
    data: PredictedData
    output: HomePath
    keep: ColumnNames
    decision: DecisionOption
    interval: Share | None
    reasons: bool | Literal["words"]
    snap: bool
    cache_dir: HomePath
    batch_rows: Annotated[int, Field(ge=1)]
    encoders: dict[str, HomeText]
    engine: Literal["local", "ray"] = "local"
    workers: Annotated[int, Field(ge=1)] | Literal["auto"]
    ray_address: Annotated[str, Field(min_length=1)] | None = None
    device: str

    @model_validator(mode="after")
    def _for_ray(self) -> Self:
        if self.engine != "ray":
            if self.ray_address is not None:
                raise ValueError(f"ray_address={self.ray_address} needs engine=ray")
        elif ":" in self.device:
            raise ValueError(
                f"device={self.device}: with engine=ray each worker has a GPU of its own; give "
                "device=cuda, cpu or auto"
            )
        return self
