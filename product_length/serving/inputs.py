"""What a served recipe reads of a product, and products as the table that it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from typing_extensions import Self

from product_length.catalogue.text import FIELDS
from product_length.prediction.config import PredictedColumns
from product_length.prediction.ensemble import Ensemble

_NUMBER, _CATEGORY = "number: ", "category: "


@dataclass(frozen=True)
class Inputs:
    """The parts of a product that are read: fields of its text, its type, further columns.

    `numbers`, `categories`: names as in training; `choices`: values that training knows, the most
    frequent first, by "product_type" or the name of a category.
    """

    fields: tuple[str, ...]
    product_type: bool
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    choices: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, ensemble: Ensemble) -> Self:
        """What any of the recipes reads."""
        members = ensemble.members
        read = {
            name for each in members for name in each.recipe.fields if getattr(each.columns, name)
        }
        choices: dict[str, tuple[str, ...]] = {}
        for member in members:
            for feature in member.features:
                for name, values in feature.choices().items():
                    choices.setdefault(name, tuple(values))
        return cls(
            fields=tuple(name for name in FIELDS if name in read),
            product_type=any(each.columns.product_type for each in members),
            numbers=_each_once([name for each in members for name in each.columns.numbers]),
            categories=_each_once([name for each in members for name in each.columns.categories]),
            choices=choices,
        )

    def columns(self, ensemble: Ensemble) -> PredictedColumns:
        """How the columns of `table` are called."""
        (first, *_) = ensemble.members
        named: dict[str, Any] = {name: [name] if name in self.fields else [] for name in FIELDS}
        named["product_type"] = "product_type" if self.product_type else None
        named["numbers"] = [f"{_NUMBER}{name}" for name in first.columns.numbers]
        named["categories"] = [f"{_CATEGORY}{name}" for name in first.columns.categories]
        return PredictedColumns.model_validate(named)

    def table(self, products: Sequence[Mapping[str, Any]]) -> pa.Table:
        """Products, as the requests have them, one a row."""
        columns: dict[str, pa.Array] = {
            name: pa.array([each.get(name) for each in products], pa.string())
            for name in (*self.fields, *(("product_type",) if self.product_type else ()))
        }
        for key, prefix, names, kind in (
            ("numbers", _NUMBER, self.numbers, pa.float64()),
            ("categories", _CATEGORY, self.categories, pa.string()),
        ):
            for name in names:
                values = [(each.get(key) or {}).get(name) for each in products]
                columns[f"{prefix}{name}"] = pa.array(values, kind)
        return pa.table(columns)


def _each_once(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
