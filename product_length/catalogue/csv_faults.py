"""What is wrong with a CSV file: slower passes that are run only when something looks wrong."""

import contextlib
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from product_length.catalogue.source_file import SourceFile
from product_length.errors import UserError

# Small enough that the arrays stay in the processor's cache.
_BLOCK_BYTES = 1 << 18
_QUOTE = ord('"')
_BESIDE_QUOTES = np.zeros(256, dtype=bool)
_BESIDE_QUOTES[list(b'",\r\n')] = True


@contextlib.contextmanager
def strict_rows(path: Path, largest_field: int) -> Iterator[Any]:
    """A strict `csv.reader` over the file; bytes that are not UTF-8 become lone surrogates."""
    limit = csv.field_size_limit(largest_field)
    try:
        with (
            SourceFile(path) as file,
            io.TextIOWrapper(
                io.BufferedReader(file), encoding="utf-8-sig", errors="surrogateescape", newline=""
            ) as text,
        ):
            # Python 3.10 refuses NUL, which is no fault of the file's structure.
            yield csv.reader((line.replace("\0", " ") for line in text), strict=True)
    finally:
        csv.field_size_limit(limit)


def find_fault(path: Path, fields: int, largest_field: int) -> UserError | None:
    """The first row that is not sound CSV with `fields` fields, or None."""
    row = line = 0
    with strict_rows(path, largest_field) as reader:
        try:
            for row, record in enumerate((record for record in reader if record), start=0):
                if len(record) != fields:
                    return UserError(
                        f"{path}: row {row} (line {line + 1}): {len(record)} fields where the "
                        f"header has {fields}; quote the fields that hold commas or line breaks"
                    )
                line = reader.line_num
        except csv.Error as error:
            if "expected after" in str(error):
                fault = "text after a closing quote; write a quote inside a quoted field twice"
            elif "limit" in str(error):
                fault = f"a field longer than {largest_field >> 20} MiB; close its quote"
            elif "end of data" in str(error):
                fault = "a quoted field that is never closed; close it or double its quote"
            else:
                fault = f"{error}; mend it"
            return UserError(f"{path}: row {row + 1} (line {line + 1}): {fault}")
    return None


def quotes_are_paired(path: Path) -> bool:
    """Whether each quote opens a field, closes one, or is doubled inside one (RFC 4180).

    A file for which this is false may still be sound: a field that is not quoted may hold quotes.
    """
    block = np.full(1 + _BLOCK_BYTES, ord("\n"), dtype=np.uint8)  # after the byte before it
    is_quote = np.empty(_BLOCK_BYTES, dtype=bool)
    inside = False
    closed_last = False  # whether the byte before the block closed a field
    with SourceFile(path) as file:
        if file.read(3) != b"\xef\xbb\xbf":
            file.rewind()
        while size := file.readinto(block.data[1:]):
            if closed_last and not _BESIDE_QUOTES[block[1]]:
                return False
            np.equal(block[1 : size + 1], _QUOTE, out=is_quote[:size])
            quotes = np.flatnonzero(is_quote[:size]) + 1
            opening, closing = quotes[int(inside) :: 2], quotes[1 - int(inside) :: 2]
            closed_last = bool(len(closing)) and int(closing[-1]) == size
            after = block[closing[: len(closing) - closed_last] + 1]
            if not (_BESIDE_QUOTES[block[opening - 1]].all() and _BESIDE_QUOTES[after].all()):
                return False
            inside ^= bool(len(quotes) % 2)
            block[0] = block[size]
    return not inside
