"""The file of predicted lengths as an Excel workbook."""

import contextlib
import datetime
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from product_length.errors import UserError
from product_length.tables.arrow_columns import is_number

MOST_ROWS = 1_048_575
"""Rows that a sheet holds below its header."""
_Cell = str | float | bool
_MOST_LETTERS = 32_767
_SHEET = "predictions"
_INSTALL = "pip install 'product_length[excel]', or end the output with .csv"
_CREATED = datetime.datetime(1980, 1, 1)
"""The same each time, so that the same rows give the same bytes."""


def check_installed(output: Path) -> None:
    """Raise UserError unless what writes workbooks is installed."""
    if importlib.util.find_spec("xlsxwriter") is None:
        raise UserError(f"output={output}: writing a workbook needs a package: {_INSTALL}")


def check_rows(output: Path, rows: int) -> None:
    """Raise UserError when a workbook does not hold so many."""
    if rows > MOST_ROWS:
        raise UserError(
            f"output={output}: a sheet of Excel holds {MOST_ROWS:,} rows below its header, the "
            f"table has {rows:,}; end the output with .csv or .parquet"
        )


@contextlib.contextmanager
def open_workbook(path: Path, schema: pa.Schema) -> Iterator[Callable[[Sequence[pa.Array]], None]]:
    """A new workbook at `path`, as `submission_file.open_submission` has it.

    Texts stay texts, whatever they look like; so do numbers of more digits than Excel keeps.
    Writing raises UserError for a text that is too long for a cell.
    """
    import xlsxwriter  # an extra

    workbook = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    workbook.set_properties({"created": _CREATED})
    sheet = workbook.add_worksheet(_SHEET)
    names = schema.names
    for place, name in enumerate(names):
        sheet.write_string(0, place, name)
    row = 0

    def write(columns: Sequence[pa.Array]) -> None:
        nonlocal row
        cells = [_cells(column, field.type) for column, field in zip(columns, schema, strict=True)]
        for values in zip(*cells, strict=True):
            row += 1
            for place, value in enumerate(values):
                _write_cell(sheet, row, place, value, names[place])

    try:
        yield write
    finally:
        try:
            workbook.close()
        except xlsxwriter.exceptions.FileCreateError as error:
            raise OSError(*getattr(error.args[0], "args", error.args)) from error


def _write_cell(sheet: Any, row: int, place: int, value: _Cell, name: str) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(row, place, value)
    elif isinstance(value, float):
        sheet.write_number(row, place, value)
    elif len(value) > _MOST_LETTERS:
        raise UserError(
            f"row {row}, column {name!r}: a text of {len(value):,} characters, a cell of Excel "
            f"holds {_MOST_LETTERS:,}; end the output with .csv or .parquet"
        )
    elif value:
        sheet.write_string(row, place, value)


def _cells(column: pa.Array, kind: pa.DataType) -> Sequence[_Cell]:
    """Values of cells; "" where missing."""
    if not pa.types.is_string(column.type):
        return [float(text) for text in column.to_numpy().astype(str)]
    texts: list[str] = column.to_pylist()
    if pa.types.is_boolean(kind):
        return [text == "true" if text else "" for text in texts]
    if is_number(kind):
        return [_number(text) for text in texts]
    return texts


def _number(text: str) -> str | float:
    """A number, unless digits of it would be lost."""
    if not text:
        return ""
    number = float(text)
    kept = Decimal(f"{number:.16G}")
    return number if kept.is_finite() and kept == Decimal(text) else text
