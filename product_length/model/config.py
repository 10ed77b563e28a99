"""Options of `model=`: the trunk between the inputs and the head. Input width is derived."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, model_validator
from typing_extensions import Self

from product_length.options import Options

Dropout = Annotated[float, Field(ge=0, lt=1)]
Width = Annotated[int, Field(ge=1, le=65536)]


class TrunkOptions(Options):
    """What every model has.

    `dropout`: the share of the numbers left out between layers in training. `input_dropout`: the
        same of the inputs; on a few thousand rows it keeps the network from leaning on single
        directions of an embedding.
    `dropout_rows`: both are meant for at most so many training rows and fall with the cube root of
        how many times as many there are; null: they never fall.
    """

    dropout: Dropout = 0.2
    input_dropout: Dropout = 0.0
    dropout_rows: Annotated[int, Field(ge=1)] | None = None

    def for_rows(self, rows: int) -> Self:
        """The same options, with the dropout of so many training rows."""
        if self.dropout_rows is None or rows <= self.dropout_rows:
            return self
        kept = (self.dropout_rows / rows) ** (1 / 3)
        shares = {"dropout": kept * self.dropout, "input_dropout": kept * self.input_dropout}
        return self.model_copy(update=shares)


class Mlp(TrunkOptions):
    """Fully connected layers over all inputs side by side."""

    name: Literal["mlp"]
    hidden: Annotated[list[Width], Field(min_length=1)]
    batch_norm: bool = True


class ResidualMlp(TrunkOptions):
    """Pre-normalised residual blocks of one width (as in RealMLP and ResNet for tables)."""

    name: Literal["residual_mlp"]
    width: Width = 512
    blocks: Annotated[int, Field(ge=1)] = 3
    expansion: Annotated[float, Field(gt=0)] = 2.0


class GatedFusion(TrunkOptions):
    """Each encoder projected to one width and weighted by a learned gate, then an MLP."""

    name: Literal["gated_fusion"]
    width: Width = 512
    hidden: Annotated[list[Width], Field(min_length=1)]


class Attention(TrunkOptions):
    """Each encoder a token; self-attention among them, then an MLP over their mean."""

    name: Literal["attention"]
    width: Width = 256
    heads: Annotated[int, Field(ge=1)] = 4
    layers: Annotated[int, Field(ge=1)] = 2
    hidden: Annotated[list[Width], Field(min_length=1)]

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.width % self.heads:
            raise ValueError("heads must divide width")
        return self


ModelOptions = Annotated[Mlp | ResidualMlp | GatedFusion | Attention, Field(discriminator="name")]


def model_options(values: Mapping[str, Any]) -> ModelOptions:
    """The typed options of a model. Raises pydantic's ValidationError."""
    made: ModelOptions = TypeAdapter(ModelOptions).validate_python(values)
    return made
