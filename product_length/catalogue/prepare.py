"""From a source to a Catalogue: read, clean and validate once, then open from disk in seconds."""

import functools
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from product_length.artefacts import Artefact, ArtefactStore, save_array
from product_length.catalogue.catalogue import Catalogue, fingerprint_of
from product_length.catalogue.config import DataOptions, DemoData, TextRecipe
from product_length.catalogue.product_file import ProductFile, write_products
from product_length.catalogue.raw_batch import RawBatch
from product_length.catalogue.source import DemoSource, FileSource, ProductSource
from product_length.catalogue.split import SPLIT_NAMES, TRAIN, VAL, assign_splits
from product_length.catalogue.text import (
    CLEANING_VERSION,
    FIELDS,
    clean_fields,
    clean_types,
    join_fields,
    string_keys,
    trim_types,
)
from product_length.catalogue.validate import (
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

log = logging.getLogger(__name__)

LEAST_ROWS = 20
"""With fewer usable rows nothing can be learnt or measured."""

_FORMAT = 2  # of the files below; raise it when they change
RESPELLED = "product type written like 713.0, read as 713"
_PRODUCTS = "products.arrow"
_REPEATS = "repeats.npy"
_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("product_id", "product_type", *FIELDS)]
    + [("length", pa.float32()), ("row_number", pa.int64()), ("type_respelled", pa.bool_())]
    + [(name, pa.uint64()) for name in ("id_key", "type_key", "text_key")]
)


def open_catalogue(data: DataOptions, store: ArtefactStore) -> Catalogue:
    """The catalogue that `data` describes; its cleaned rows are made once and kept in `store`.

    Length ranges (min_length, max_length) and splits of one source share the stored rows. Raises
    UserError for any fault of the source, or when too few rows are usable.
    """
    source: ProductSource
    if isinstance(data, DemoData):
        source = DemoSource(data)
    else:
        source = FileSource(data.path, data.columns, escape=data.escape)
    made_from = {
        "format": _FORMAT,
        "cleaning": CLEANING_VERSION,
        "recipe": data.text.model_dump(mode="json"),
        "source": source.identity(),
    }
    make = functools.partial(_write_products, source, data.text)
    artefact = store.folder("catalogue", made_from, make)
    log.info("%s: %s %s", source.name, "found in" if artefact.reused else "kept in", artefact.path)
    return _open_stored(artefact, source.name, data)


def _write_products(source: ProductSource, recipe: TextRecipe, folder: Path) -> Mapping[str, Any]:
    """Write usable rows into `folder`; what is returned counts all rows."""
    tally = DropTally()

    def clean(raw: RawBatch) -> pa.RecordBatch:
        batch, faults = clean_batch(raw, recipe)
        tally.add(faults, raw.first_row, raw.rows.column("length"))
        return batch

    rows_read = write_products(source, clean, _SCHEMA, folder / _PRODUCTS)
    products = ProductFile.open(folder / _PRODUCTS)
    repeats = find_repeats(_numbers(products, "id_key"), products.column("product_id"))
    tally.add_rows(REPEATED_ID, _numbers(products, "row_number")[repeats])
    save_array(folder / _REPEATS, repeats)
    dropped = {reason: rows.to_json() for reason, rows in tally.by_reason().items()}
    return {"rows_read": rows_read, "dropped": dropped}


def clean_batch(raw: RawBatch, recipe: TextRecipe) -> tuple[pa.RecordBatch, NDArray[np.uint8]]:
    """Usable rows of a batch as they are stored, and the fault of each row, uint8 (rows,).

    Ids that an earlier batch holds are not known here: REPEATED_ID is never among the faults.
    """
    fields = clean_fields(raw.rows, recipe)
    texts = join_fields(fields, recipe)
    lengths, length_faults = parse_lengths(raw.rows.column("length"))
    product_ids = raw.rows.column("product_id")
    types = clean_types(raw.rows.column("product_type"))
    respelled = pc.not_equal(types, trim_types(raw.rows.column("product_type")))
    faults = find_faults(product_ids, length_faults, texts)
    numbers = np.arange(raw.first_row, raw.first_row + len(raw.rows))
    keys = [pa.array(string_keys(strings)) for strings in (product_ids, types, texts)]
    columns = [product_ids, types, *fields.columns]
    columns += [pa.array(lengths), pa.array(numbers), respelled, *keys]
    batch = pa.RecordBatch.from_arrays(columns, schema=_SCHEMA)
    usable = faults == USABLE
    return batch if usable.all() else batch.filter(pa.array(usable)), faults


def _open_stored(artefact: Artefact, source: str, data: DataOptions) -> Catalogue:
    products = ProductFile.open(artefact.path / _PRODUCTS)
    usable = np.ones(len(products), dtype=bool)
    usable[np.load(artefact.path / _REPEATS)] = False
    lengths = _numbers(products, "length")
    within = _within(lengths, data.min_length, data.max_length)
    row_numbers = _numbers(products, "row_number")
    stored_rows = np.flatnonzero(usable & within)
    text_keys = _numbers(products, "text_key")[stored_rows]
    type_keys = _numbers(products, "type_key")[stored_rows]
    id_keys = _numbers(products, "id_key")[stored_rows]
    lengths = lengths[stored_rows]
    counted = _count_missing(products, stored_rows)
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
        counted=counted,
    )
    split = assign_splits(text_keys, data.split)
    _check_enough(reading, split)
    return Catalogue(
        product_ids=products.pick_column(stored_rows, "product_id"),
        types=products.pick_column(stored_rows, "product_type"),
        lengths=lengths,
        text_keys=text_keys,
        split=split,
        row_numbers=row_numbers[stored_rows],
        fingerprint=fingerprint_of(id_keys, text_keys, type_keys, lengths),
        reading=reading,
        recipe=data.text,
        stored=products,
        stored_rows=stored_rows,
        usable_rows=np.flatnonzero(usable),
    )


def _within(
    lengths: NDArray[np.float32], min_length: float | None, max_length: float | None
) -> NDArray[np.bool_]:
    within = np.ones(len(lengths), dtype=bool)
    if min_length is not None:
        within &= lengths >= min_length
    if max_length is not None:
        within &= lengths <= max_length
    return within


def _count_missing(products: ProductFile, stored_rows: NDArray[np.int64]) -> dict[str, int]:
    names = {"product_type": "without product type"}
    names |= {name: f"without {name.replace('_', ' ')}" for name in FIELDS}
    counted = dict.fromkeys(names.values(), 0)
    for batch in products.pick(stored_rows, list(names)):
        for column, name in zip(batch.columns, names.values(), strict=True):
            counted[name] += int(pc.equal(column, "").true_count)
    return counted


def _count_respelled(products: ProductFile, stored_rows: NDArray[np.int64]) -> int:
    batches = products.pick(stored_rows, ["type_respelled"])
    return sum(batch.column(0).true_count for batch in batches)


def _check_enough(reading: ReadingReport, split: NDArray[np.uint8]) -> None:
    counts = "; ".join(line.strip() for line in reading.lines())
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
