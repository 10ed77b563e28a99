"""Options of `data=`: which catalogue, which rows of it, which text, which split."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from typing_extensions import Self

from product_length.catalogue.units import (
    CELL,
    HUNDREDTH_INCH,
    MILLIMETRES,
    CatalogueUnit,
    unit_in_name,
)
from product_length.decision.config import Decision
from product_length.options import HomePath, Options
from product_length.tables.config import TableOptions

TextField = Literal["title", "bullet_points", "description"]


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

    Where the share `val` is fewer than `min_val_rows` rows it grows to so many, at the cost of
    train, but to no more than a quarter of both.

    With `folds` the test split is fold `fold` of so many equal ones (cross-validation), whatever
    `test` says; the other rows go to train and val in proportion to their shares.
    """

    seed: Annotated[int, Field(ge=0)] = 0
    train: Annotated[float, Field(gt=0, lt=1)] = 0.85
    val: Annotated[float, Field(gt=0, lt=1)] = 0.10
    test: Annotated[float, Field(ge=0, lt=1)] = 0.05
    min_val_rows: Annotated[int, Field(ge=0)] = 20
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

    def for_rows(self, rows: int) -> Self:
        """The same for a catalogue of so many rows, with val rows to choose an epoch by."""
        both = self.train + self.val
        wanted = min(self.min_val_rows / max(rows, 1), both / 4)
        if self.val >= wanted:
            return self
        return self.model_copy(update={"val": wanted, "train": both - wanted})


def _listed(names: object) -> object:
    if names is None:
        return []
    return [names] if isinstance(names, str) else names


def _each_once(names: list[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)}: named twice")
    if not all(name.strip() for name in names):
        raise ValueError("a column has a name; give null where there is none")
    return names


ColumnNames = Annotated[list[str], BeforeValidator(_listed), AfterValidator(_each_once)]
"""Names of columns: one, a list, or null for none."""

ColumnName = Annotated[str, Field(min_length=1)]


class Columns(Options):
    """Names of the columns in the file.

    `product_id`: null, a product is called by the number of its row. `title`, `bullet_points`,
    `description`: null, one column, or several, which are joined. `length`: what is predicted.
    `numbers`, `categories`: what else is known, for the features of these names.
    """

    product_id: ColumnName | None = None
    title: ColumnNames = Field(default_factory=list)
    bullet_points: ColumnNames = Field(default_factory=list)
    description: ColumnNames = Field(default_factory=list)
    product_type: ColumnName | None = None
    length: ColumnName
    numbers: ColumnNames = Field(default_factory=list)
    categories: ColumnNames = Field(default_factory=list)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if not (self.title or self.bullet_points or self.description):
            raise ValueError("one of title, bullet_points and description must name a column")
        for key in self.model_dump(exclude={"length"}):
            names = getattr(self, key)
            if self.length in (names if isinstance(names, list) else [names]):
                raise ValueError(
                    f"{key}={self.length}: is the length column too, which is to be predicted"
                )
        return self


AMAZON2023_COLUMNS = Columns(
    product_id="PRODUCT_ID",
    title=["TITLE"],
    bullet_points=["BULLET_POINTS"],
    description=["DESCRIPTION"],
    product_type="PRODUCT_TYPE_ID",
    length="PRODUCT_LENGTH",
)
"""Names in the Amazon ML Challenge 2023, which the demo catalogue has as well."""


def _unit_name(name: str) -> str:
    return name if name == CELL else CatalogueUnit.named(name).name


UnitName = Annotated[str, AfterValidator(_unit_name)]


class _Data(Options):
    """What every catalogue has.

    min_length, max_length and bands are in the unit of the lengths. `bands`: edges of the ranges of
    true length that errors are reported for, ascending; null: laid by the training rows.
    `decision`: what a predicted distribution is decided for where the run's own `decision` is auto.
    """

    min_length: Annotated[float, Field(gt=0)] | None = None
    max_length: Annotated[float, Field(gt=0)] | None = None
    bands: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)] | None = None
    decision: Decision
    text: TextRecipe
    split: SplitOptions

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.min_length and self.max_length and self.min_length > self.max_length:
            raise ValueError("min_length is above max_length: no row would be left")
        if self.bands and any(low >= high for low, high in pairwise(self.bands)):
            raise ValueError("bands: edges must ascend")
        return self


class DemoData(_Data):
    """The generated catalogue."""

    unit: UnitName = HUNDREDTH_INCH.name
    decision: Decision = "mape"

    def unit_said(self) -> CatalogueUnit:
        """The unit of the lengths."""
        return CatalogueUnit.named(self.unit)

    @model_validator(mode="after")
    def _has_lengths(self) -> Self:
        if self.unit not in MILLIMETRES:
            raise ValueError(f"unit={self.unit}: must be one of {', '.join(MILLIMETRES)}")
        return self

    source: Literal["demo"]
    rows: Annotated[int, Field(ge=100, le=50_000_000)] = 20_000
    types: Annotated[int, Field(ge=2, le=50_000)] = 600
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def columns(self) -> Columns:
        """Of the files that the demo catalogue is written to."""
        return AMAZON2023_COLUMNS


class FileData(_Data, TableOptions):
    """A catalogue in a table.

    `unit`: null, the one that the name of the length column says. How the table is written:
    `TableOptions`.
    """

    source: Literal["file"]
    path: HomePath
    columns: Columns
    unit: UnitName | None = None
    decision: Decision = "median"

    def unit_said(self) -> CatalogueUnit | None:
        """The unit of the lengths, given or by their column's name; None: each cell says it."""
        if self.unit is None:
            return unit_in_name(self.columns.length)
        return None if self.unit == CELL else CatalogueUnit.named(self.unit)

    @model_validator(mode="after")
    def _unit_is_known(self) -> Self:
        if self.unit != CELL and self.unit_said() is None:
            raise ValueError(
                f"say what {self.columns.length} is in: data.unit=cm, one of "
                f"{', '.join(MILLIMETRES)}, {CELL} where each cell says its own (30 cm), or a name "
                "of your own for what is no length (kg)"
            )
        return self


DataOptions = Annotated[DemoData | FileData, Field(discriminator="source")]
