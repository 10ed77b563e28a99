"""Excel workbooks (xlsx): the first sheet that holds a table."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from product_length.errors import UserError
from product_length.tables.batch import TableBatch, as_batch
from product_length.tables.cells import Cell, number_column, text_column, text_of

BATCH_ROWS = 4096
_INSTALL = "pip install 'product_length[excel]', or save the table as CSV"


class ExcelFile:
    """A workbook, whose first sheet with a header and a row is the table.

    Blank rows are passed over. Raises UserError when the file is damaged, or when what reads it
    is not installed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        stat = path.stat()
        sheets = _sheets(path, (stat.st_size, stat.st_mtime_ns))
        filled = [(name, rows) for name, rows in sheets if len(rows) > 1]
        name, rows = next(iter(filled or [each for each in sheets if each[1]]), ("", []))
        if not rows:
            raise UserError(f"{path}: the workbook holds only blank rows; expected a header")
        self.note = ""
        if len(sheets) > 1:
            others = ", ".join(repr(other) for other, _ in sheets if other != name)
            self.note = f"sheet {name!r}, not {others}"
        header, self._rows = rows[0], rows[1:]
        width = max(
            (place for row in rows for place, cell in enumerate(row, 1) if cell is not None)
        )
        self.names: tuple[str, ...] = tuple(text_of(cell) for cell in header[:width])
        self.has_rows = bool(self._rows)

    def read(
        self, text: Sequence[str], numbers: Sequence[str], block_bytes: int | None = None
    ) -> Iterator[TableBatch]:
        """Batches of at most BATCH_ROWS rows; see `Table.read`. `block_bytes` changes nothing."""
        del block_bytes
        place = {name: self.names.index(name) for name in [*text, *numbers]}
        size = self.path.stat().st_size
        for start in range(0, len(self._rows), BATCH_ROWS):
            rows = self._rows[start : start + BATCH_ROWS]
            texts = [text_column([row[place[name]] for row in rows]) for name in text]
            known = [number_column([row[place[name]] for row in rows]) for name in numbers]
            yield TableBatch(
                as_batch(text, texts, len(rows)),
                as_batch(numbers, known, len(rows)),
                start + 1,
                size * (start + len(rows)) // len(self._rows),
            )


@lru_cache(1)  # a prediction opens its table several times
def _sheets(path: Path, stamp: tuple[int, int]) -> list[tuple[str, list[list[Cell]]]]:
    """Name and rows of each visible sheet, without the blank rows; None where a cell is empty.

    `stamp`: size and time of the file, another one when it was changed.
    """
    del stamp
    try:
        from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum
    except ImportError as error:
        raise UserError(f"{path}: reading an Excel workbook needs a package; {_INSTALL}") from error
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            names = [
                sheet.name
                for sheet in workbook.sheets_metadata
                if sheet.visible == SheetVisibleEnum.Visible
            ]
            return [(name, _filled(workbook.get_sheet_by_name(name).to_python())) for name in names]
    except (CalamineError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"{path}: is not a sound Excel workbook ({reason}); save or fetch it again"
        ) from error


def _filled(rows: Sequence[Sequence[Any]]) -> list[list[Cell]]:
    emptied = [[None if cell == "" else cell for cell in row] for row in rows]
    return [row for row in emptied if any(cell is not None for cell in row)]
