"""Options of `data=`: which catalogue, which rows of it, which text, which split."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import Self

from product_length.options import HomePath, Options


def _one_character(escape: str) -> str:
    if len(escape) != 1 or not "!" <= escape <= "~" or escape.isalnum() or escape in '",':
        raise ValueError(
            "one character of ASCII, neither a letter nor a digit, a comma or a quote; "
            'a backslash is data.escape="\\\\"'
        )
    return escape


TextField = Literal["title", "bullet_points", "description"]

Escape = Annotated[str, AfterValidator(_one_character)]
"""The character that takes the meaning from the one after it in a CSV file."""


class TextRecipe(Options):
    """How a product's fields become its one text."""

    fields: Annotated[list[TextField], Field(min_length=1)]
    separator: str = " "
    unescape_html: bool = True
    strip_tags: bool = True
    fold_whitespace: bool = True

    @model_validator(mode="after")
    def _fields_once(self) -> Self:
        if len(set(self.fields)) != len(self.fields):
            raise ValueError("fields: each field may appear once")
        return self


class SplitOptions(Options):
    """Shares of the train, val and test splits; rows with identical text stay together.

    With `folds` the test split is fold `fold` of so many equal ones (cross-validation), whatever
    `test` says; the other rows go to train and val in proportion to their shares.
    """

    seed: Annotated[int, Field(ge=0)] = 0
    train: Annotated[float, Field(gt=0, lt=1)] = 0.85
    val: Annotated[float, Field(gt=0, lt=1)] = 0.10
    test: Annotated[float, Field(ge=0, lt=1)] = 0.05
    folds: Annotated[int, Field(ge=2)] | None = None
    fold: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if abs(self.train + self.val + self.test - 1) > 1e-6:
            raise ValueError("train + val + test must be 1")
        if self.fold and (self.folds is None or self.fold >= self.folds):
            last = "set folds too" if self.folds is None else f"the last one is {self.folds - 1}"
            raise ValueError(f"fold {self.fold} is not one of the folds; {last}")
        return self


class Columns(Options):
    """Names of the columns in the file; null where a catalogue has no such column."""

    product_id: str = "PRODUCT_ID"
    title: str | None = "TITLE"
    bullet_points: str | None = "BULLET_POINTS"
    description: str | None = "DESCRIPTION"
    product_type: str | None = "PRODUCT_TYPE_ID"
    length: str = "PRODUCT_LENGTH"

    @model_validator(mode="after")
    def _usable(self) -> Self:
        names = [name for name in self.model_dump().values() if name is not None]
        if len(set(names)) != len(names):
            raise ValueError("two columns may not share a name")
        if self.title is self.bullet_points is self.description is None:
            raise ValueError("one of title, bullet_points and description must name a column")
        return self


class _Data(Options):
    min_length: Annotated[float, Field(gt=0)] | None = None
    max_length: Annotated[float, Field(gt=0)] | None = None
    text: TextRecipe
    split: SplitOptions

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.min_length and self.max_length and self.min_length > self.max_length:
            raise ValueError("min_length is above max_length: no row would be left")
        return self


class DemoData(_Data):
    """The generated catalogue."""

    source: Literal["demo"]
    rows: Annotated[int, Field(ge=100, le=50_000_000)] = 20_000
    types: Annotated[int, Field(ge=2, le=50_000)] = 600
    seed: Annotated[int, Field(ge=0)] = 0


class FileData(_Data):
    """A catalogue in a CSV (plain, gzip, zip) or Parquet file.

    `escape`: what CSV writes before a quote inside a quoted field; null where it doubles quotes.
    """

    source: Literal["file"]
    path: HomePath
    columns: Columns = Columns()
    escape: Escape | None = None


DataOptions = Annotated[DemoData | FileData, Field(discriminator="source")]
