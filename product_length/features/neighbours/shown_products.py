"""Which training products neighbours are: their ids and the beginnings of their texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from typing_extensions import Self

from product_length.catalogue.products import Products

_BLOCK_ROWS = 65_536
_ID_CHARACTERS = 40


@dataclass(frozen=True)
class ShownProducts:
    """The ids and texts of the rows of an index, cut, as one compressed Arrow stream, uint8 (n,).

    Bounded by the characters that are kept of each: beside the vectors of a row, of 500 bytes or
    more, they take little. Unpacked when they are first looked at: who asks for no reason does not
    pay for them.
    """

    packed: NDArray[np.uint8]

    @classmethod
    def of(cls, products: Products, rows: NDArray[np.int64], characters: int) -> Self:
        """Of some rows, int64 (n,), ascending; `characters`: kept of each text."""
        schema = pa.schema([("product_id", pa.string()), ("text", pa.string())])
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_stream(sink, schema, options=options) as writer:
            for start in range(0, len(rows), _BLOCK_ROWS):
                some = products.take(rows[start : start + _BLOCK_ROWS])
                ids = pc.utf8_slice_codeunits(some.product_ids, 0, _ID_CHARACTERS)
                columns = [ids.combine_chunks(), some.heads(characters).combine_chunks()]
                writer.write_batch(pa.record_batch(columns, schema=schema))
        return cls(np.frombuffer(sink.getvalue(), np.uint8).copy())

    @cached_property
    def _table(self) -> pa.Table:
        return pa.ipc.open_stream(pa.py_buffer(self.packed)).read_all()

    def __getitem__(self, places: NDArray[np.integer[Any]]) -> list[tuple[str, str]]:
        """Ids and texts of some rows, int (n,)."""
        found = self._table.take(pa.array(places))
        ids, texts = (found.column(name).to_pylist() for name in ("product_id", "text"))
        return list(zip(ids, texts, strict=True))
