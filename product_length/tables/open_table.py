"""From a path to a table: what the files are, by their content, and how they are written."""

import codecs
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from product_length.errors import UserError
from product_length.tables.config import TableOptions
from product_length.tables.content import (
    EXCEL,
    HEAD_BYTES,
    JSON,
    PACKED,
    PARQUET,
    Content,
    content_of,
    recognise,
)
from product_length.tables.decimals import Decimal
from product_length.tables.dialect import Dialect
from product_length.tables.encodings import find_encoding
from product_length.tables.parts import find_parts
from product_length.tables.separators import find_separator
from product_length.tables.source_file import SourceFile, check_file
from product_length.tables.table import Table, TableFile

_START_BYTES = 1 << 18
"""So much of a file, unpacked, says how it is written."""
_SHOWN = 3


@dataclass(frozen=True)
class _Opened:
    file: TableFile
    note: str
    """In words what was found out and is unusual, "" where nothing is."""
    has_commas: bool
    """Whether commas separate its fields, so that one in a number would have to be quoted."""


def open_table(path: Path, options: TableOptions = TableOptions()) -> Table:  # noqa: B008
    """The table in a file, in the files of a folder, or in those that a pattern matches.

    Only headers and first rows are looked at. Raises UserError for what is wrong with a file or
    its header, and when the headers of several files differ.
    """
    parts = find_parts(path)
    opened = [_open_file(part, options) for part in parts.files]
    _check_alike([each.file for each in opened])
    if not any(each.file.has_rows for each in opened):
        words = "the file holds" if len(opened) == 1 else f"{len(opened)} files hold"
        raise UserError(f"{path}: {words} a header but no rows")
    notes = [f"{path}: {parts.note}"] if parts.note else []
    notes += _joined_notes(path, opened)
    assumed: list[Decimal] = ["."] if all(each.has_commas for each in opened) else []
    return Table(str(path), [each.file for each in opened], notes, options.decimal, assumed)


def _open_file(path: Path, options: TableOptions) -> _Opened:
    check_file(path)
    content = content_of(path)
    if content is PARQUET:
        from product_length.tables.parquet_file import ParquetFile

        return _Opened(ParquetFile(path), "", False)
    if content is EXCEL:
        from product_length.tables.excel_file import ExcelFile

        workbook = ExcelFile(path)
        return _Opened(workbook, workbook.note, False)
    if content not in (None, JSON, *PACKED):
        raise UserError(f"{path}: the file is {content.name}; {content.advice}")
    return _open_text(path, options, is_packed=content in PACKED)


def _open_text(path: Path, options: TableOptions, *, is_packed: bool) -> _Opened:
    with SourceFile(path) as file:
        start = _read_start(file)
    if not start:
        raise UserError(f"{path}: holds an empty file (0 bytes); expected a header and rows")
    if is_packed:
        _check_kind(path, recognise(start[:HEAD_BYTES]))
    encoding = find_encoding(path, start, options.encoding)
    text = codecs.getincrementaldecoder(encoding.name)("replace").decode(start)
    text = text.removeprefix("\ufeff")
    content = recognise(text[:HEAD_BYTES].encode(errors="replace"))
    if content is JSON:
        from product_length.tables.json_file import JsonFile

        return _Opened(JsonFile(path, encoding.name), encoding.note, False)
    _check_kind(path, content)
    from product_length.tables.csv_file import CsvFile

    separator = find_separator(path, text, options.separator, options.escape)
    dialect = Dialect(separator.character, options.escape, encoding.name, separator.lines_before)
    note = ", ".join(filter(None, (separator.note, encoding.note)))
    return _Opened(CsvFile(path, dialect), note, separator.character == ",")


def _read_start(file: SourceFile) -> bytes:
    """Up to _START_BYTES bytes, of which an unpacker may give fewer at a time."""
    start = b""
    while len(start) < _START_BYTES and (block := file.read(_START_BYTES - len(start))):
        start += block
    return start


def _check_kind(path: Path, content: Content | None) -> None:
    """Raise UserError when what a file holds is no text of a table."""
    if content is None or content is JSON:
        return
    is_table = content in (*PACKED, PARQUET, EXCEL)
    advice = "it must hold one table of text itself" if is_table else content.advice
    raise UserError(f"{path}: holds {content.name}; {advice}")


def _check_alike(files: Sequence[TableFile]) -> None:
    """Raise UserError unless all files have the columns of the first, in any order."""
    first = files[0]
    for other in files[1:]:
        lacking = Counter(first.names) - Counter(other.names)
        more = Counter(other.names) - Counter(first.names)
        if lacking or more:
            differences = [f"lacks {_listed(lacking)}"] if lacking else []
            differences += [f"has {_listed(more)} besides"] if more else []
            raise UserError(
                f"{other.path}: its header is not that of {first.path}: it "
                f"{' and '.join(differences)}; all files of one table need the same columns"
            )


def _listed(names: Mapping[str, int]) -> str:
    return ", ".join(map(repr, list(names)[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")


def _joined_notes(path: Path, opened: Sequence[_Opened]) -> list[str]:
    """One line for each note, with the files that it is of."""
    files: dict[str, list[str]] = {}
    for each in opened:
        if each.note:
            files.setdefault(each.note, []).append(str(each.file.path))
    return [
        f"{path if len(names) == len(opened) else _some(names)}: {note}"
        for note, names in files.items()
    ]


def _some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
