"""From a source to a Catalogue: read, clean and validate once, then open from disk in seconds."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from product_length.artefacts import Artefact, ArtefactStore, save_array
from product_length.catalogue.catalogue import Catalogue, fingerprint_of
from product_length.catalogue.cell_lengths import MILLIMETRE, CellReader
from product_length.catalogue.config import (
    AMAZON2023_COLUMNS,
    DataOptions,
    DemoData,
    FileData,
    TextRecipe,
)
from product_length.catalogue.file_columns import FileColumns
from product_length.catalogue.length_advice import has_unit
from product_length.catalogue.product_file import ProductFile, write_products
from product_length.catalogue.reader import RawBatch
from product_length.catalogue.source import DemoSource, FileSource, ProductSource
from product_length.catalogue.split import SPLIT_NAMES, TRAIN, VAL, assign_splits
from product_length.catalogue.stored import NotNumbers, product_columns, product_schema
from product_length.catalogue.text import (
    CLEANING_VERSION,
    FIELDS,
    are_empty,
    string_keys,
    trim_types,
)
from product_length.catalogue.units import CELL, CatalogueUnit
from product_length.catalogue.validate import (
    EXAMPLES,
    NOT_A_NUMBER,
    REASONS,
    REPEATED_ID,
    USABLE,
    Dropped,
    DropTally,
    ReadingReport,
    count_dropped,
    find_faults,
    find_repeats,
    parse_lengths,
)
from product_length.errors import UserError
from product_length.measurements.parser import PARSER_VERSION

log = logging.getLogger(__name__)

LEAST_ROWS = 20
"""With fewer usable rows nothing can be learnt or measured."""

_FORMAT = 4  # of the files below; raise it when they change
RESPELLED = "product type written like 713.0, read as 713"
_PRODUCTS = "products.arrow"
_REPEATS = "repeats.npy"
_OF_LABELLED = [
    pa.field("length", pa.float64()),
    pa.field("row_number", pa.int64()),
    pa.field("type_respelled", pa.bool_()),
    pa.field("id_key", pa.uint64()),
    pa.field("type_key", pa.uint64()),
]
"""What is stored of products with lengths, beside what is of all."""


def open_catalogue(data: DataOptions, store: ArtefactStore, *, to_train: bool = True) -> Catalogue:
    """The catalogue that `data` describes; its cleaned rows are made once and kept in `store`.

    Length ranges (min_length, max_length) and splits of one source share the stored rows. Raises
    UserError for any fault of the source, or when too few rows are usable: to be looked at, not
    `to_train`, one row is enough.
    """
    source: ProductSource
    if isinstance(data, DemoData):
        columns = FileColumns.of(AMAZON2023_COLUMNS)
        source = DemoSource(data)
    else:
        columns = FileColumns.of(data.columns)
        source = FileSource(data.path, columns, data.as_written())
    unit = data.unit_said()
    made_from = {
        "format": _FORMAT,
        "cleaning": CLEANING_VERSION,
        "unit": [CELL, PARSER_VERSION] if unit is None else unit.name,
        "recipe": data.text.model_dump(mode="json"),
        "source": source.identity(),
    }
    writer = _Writer(source, columns, data.text, unit or CellReader())
    artefact = store.folder("catalogue", made_from, writer.write)
    log.info("%s: %s %s", source.name, "found in" if artefact.reused else "kept in", artefact.path)
    catalogue = _open_stored(artefact, source.name, data)
    if to_train:
        _check_enough(catalogue.reading, catalogue.split)
    elif not len(catalogue):
        raise UserError(f"no row can be used. {catalogue.reading.in_one_line()}")
    return catalogue


@dataclass
class _Writer:
    """Writes the usable rows of a source. `unit`: of its lengths, or what reads each one's own."""

    source: ProductSource
    columns: FileColumns
    recipe: TextRecipe
    unit: CatalogueUnit | CellReader
    tally: DropTally = field(default_factory=DropTally)
    not_numbers: NotNumbers = field(default_factory=NotNumbers)

    def write(self, folder: Path) -> Mapping[str, Any]:
        """Write usable rows into `folder`; what is returned counts all rows."""
        schema = pa.schema(list(product_schema(self.columns)) + _OF_LABELLED)
        rows_read = write_products(
            self.source, lambda raw: self._clean(raw, schema), schema, folder / _PRODUCTS
        )
        products = ProductFile.open(folder / _PRODUCTS)
        repeats = find_repeats(_numbers(products, "id_key"), products.column("product_id"))
        ids = products.pick_column(repeats[:EXAMPLES], "product_id").to_pylist()
        self.tally.add_rows(REPEATED_ID, _numbers(products, "row_number")[repeats], ids)
        save_array(folder / _REPEATS, repeats)
        dropped = {reason: rows.to_json() for reason, rows in self.tally.by_reason().items()}
        of_cells = None
        if isinstance(self.unit, CellReader):
            of_cells = self.unit.usual_unit()
        else:
            self._refuse_units(dropped, len(products))
        return {
            "rows_read": rows_read,
            "dropped": dropped,
            "not_numbers": self.not_numbers.by_column(),
            "unit_of_cells": of_cells,
        }

    def _clean(self, raw: RawBatch, schema: pa.Schema) -> pa.RecordBatch:
        """Usable rows of a batch as they are stored; the others are counted."""
        columns = product_columns(raw, self.recipe, self.not_numbers)
        cells = raw.rows.column("length")
        lengths, faults = (
            self.unit.read(cells)
            if isinstance(self.unit, CellReader)
            else parse_lengths(cells, raw.decimal, self.unit)
        )
        ids, types = columns["product_id"], columns["product_type"]
        faults = find_faults(ids, faults, are_empty(columns["text_key"].to_numpy()))
        numbers = np.arange(raw.first_row, raw.first_row + len(raw.rows))
        columns |= {
            "length": pa.array(lengths),
            "row_number": pa.array(numbers),
            "type_respelled": pc.not_equal(types, trim_types(raw.rows.column("product_type"))),
            "id_key": pa.array(string_keys(ids)),
            "type_key": pa.array(string_keys(types)),
        }
        self.tally.add(faults, raw.first_row, cells)
        batch = pa.RecordBatch.from_pydict(columns, schema)
        usable = faults == USABLE
        return batch if usable.all() else batch.filter(pa.array(usable))

    def _refuse_units(self, dropped: Mapping[str, Any], kept: int) -> None:
        """Raise UserError for a length column of cells with units, which was read as numbers."""
        wrong = dropped.get(REASONS[NOT_A_NUMBER], {"count": 0, "examples": []})
        with_unit = [each for each in wrong["examples"] if has_unit(each)]
        if with_unit and wrong["count"] > kept:
            raise UserError(
                f"{self.source.name}: column {self.columns.length!r}: {wrong['count']:,} of its "
                f"cells are no plain numbers, such as {', '.join(map(repr, with_unit))}: give "
                f"data.unit={CELL}, which reads cells with a unit"
            )


def _open_stored(artefact: Artefact, source: str, data: DataOptions) -> Catalogue:
    products = ProductFile.open(artefact.path / _PRODUCTS)
    usable = np.ones(len(products), dtype=bool)
    usable[np.load(artefact.path / _REPEATS)] = False
    unit = data.unit_said()
    exact_lengths = _numbers(products, "length")
    if unit is None:  # stored in millimetres
        unit = CatalogueUnit.named(artefact.facts["unit_of_cells"])
        exact_lengths = exact_lengths / unit.in_unit(MILLIMETRE)
    _log_unit(data, unit)
    within = _within(exact_lengths.astype(np.float32), data.min_length, data.max_length)
    row_numbers = _numbers(products, "row_number")
    stored_rows = np.flatnonzero(usable & within)
    text_keys = _numbers(products, "text_key")[stored_rows]
    type_keys = _numbers(products, "type_key")[stored_rows]
    id_keys = _numbers(products, "id_key")[stored_rows]
    exact_lengths = exact_lengths[stored_rows]
    lengths = exact_lengths.astype(np.float32)
    counted = _count_missing(products, stored_rows, data)
    if respelled := _count_respelled(products, stored_rows):
        counted[RESPELLED] = respelled
    counted["repeated texts"] = len(text_keys) - len(np.unique(text_keys))
    reading = ReadingReport(
        source=source,
        rows_read=artefact.facts["rows_read"],
        rows_kept=len(stored_rows),
        dropped={
            reason: Dropped.from_json(rows) for reason, rows in artefact.facts["dropped"].items()
        },
        outside_range=count_dropped(row_numbers[usable & ~within]),
        unit=unit,
        counted=counted,
        not_numbers=artefact.facts["not_numbers"],
    )
    shares = data.split.for_rows(len(stored_rows))
    if shares != data.split:
        log.info(
            "val: %.0f%% of these few rows, instead of %.0f%% (data.split.min_val_rows=%d)",
            100 * shares.val,
            100 * data.split.val,
            data.split.min_val_rows,
        )
    split = assign_splits(text_keys, shares)
    return Catalogue(
        product_ids=products.pick_column(stored_rows, "product_id"),
        types=products.pick_column(stored_rows, "product_type"),
        exact_lengths=exact_lengths,
        text_keys=text_keys,
        split=split,
        row_numbers=row_numbers[stored_rows],
        fingerprint=fingerprint_of(id_keys, text_keys, type_keys, lengths, unit),
        reading=reading,
        recipe=data.text,
        unit=unit,
        stored=products,
        stored_rows=stored_rows,
        usable_rows=np.flatnonzero(usable),
    )


def _log_unit(data: DataOptions, unit: CatalogueUnit) -> None:
    """Say where the unit comes from, unless it was given, and what follows from one's own."""
    if data.unit == CELL:
        log.info("data.unit=%s: most lengths are in %s, all are converted to it", CELL, unit)
    elif data.unit is None and isinstance(data, FileData):
        log.info("data.unit: %s, by the name of the column %s", unit, data.columns.length)
    elif not unit.is_length:
        log.info("data.unit=%s is no unit of length: stated lengths are inputs only", unit)


def _within(
    lengths: NDArray[np.float32], min_length: float | None, max_length: float | None
) -> NDArray[np.bool_]:
    within = np.ones(len(lengths), dtype=bool)
    if min_length is not None:
        within &= lengths >= min_length
    if max_length is not None:
        within &= lengths <= max_length
    return within


def _count_missing(
    products: ProductFile, stored_rows: NDArray[np.int64], data: DataOptions
) -> dict[str, int]:
    """Rows without a field, of the fields that the source has."""
    names = {
        name: f"without {name.replace('_', ' ')}"
        for name in ("product_type", *FIELDS)
        if isinstance(data, DemoData) or getattr(data.columns, name)
    }
    counted = dict.fromkeys(names.values(), 0)
    for batch in products.pick(stored_rows, list(names)):
        for column, name in zip(batch.columns, names.values(), strict=True):
            counted[name] += int(pc.equal(column, "").true_count)
    return counted


def _count_respelled(products: ProductFile, stored_rows: NDArray[np.int64]) -> int:
    batches = products.pick(stored_rows, ["type_respelled"])
    return sum(batch.column(0).true_count for batch in batches)


def _check_enough(reading: ReadingReport, split: NDArray[np.uint8]) -> None:
    counts = reading.in_one_line()
    if reading.rows_kept < LEAST_ROWS:
        few = f"only {reading.rows_kept} rows can be used, {LEAST_ROWS} are needed"
        if reading.outside_range.count:
            few += "; widen data.min_length and data.max_length"
        raise UserError(f"{few}. {counts}")
    for code in (TRAIN, VAL):
        if not (split == code).any():
            raise UserError(
                f"no row falls into the {SPLIT_NAMES[code]} split; raise data.split."
                f"{SPLIT_NAMES[code]} or give more distinct texts. {counts}"
            )


def _numbers(products: ProductFile, name: str) -> NDArray[Any]:
    numbers: NDArray[Any] = products.column(name).to_numpy()
    return numbers
