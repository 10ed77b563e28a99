"""Text that is not UTF-8, by its place."""

from pathlib import Path

import pyarrow as pa

from product_length.errors import UserError


def first_undecodable(values: pa.Array) -> int | None:
    """Index of the first binary value that is not UTF-8, or None."""
    try:
        values.cast(pa.string())
    except pa.ArrowInvalid:
        decodable = map(_is_decodable, values.to_pylist())
        return next(index for index, sound in enumerate(decodable) if not sound)
    return None


def undecodable(table: Path | str, row: int, column: str, value: bytes, advice: str) -> UserError:
    """The fault of a value that is not UTF-8."""
    try:
        value.decode()
        at = 0
    except UnicodeDecodeError as error:
        at = error.start
    return UserError(
        f"{table}: row {row}, column {column!r}: byte {value[at]:#04x} is not UTF-8 (after "
        f"{value[max(0, at - 20) : at].decode(errors='replace')!r}); {advice}"
    )


def _is_decodable(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True
