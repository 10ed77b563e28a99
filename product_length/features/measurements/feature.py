"""What texts state, as numbers for the network."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self, override

from product_length.artefacts import ArtefactStore
from product_length.catalogue.products import Products
from product_length.catalogue.text import FIELDS, string_keys
from product_length.catalogue.units import CatalogueUnit
from product_length.errors import UserError
from product_length.features.columns import Columns
from product_length.features.encoder import Encoder, NumbersEncoder
from product_length.features.expert import Expert
from product_length.features.feature import Feature, Fitted, Training
from product_length.features.measurements.columns import column_names, measurement_columns
from product_length.features.measurements.config import MeasurementsOptions
from product_length.features.measurements.expert import MeasurementsExpert
from product_length.features.measurements.reasons import statement_reasons
from product_length.features.reason import Reason
from product_length.features.scaler import Scaler
from product_length.loss.bin_grid import BinGrid
from product_length.measurements.candidates import Candidates, parse_fields
from product_length.measurements.parser import PARSER_VERSION

log = logging.getLogger(__name__)

_CHUNK_ROWS = 8192
_FARTHEST = 8.0
"""Deviations from the mean at which a number is cut off: some texts state absurd lengths."""


@dataclass(frozen=True)
class MeasurementsFeature(Feature):
    """Numbers float32 (rows, n) about what texts state, see `columns`; NaN where nothing.

    `fields`: that are read; `types`: how many codes of product types there are, None without;
    `unit`: of the catalogue's lengths. Where that is no length, as kg, stated lengths are given in
    millimetres and are seen by the trunk only.
    """

    options: MeasurementsOptions
    fields: tuple[str, ...]
    scaler: Scaler
    types: int | None
    unit: CatalogueUnit
    name = "measurements"

    @classmethod
    def fit(cls, options: MeasurementsOptions, training: Training) -> Fitted:
        """Parse the texts of every row, or reuse what was parsed, which no label decides.

        Only fields that the recipe of the text joins are read.
        """
        products, rows = training.products, training.rows
        if options.expert and not products.unit.is_length:
            log.info(
                "measurements: lengths in texts are inputs only: they cannot be given in %s",
                products.unit,
            )
        fields = tuple(name for name in FIELDS if name in products.recipe.fields)
        parsed = _parsed(products, fields, options.max_measurements, training.store)
        column = np.empty((len(products), len(column_names())), dtype=np.float32)
        for start in range(0, len(column), _CHUNK_ROWS):
            chunk = slice(start, start + _CHUNK_ROWS)
            column[chunk] = measurement_columns(parsed[chunk], _millimetres(products.unit))
        codes = training.columns.get("types")
        types = None if codes is None else int(codes[rows].max()) + 1
        return cls(options, fields, Scaler.fit(column, rows), types, products.unit), column

    @override
    def transform(self, products: Products, columns: Columns) -> NDArray[np.float32]:
        """Numbers about what the products' texts state."""
        return np.concatenate(
            [
                measurement_columns(
                    parse_fields(some, self.fields, self.options.max_measurements),
                    _millimetres(self.unit),
                )
                for some in products.fields().to_batches()
            ]
        )

    @override
    def encoder(self) -> Encoder:
        """The numbers, standardised and projected."""
        return NumbersEncoder(self.scaler, self.options.width, _FARTHEST)

    @override
    def expert(self, bins: BinGrid, width: int) -> Expert | None:
        """Stated lengths, and what they usually say about the length; None if that is none."""
        if not (self.options.expert and self.unit.is_length):
            return None
        return MeasurementsExpert(bins, width, self.types, ratios=self.options.ratios)

    @override
    def reasons(self, products: Products, columns: Columns) -> list[Reason | None]:
        """The measurements that the text states, and where."""
        return statement_reasons(products, self.fields, self.options.max_measurements)

    @override
    def state(self) -> dict[str, Any]:
        """Numbers and strings only."""
        return {
            "parser": PARSER_VERSION,
            "fields": list(self.fields),
            "scaler": self.scaler.state(),
            "types": self.types,
            "unit": self.unit.name,
        }

    @classmethod
    def from_state(cls, options: MeasurementsOptions, state: Mapping[str, Any]) -> Self:
        """The feature whose `state` this was. Raises UserError for another parser's."""
        if state["parser"] != PARSER_VERSION:
            raise UserError(
                f"the checkpoint reads measurements with parser {state['parser']}, this version "
                f"has parser {PARSER_VERSION}; predict with the version that trained it"
            )
        fields, scaler = tuple(state["fields"]), Scaler.from_state(state["scaler"])
        return cls(options, fields, scaler, state["types"], CatalogueUnit.named(state["unit"]))


def _millimetres(unit: CatalogueUnit) -> float:
    """How many millimetres one of the unit is that columns are in: the model's, or millimetres."""
    return 1.0 if unit.millimetres is None else unit.millimetres / unit.in_model_units


def _parsed(
    products: Products, names: Sequence[str], most: int, store: ArtefactStore
) -> Candidates:
    def parse(start: int, stop: int) -> tuple[NDArray[np.uint8], dict[str, int]]:
        packed = [
            parse_fields(batch, names, most) for batch in products.fields(start, stop).to_batches()
        ]
        counts = {
            "stating": sum(int((~np.isnan(each.values)).any(axis=1).sum()) for each in packed)
        }
        return np.concatenate([each.packed() for each in packed]), counts

    artefact = store.array(
        "dimensions",
        {"texts": _digest(products, names), "fields": list(names), "parser": PARSER_VERSION},
        shape=(len(products), most, 9),
        dtype="uint8",
        chunk_rows=_CHUNK_ROWS,
        make_chunk=parse,
        label="reading measurements",
    )
    log.info(
        "measurements: %s, stated by %.1f%% of the rows",
        "reused" if artefact.reused else "read",
        100 * artefact.facts["stating"] / len(products),
    )
    return Candidates.from_packed(artefact.load_array())


def _digest(products: Products, names: Sequence[str]) -> str:
    """sha256 hex of the texts of each field: what the measurements depend on."""
    digest = hashlib.sha256()
    for start in range(0, len(products), _CHUNK_ROWS):
        for batch in products.fields(start, start + _CHUNK_ROWS).to_batches():
            for name in names:
                digest.update(string_keys(batch.column(name)).tobytes())
    return digest.hexdigest()
