"""The file of predicted lengths, written row by row in the format of its ending."""

import contextlib
import gzip
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from product_length.catalogue.column_types import as_type
from product_length.prediction.workbook import open_workbook
from product_length.tables.arrow_columns import is_number

_QUOTED = frozenset(',"\r\n')
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?", re.ASCII)

Rows = Callable[[Sequence[pa.Array]], None]
"""Writes rows: for each column string (rows,), "" where missing, or float32 (rows,)."""


@contextlib.contextmanager
def open_submission(path: Path, ending: str, schema: pa.Schema) -> Iterator[Rows]:
    """A new file at `path` of the columns of `schema`, in the format of `ending`.

    `ending`: one of `prediction.files.ENDINGS`. Strings become values of the schema's types where
    the format has types, and null where they are "". The same rows give the same bytes.
    """
    if ending == ".parquet":
        opened = _parquet(path, schema)
    elif ending == ".xlsx":
        opened = open_workbook(path, schema)
    else:
        opened = _lines(path, schema, ending)
    with opened as write:
        yield write


@contextlib.contextmanager
def _lines(path: Path, schema: pa.Schema, ending: str) -> Iterator[Rows]:
    with path.open("wb") as file, _text(file, compressed=ending.endswith(".gz")) as text:
        if ending.startswith(".jsonl"):
            yield lambda columns: _write_json(text, schema, columns)
        else:
            text.write(",".join(map(_quoted, schema.names)) + "\n")
            yield lambda columns: _write_csv(text, columns)


@contextlib.contextmanager
def _text(file: IO[bytes], *, compressed: bool) -> Iterator[IO[str]]:
    """UTF-8 text into `file`; line ends stay as they are."""
    with contextlib.ExitStack() as stack:
        target: Any = file
        if compressed:  # without a name and a time, which would differ each time
            target = stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0))
        yield stack.enter_context(io.TextIOWrapper(target, encoding="utf-8", newline=""))


def _write_csv(file: IO[str], columns: Sequence[pa.Array]) -> None:
    texts = (
        map(_quoted, column.to_pylist()) if pa.types.is_string(column.type) else _shortest(column)
        for column in columns
    )
    file.writelines(",".join(row) + "\n" for row in zip(*texts, strict=True))


def _shortest(lengths: pa.Array) -> list[str]:
    """The shortest text of each float32."""
    texts: list[str] = lengths.to_numpy().astype(str).tolist()
    return texts


def _quoted(value: str) -> str:
    """A value of CSV; Python's own writer leaves a lone carriage return bare, which ends a row."""
    if _QUOTED.isdisjoint(value):
        return value
    doubled = value.replace('"', '""')
    return f'"{doubled}"'


def _write_json(file: IO[str], schema: pa.Schema, columns: Sequence[pa.Array]) -> None:
    values = (
        _json_values(column, field.type) if pa.types.is_string(column.type) else _shortest(column)
        for column, field in zip(columns, schema, strict=True)
    )
    keys = [f"{_json(name)}: " for name in schema.names]
    for row in zip(*values, strict=True):
        pairs = ", ".join(map(str.__add__, keys, row))
        file.write(f"{{{pairs}}}\n")


def _json_values(texts: pa.Array, kind: pa.DataType) -> Iterator[str]:
    """Values of JSON; numbers with the digits that their texts have."""
    has_numbers = is_number(kind)
    for text in texts.to_pylist():
        if not text:
            yield "null"
        elif pa.types.is_boolean(kind) or (has_numbers and _JSON_NUMBER.fullmatch(text)):
            yield text
        else:
            yield _json(text)


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@contextlib.contextmanager
def _parquet(path: Path, schema: pa.Schema) -> Iterator[Rows]:
    with pq.ParquetWriter(path, schema) as writer:

        def write(columns: Sequence[pa.Array]) -> None:
            arrays = [
                as_type(column, field.type) if pa.types.is_string(column.type) else column
                for column, field in zip(columns, schema, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))

        yield write
