"""Columns of numbers: as they are, with the bins that their encoder fills."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self, override

from product_length.catalogue.products import Products
from product_length.catalogue.units import CatalogueUnit
from product_length.features.columns import Columns
from product_length.features.encoder import Encoder
from product_length.features.expert import Expert
from product_length.features.feature import Feature, Fitted, Training
from product_length.features.group_lengths import GroupLengths, group_words
from product_length.features.numbers.bins import bin_codes, quantile_edges
from product_length.features.numbers.config import NumbersOptions
from product_length.features.numbers.encoder import PiecewiseEncoder
from product_length.features.numbers.expert import NumbersExpert
from product_length.features.reason import Reason
from product_length.loss.bin_grid import BinGrid

log = logging.getLogger(__name__)

_GREATEST = np.float32(1e37)
"""Numbers are cut off here, so that no difference of two leaves float32."""


@dataclass(frozen=True)
class NumbersFeature(Feature):
    """Numbers float32 (rows, n) of the columns `names`, in the table's units; NaN = missing.

    `edges`: of each column's bins, from the least to the greatest training value; empty where no
    training row has a value. `some_missing`: whether a training row had none, of each. `lengths`:
    of the training rows in each bin of each column, see `bin_codes`; empty from a checkpoint that
    was written without.
    """

    options: NumbersOptions
    names: tuple[str, ...]
    edges: tuple[NDArray[np.float32], ...]
    some_missing: tuple[bool, ...]
    lengths: tuple[GroupLengths, ...] = ()
    name = "numbers"

    @classmethod
    def fit(cls, options: NumbersOptions, training: Training) -> Fitted | None:
        """Bins of the training rows' numbers, and the numbers of every row.

        None where the table has no such columns.
        """
        names = training.products.number_names
        if not names:
            return None
        column = _numbers(training.products, names)
        of_training = column[training.rows]
        missing = np.isnan(of_training)
        edges = tuple(
            quantile_edges(values[~absent], options.bins)
            for values, absent in zip(of_training.T, missing.T, strict=True)
        )
        shown = [
            f"{name} ({_described(each, float(absent.mean()))})"
            for name, each, absent in zip(names, edges, missing.T, strict=True)
        ]
        log.info("numbers: %s", ", ".join(shown))
        every = np.arange(len(of_training))
        lengths = tuple(
            GroupLengths.fit(bin_codes(values, each), every, training.lengths, len(each) + 2)
            for values, each in zip(of_training.T, edges, strict=True)
        )
        some_missing = tuple(bool(each.any()) for each in missing.T)
        return cls(options, names, edges, some_missing, lengths), column

    @override
    def transform(self, products: Products, columns: Columns) -> NDArray[np.float32]:
        """The numbers of each product."""
        return _numbers(products, self.names)

    @override
    def encoder(self) -> Encoder:
        """How far each number reaches into the bins of its column."""
        return PiecewiseEncoder(self.edges)

    @override
    def expert(self, bins: BinGrid, width: int) -> Expert | None:
        """The lengths of the training rows in the same bins."""
        return NumbersExpert(bins, width, self.name, self.edges) if self.options.expert else None

    @override
    def unseen(self, products: Products, column: NDArray[Any]) -> Mapping[str, NDArray[np.bool_]]:
        """Rows with a number beyond those of training, or without one that training always had."""
        found = {}
        for place, name in enumerate(self.names):
            values, edges = column[:, place], self.edges[place]
            least, greatest = (edges[0], edges[-1]) if len(edges) else (np.inf, -np.inf)
            beyond = (values < least) | (values > greatest)
            found[f"have a number in {name} beyond those of training"] = beyond
            if not self.some_missing[place]:
                found[f"have no number in {name}, as all training rows had"] = np.isnan(values)
        return found

    @override
    def reasons(self, products: Products, columns: Columns) -> list[Reason | None]:
        """How many training rows have numbers in the same bins, and how long they are."""
        return [self._reason(row, products.unit) for row in columns[self.name]]

    def _reason(self, row: NDArray[np.float32], unit: CatalogueUnit) -> Reason | None:
        parts, groups = [], []
        for place, value in enumerate(row):
            if np.isnan(value):
                continue
            words = f"{self.names[place]} {_plain(float(value))}"
            if self.lengths:
                edges = self.edges[place]
                code = int(bin_codes(row[place : place + 1], edges)[0])
                around = _bin_words(edges, code)
                group = self.lengths[place].group(code, self.names[place], around, unit)
                groups.append(group)
                words += f" ({around}: {group_words(group, unit)})"
            parts.append(words)
        return Reason(self.name, "; ".join(parts), groups=tuple(groups)) if parts else None

    @override
    def state(self) -> dict[str, Any]:
        """Numbers and strings only."""
        return {
            "names": list(self.names),
            "edges": [each.tolist() for each in self.edges],
            "some_missing": list(self.some_missing),
            "lengths": [each.state() for each in self.lengths],
        }

    @classmethod
    def from_state(cls, options: NumbersOptions, state: Mapping[str, Any]) -> Self:
        """The feature whose `state` this was."""
        edges = tuple(np.array(each, np.float32) for each in state["edges"])
        found = (GroupLengths.from_state(each) for each in state.get("lengths", ()))
        lengths = tuple(each for each in found if each is not None)
        return cls(options, tuple(state["names"]), edges, tuple(state["some_missing"]), lengths)


def _numbers(products: Products, names: Sequence[str]) -> NDArray[np.float32]:
    """Float32 (rows, n) of these columns; NaN where missing or infinite."""
    column = np.empty((len(products), len(names)), np.float32)
    for place, name in enumerate(names):
        values = products.number(name)
        values = np.where(np.isfinite(values), values, np.nan)
        column[:, place] = values.clip(-_GREATEST, _GREATEST)
    return column


def _bin_words(edges: NDArray[np.float32], code: int) -> str:
    """Between which values a bin lies, see `bin_codes`: "250 to 340", "up to 1", "above 900"."""
    shown = [_plain(float(each)) for each in edges[max(code - 2, 0) : code]]
    if code == 1:
        return f"up to {shown[0]}" if shown else "any"
    if code > len(edges):
        return f"above {shown[0]}"
    return " to ".join(dict.fromkeys(shown))


def _plain(value: float) -> str:
    """A number with six digits, a whole one with all: a year is no measurement."""
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:g}"


def _described(edges: NDArray[np.float32], missing: float) -> str:
    """What training rows have in a column, in words."""
    if not len(edges):
        return "no training row has one"
    values = f"{edges[0]:g} to {edges[-1]:g}" if len(edges) > 1 else f"always {edges[0]:g}"
    return f"{values}, {missing:.1%} missing" if missing else values
