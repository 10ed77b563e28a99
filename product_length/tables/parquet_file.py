"""Parquet files, read a few thousand rows at a time and brought to text."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from product_length.errors import UserError
from product_length.shortage import memory_ran_out, out_of_memory
from product_length.tables.arrow_columns import BATCH_ROWS, check_type, numbers_of, text_of
from product_length.tables.batch import TableBatch, as_batch


class ParquetFile:
    """A Parquet file whose columns are known. Raises UserError when it is damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with pq.ParquetFile(path) as file:
                self._schema = file.schema_arrow
                self._rows = file.metadata.num_rows
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from error
        self.names: tuple[str, ...] = tuple(self._schema.names)
        self.has_rows = self._rows > 0

    def read(
        self, text: Sequence[str], numbers: Sequence[str], block_bytes: int | None = None
    ) -> Iterator[TableBatch]:
        """Batches of at most BATCH_ROWS rows; see `Table.read`. `block_bytes` changes nothing."""
        del block_bytes
        for names, number in ((text, False), (numbers, True)):
            for name in names:
                check_type(self.path, name, self._schema.field(name).type, number=number)
        return self._batches(text, numbers)

    def _batches(self, text: Sequence[str], numbers: Sequence[str]) -> Iterator[TableBatch]:
        path, first, size = self.path, 1, self.path.stat().st_size
        try:
            with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
                wanted = list(dict.fromkeys([*text, *numbers]))
                for batch in file.iter_batches(BATCH_ROWS, columns=wanted):
                    done = first - 1 + len(batch)
                    texts = [text_of(batch.column(name), path, first, name) for name in text]
                    known = [numbers_of(batch.column(name), path, first, name) for name in numbers]
                    yield TableBatch(
                        as_batch(text, texts, len(batch)),
                        as_batch(numbers, known, len(batch)),
                        first,
                        size * done // self._rows,
                    )
                    first = done + 1
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from error


def _damaged(path: Path, error: BaseException) -> UserError:
    if memory_ran_out(error):
        return out_of_memory(error)
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
    return UserError(f"{path}: is not a sound Parquet file ({reason}); write or fetch it again")
