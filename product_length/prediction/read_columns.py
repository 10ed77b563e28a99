"""Which columns of the table to predict for each recipe reads, and what of them is not there."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from product_length.catalogue.config import Columns
from product_length.catalogue.file_columns import (
    FileColumns,
    absent_column,
    shown_columns,
)
from product_length.catalogue.text import FIELDS
from product_length.errors import ConfigError, UserError
from product_length.prediction.config import PredictedColumns, PredictedData
from product_length.tables.open_table import open_table

log = logging.getLogger(__name__)

ROW = "row"
"""Heads the ids of products that are called by the number of their row."""


def columns_to_read(
    trained: Sequence[Columns], data: PredictedData, keep: Sequence[str]
) -> list[FileColumns]:
    """What recipes that were trained on these columns read of a table.

    Columns that it lacks are left out, and logged in one line. Raises ConfigError where names
    contradict the recipes, and UserError when a column that is named in `data` or `keep` is not
    there, when no column to predict from is, or for a fault of the file or its header.
    """
    present = open_table(data.path, data.as_written()).names
    found, lacking = match_columns(trained, data.columns, keep, str(data.path), present)
    if lacking:
        log.warning("warning: %s: %s", data.path, lacking)
    return found


def match_columns(
    trained: Sequence[Columns],
    named: PredictedColumns,
    keep: Sequence[str],
    table: str,
    present: Sequence[str],
    *,
    with_ids: bool = True,
) -> tuple[list[FileColumns], str]:
    """What recipes read of a table with the `present` columns, and in words what it lacks, or "".

    `table`: what messages call it. Without ids rows are numbered, whatever `named` says. Raises as
    `columns_to_read` does.
    """
    given = named.given()
    asked = [replace(_asked(columns, given), keep=tuple(keep)) for columns in trained]
    if with_ids:
        _check_same_ids(asked)
    else:
        asked = [replace(columns, product_id=None) for columns in asked]
    found = [_found(table, columns, given, present) for columns in asked]
    absent = {pair: None for columns in asked for pair in columns.each() if pair[1] not in present}
    return found, _lacking(list(absent), present, asked) if absent else ""


def _asked(trained: Columns, given: Mapping[str, Any]) -> FileColumns:
    """The columns of training, under the names that are given. Raises ConfigError."""
    columns = FileColumns.of(trained, with_lengths=False)
    changes: dict[str, Any] = {
        key: given[key] for key in ("product_id", "product_type") if key in given
    }
    changes["fields"] = {field: tuple(given.get(field, columns.fields[field])) for field in FIELDS}
    for key in ("numbers", "categories"):
        changes[key] = _renamed(key, list(getattr(columns, key)), given)
    asked = replace(columns, **changes)
    for key, name in asked.each():
        if key in given and name == trained.length:
            raise ConfigError(f"data.columns.{key}={name}: is the column that is predicted")
    if not any(key != "product_id" for key, _ in asked.each()):
        raise ConfigError("data.columns: names no column to predict from")
    return asked


def _renamed(key: str, trained: list[str], given: Mapping[str, Any]) -> dict[str, str | None]:
    """The name in the table, or None, of each column of numbers, or categories, of training."""
    if key not in given:
        return {name: name for name in trained}
    names = [None] * len(trained) if given[key] is None else given[key]
    if len(names) != len(trained):
        shown = f"{len(trained)} ({', '.join(trained)})" if trained else "none"
        raise ConfigError(
            f"data.columns.{key}: {len(names)} given, training had {shown}: give a name or null "
            "for each, in that order"
        )
    return dict(zip(trained, names, strict=True))


def _found(
    table: str, asked: FileColumns, given: Mapping[str, Any], present: Sequence[str]
) -> FileColumns:
    """The columns that a table has. Raises UserError when one is not there that must be."""
    here = set(present)
    must = [(key, name) for key, name in asked.each() if key in given]
    must += [("keep", name) for name in asked.keep]
    lacking = [pair for pair in must if pair[1] not in here]
    if not lacking and not any(name in here for key, name in asked.each() if key != "product_id"):
        lacking = [pair for pair in asked.each() if pair[0] != "product_id"]
    if lacking:
        named = _named(lacking, present, [asked])
        raise UserError(f"{table}: {named}; the table has: {shown_columns(present)}")
    found = asked.without([name for _, name in asked.each() if name not in here])
    found.check(table, present)
    return found


def _lacking(
    absent: Sequence[tuple[str, str]], present: Sequence[str], asked: Sequence[FileColumns]
) -> str:
    """In words which columns are not there, and what becomes of products without them."""
    ids = [pair for pair in absent if pair[0] == "product_id"]
    others = [pair for pair in absent if pair[0] != "product_id"]
    parts = []
    if ids:
        named = _named(ids, present, asked)
        parts.append(f"{named}: products are called by the number of their row, in column {ROW!r}")
    if others:
        parts.append(f"{_named(others, present, asked)}: read as empty")
    return f"{'; '.join(parts)}; the table has: {shown_columns(present)}"


def _named(
    absent: Sequence[tuple[str, str]], present: Sequence[str], asked: Sequence[FileColumns]
) -> str:
    """Absent columns in words, with the nearest names of columns that are not read otherwise."""
    taken = {name for columns in asked for _, name in columns.each()}
    free = [name for name in present if name not in taken]
    return ", ".join(absent_column(key, name, free) for key, name in absent)


def _check_same_ids(columns: Sequence[FileColumns]) -> None:
    """Raises ConfigError when recipes read the ids of products from different columns."""
    names = sorted({each.product_id or "null" for each in columns})
    if len(names) > 1:
        raise ConfigError(
            f"checkpoint: their catalogues name products in different columns, {', '.join(names)}: "
            "say which one is meant with data.columns.product_id=…"
        )
