"""A batch of rows as they stand in a source, and how its columns are found there."""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from product_length.errors import UserError


@dataclass(frozen=True)
class RawBatch:
    """Consecutive rows of a source."""

    rows: pa.RecordBatch
    """Columns product_id, title, bullet_points, description, product_type: string, "" where
    missing; length: string or float64 as the file has it, null where missing (absent when read
    without lengths)."""
    first_row: int
    """Number of the first row; 1 = first data row of the file."""
    bytes_read: int
    """Bytes of the file on disk read so far, for a progress bar."""


def find_columns(path: Path, wanted: dict[str, str], present: Sequence[str]) -> dict[str, int]:
    """Position in the file of each wanted column, by its key in data.columns.

    Raises UserError naming every wanted column that is missing or occurs twice.
    """
    faults = []
    for key, name in wanted.items():
        count = present.count(name)
        if count > 1:
            faults.append(f"column {name!r} occurs {count} times; rename or remove the others")
        elif not count:
            faults.append(absent_column(key, wanted, present))
    if faults:
        shown = shown_columns(present)
        hint = ""
        if len(present) == 1 and any(mark in present[0] for mark in ";\t|"):
            hint = "; fields must be separated by commas"
        raise UserError(f"{path}: {'; '.join(faults)}; the file has: {shown}{hint}")
    return {key: present.index(name) for key, name in wanted.items()}


def absent_column(key: str, wanted: dict[str, str], present: Sequence[str]) -> str:
    """In words that the column of a key of `wanted` is not among the `present` ones."""
    hint = _suggestion(wanted[key], present, wanted.values())
    return f"no column {wanted[key]!r}{hint} (data.columns.{key})"


def shown_columns(present: Sequence[str]) -> str:
    """The columns of a file in words, as far as a message has room."""
    return ", ".join(repr(name) for name in present[:30])


def first_undecodable(values: pa.Array) -> int | None:
    """Index of the first binary value that is not UTF-8, or None."""
    try:
        values.cast(pa.string())
    except pa.ArrowInvalid:
        decodable = map(_is_decodable, values.to_pylist())
        return next(index for index, sound in enumerate(decodable) if not sound)
    return None


def undecodable(path: Path, row: int, column: str, value: bytes) -> UserError:
    """The fault of a value that is not UTF-8."""
    try:
        value.decode()
        at = 0
    except UnicodeDecodeError as error:
        at = error.start
    return UserError(
        f"{path}: row {row}, column {column!r}: byte {value[at]:#04x} is not UTF-8 (after "
        f"{value[max(0, at - 20) : at].decode(errors='replace')!r}); save the file as UTF-8"
    )


def _is_decodable(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _suggestion(name: str, present: Sequence[str], taken: Collection[str]) -> str:
    """A hint at a column of like name that is not wanted for another purpose."""
    folded = {other.strip().casefold(): other for other in present if other not in taken}
    wanted = name.strip().casefold()
    close = difflib.get_close_matches(wanted, folded, n=1, cutoff=0.75)
    close += [other for other in folded if other and (wanted in other or other in wanted)]
    return f", did you mean {folded[close[0]]!r}?" if close else ""
