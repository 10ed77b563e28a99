"""Where the rows of a catalogue come from: a file, or the generator."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import xxhash

from product_length import demo
from product_length.artefacts import digest_file
from product_length.catalogue.config import Columns, DemoData
from product_length.catalogue.raw_batch import RawBatch
from product_length.catalogue.reader import read_batches
from product_length.catalogue.source_file import ENDINGS, check_file
from product_length.errors import UserError


class ProductSource(Protocol):
    """Rows in batches, `total` units of them (bytes or rows), and what decides their content."""

    name: str
    unit: str
    total: int

    def identity(self) -> dict[str, Any]:
        """All that the rows depend on, JSON-able."""
        ...

    def batches(self) -> Iterator[tuple[RawBatch, int]]:
        """Batches with the units read so far."""
        ...


class FileSource:
    """A catalogue in a file. Raises UserError when there is none, or one of another kind."""

    unit = "B"

    def __init__(
        self,
        path: Path,
        columns: Columns,
        *,
        with_lengths: bool = True,
        escape: str | None = None,
    ) -> None:
        self.name = str(path)
        self._path = path
        self._columns = columns
        self._with_lengths = with_lengths
        self._escape = escape
        check_file(self._path)
        self._stat = self._path.stat()
        self.total = self._stat.st_size

    def identity(self) -> dict[str, Any]:
        """What the file holds, wherever it lies and whatever its time stamp."""
        ending = next(e for e in ENDINGS if self._path.name.lower().endswith(e))
        return {
            "ending": ending,
            "columns": self._columns.model_dump(),
            "escape": self._escape,
            "bytes": self._stat.st_size,
            "xxh3_128": digest_file(self._path),
        }

    def batches(self) -> Iterator[tuple[RawBatch, int]]:
        """Batches with the bytes read so far; UserError if the file changes meanwhile."""
        for batch in read_batches(
            self._path, self._columns, with_lengths=self._with_lengths, escape=self._escape
        ):
            yield batch, batch.bytes_read
        now = self._path.stat()
        if (now.st_size, now.st_mtime_ns) != (self._stat.st_size, self._stat.st_mtime_ns):
            raise UserError(f"{self.name}: the file changed while it was read; start again")


class DemoSource:
    """The generated catalogue."""

    unit = " rows"

    def __init__(self, data: DemoData) -> None:
        self.name = f"demo catalogue ({data.rows:,} rows, {data.types:,} types, seed {data.seed})"
        self._data = data
        self.total = data.rows

    def identity(self) -> dict[str, Any]:
        """All that the generator's output depends on, its source code included."""
        digest = xxhash.xxh3_128()
        for path in sorted(Path(str(demo.__file__)).parent.glob("*.py")):
            digest.update(path.read_bytes())
        numbers = self._data.model_dump(include={"rows", "types", "seed"})
        return {**numbers, "generator": digest.hexdigest()}

    def batches(self) -> Iterator[tuple[RawBatch, int]]:
        """Batches with the rows generated so far."""
        from product_length.demo.generator import DemoGenerator  # it imports SciPy

        names = Columns().model_dump()
        first_row = 1
        data = self._data
        for batch in DemoGenerator(rows=data.rows, types=data.types, seed=data.seed).batches():
            arrays = [batch.column(name) for name in names.values()]
            filled = [a.fill_null("") if pa.types.is_string(a.type) else a for a in arrays]
            rows = pa.RecordBatch.from_arrays(filled, names=list(names))
            done = first_row - 1 + len(rows)
            yield RawBatch(rows, first_row, 0), done
            first_row = done + 1
