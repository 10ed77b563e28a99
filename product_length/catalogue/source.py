"""Where the rows of a catalogue come from: a file or several, or the generator."""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from product_length import demo
from product_length.artefacts import digest_file
from product_length.catalogue.config import AMAZON2023_COLUMNS, DemoData
from product_length.catalogue.file_columns import FileColumns
from product_length.catalogue.reader import RawBatch, read_products
from product_length.catalogue.units import HUNDREDTH_INCH
from product_length.errors import UserError
from product_length.tables.config import AUTO, TableOptions
from product_length.tables.open_table import open_table

log = logging.getLogger(__name__)


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
    """A catalogue in a file, or in several of one header; how they are written is logged.

    Raises UserError when there is none, or one that holds no table.
    """

    unit = "B"

    def __init__(self, path: Path, columns: FileColumns, written: TableOptions) -> None:
        self.name = str(path)
        self._columns = columns
        self._written = written
        self._table = open_table(path, written)
        columns.check(self.name, self._table.names)
        self._stamps = self._read_stamps()
        self.total = self._table.total
        for note in self._table.notes:
            log.info("%s", note)
        if written.decimal == AUTO and self._table.decimal(columns.as_numbers) == ",":
            log.info("%s: numbers have a decimal comma", path)

    def identity(self) -> dict[str, Any]:
        """What the files hold, wherever they lie and whatever their time stamps."""
        return {
            "columns": asdict(self._columns),
            "table": self._written.model_dump(),
            "files": [
                {"bytes": path.stat().st_size, "xxh3_128": digest_file(path)}
                for path in self._table.files
            ],
        }

    def batches(self) -> Iterator[tuple[RawBatch, int]]:
        """Batches with the bytes read so far; UserError if a file changes meanwhile."""
        for batch in read_products(self._table, self._columns):
            yield batch, batch.bytes_read
        if self._read_stamps() != self._stamps:
            raise UserError(f"{self.name}: the file changed while it was read; start again")

    def _read_stamps(self) -> list[tuple[int, int]]:
        stats = [path.stat() for path in self._table.files]
        return [(stat.st_size, stat.st_mtime_ns) for stat in stats]


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
        numbers = self._data.model_dump(include={"rows", "types", "seed", "unit"})
        return {**numbers, "generator": digest.hexdigest()}

    def batches(self) -> Iterator[tuple[RawBatch, int]]:
        """Batches with the rows generated so far."""
        from product_length.demo.generator import DemoGenerator  # it imports SciPy

        first_row = 1
        data, columns = self._data, FileColumns.of(AMAZON2023_COLUMNS)
        for batch in DemoGenerator(rows=data.rows, types=data.types, seed=data.seed).batches():
            arrays = {key: batch.column(name) for key, name in columns.each()}
            rows = pa.RecordBatch.from_pydict(
                {
                    key: self._in_unit(array) if key == "length" else array.fill_null("")
                    for key, array in arrays.items()
                }
            )
            done = first_row - 1 + len(rows)
            yield RawBatch(rows, {}, {}, ".", first_row, 0), done
            first_row = done + 1

    def _in_unit(self, lengths: pa.Array) -> pa.Array:
        """Lengths in the unit that is asked for, from those of the generator."""
        return pc.multiply(lengths, HUNDREDTH_INCH.in_unit(self._data.unit_said()))
