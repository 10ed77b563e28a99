"""Which column of a frame is what, where no override says it: found by its name, and said."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from product_length.catalogue.config import AMAZON2023_COLUMNS
from product_length.catalogue.file_columns import shown_columns
from product_length.catalogue.units import unit_in_name
from product_length.composition import assignment
from product_length.errors import UserError

log = logging.getLogger(__name__)

_KEY = "data.columns."
_CALLED = {
    "product_id": ("product_id", "id", "sku"),
    "title": ("title", "name", "product_name"),
    "bullet_points": ("bullet_points", "bullets", "features"),
    "description": ("description",),
    "product_type": ("product_type", "product_type_id", "type", "category"),
    "length": ("length", "product_length"),
}
"""Names, in small letters, by which a column is known to be something."""
_CHALLENGE = {
    key: names[0] if isinstance(names, list) else names
    for key, names in AMAZON2023_COLUMNS.model_dump().items()
    if names
}


def data_overrides(names: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """The overrides that say which of a frame's columns is what, those that are given left out.

    A frame with the names of the Amazon ML Challenge 2023 is that catalogue. Raises UserError when
    no column of lengths, or none of texts, is found.
    """
    given = {text.partition("=")[0].lstrip("+") for text in overrides}
    if "data" in given:
        return []
    of_columns = {key.removeprefix(_KEY) for key in given if key.startswith(_KEY)}
    if not of_columns and {_CHALLENGE["title"], _CHALLENGE["length"]} <= set(names):
        lacking = [key for key, name in _CHALLENGE.items() if name not in names]
        log.info("the columns are those of the Amazon ML Challenge 2023: data=amazon2023")
        return ["data=amazon2023", *(assignment(f"{_KEY}{key}", None) for key in lacking)]
    found = {key: name for key, name in _found(names) if key not in of_columns}
    found = {key: name for key, name in found.items() if not _is_given(name, overrides)}
    _check_found({*found, *of_columns}, names)
    if found:
        words = ", ".join(f"{key}={name}" for key, name in found.items())
        log.info("columns by their names: %s; data.columns.… sets others", words)
    return ["data=file", *(assignment(f"{_KEY}{key}", name) for key, name in found.items())]


def _found(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Keys of `data.columns` and the one column that each names."""
    for key, known in _CALLED.items():
        called = [
            name
            for each in known
            for name in names
            if name.strip().lower().replace(" ", "_") == each
        ]
        if key == "length" and not called:
            called = [name for name in names if unit_in_name(name) is not None]
            called = called if len(called) == 1 else []
        if called:
            yield key, called[0]


def _is_given(name: str, overrides: Sequence[str]) -> bool:
    """Whether an override names the column already, for something else."""
    values = (text.partition("=")[2] for text in overrides if text.startswith(_KEY))
    return any(name in _names_in(value) for value in values)


def _names_in(value: str) -> list[str]:
    return [each.strip().strip("'\"") for each in value.strip().strip("[]").split(",")]


def _check_found(keys: set[str], names: Sequence[str]) -> None:
    faults = []
    if "length" not in keys:
        faults.append("which column is to be predicted (data.columns.length=…)")
    if not keys & {"title", "bullet_points", "description"}:
        faults.append("which column is the product's text (data.columns.title=…)")
    if faults:
        raise UserError(f"products: say {' and '.join(faults)}; they have: {shown_columns(names)}")
