"""The file of predicted lengths: CSV, plain or compressed, or Parquet, written row by row."""

import contextlib
import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

PRODUCT_ID = "PRODUCT_ID"
_QUOTED = frozenset(',"\r\n')

Rows = Callable[[Sequence[str], Sequence[NDArray[np.float32]]], None]
"""Writes ids (rows,), and float32 (rows,) for each of the other columns."""


@contextlib.contextmanager
def open_submission(path: Path, ending: str, names: Sequence[str]) -> Iterator[Rows]:
    """A new file at `path` of ids and of columns `names`, in the format of `ending`.

    `ending`: one of `prediction.files.ENDINGS`. The same rows give the same bytes.
    """
    if ending == ".parquet":
        with _parquet(path, names) as write:
            yield write
    else:
        with path.open("wb") as file, _text(file, compressed=ending == ".csv.gz") as text:
            text.write(",".join([PRODUCT_ID, *names]) + "\n")
            yield lambda ids, columns: _write_csv(text, ids, columns)


@contextlib.contextmanager
def _text(file: IO[bytes], *, compressed: bool) -> Iterator[IO[str]]:
    """UTF-8 text into `file`; line ends stay as they are."""
    with contextlib.ExitStack() as stack:
        target: Any = file
        if compressed:  # without a name and a time, which would differ each time
            target = stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0))
        yield stack.enter_context(io.TextIOWrapper(target, encoding="utf-8", newline=""))


def _write_csv(file: IO[str], ids: Sequence[str], columns: Sequence[NDArray[np.float32]]) -> None:
    numbers = (column.astype(str).tolist() for column in columns)
    rows = zip(map(_quoted, ids), *numbers, strict=True)
    file.writelines(",".join(row) + "\n" for row in rows)


def _quoted(value: str) -> str:
    """A value of CSV; Python's own writer leaves a lone carriage return bare, which ends a row."""
    if _QUOTED.isdisjoint(value):
        return value
    doubled = value.replace('"', '""')
    return f'"{doubled}"'


@contextlib.contextmanager
def _parquet(path: Path, names: Sequence[str]) -> Iterator[Rows]:
    fields = [(PRODUCT_ID, pa.string()), *((name, pa.float32()) for name in names)]
    schema = pa.schema(fields)
    with pq.ParquetWriter(path, schema) as writer:

        def write(ids: Sequence[str], columns: Sequence[NDArray[np.float32]]) -> None:
            arrays = [pa.array(ids, pa.string()), *(pa.array(each) for each in columns)]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))

        yield write
