"""Data frames of any library as Arrow tables, and tables as frames of that library again.

pandas, polars and others by Narwhals, which needs none of them; whatever offers the Arrow PyCapsule
stream; lists of dicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from product_length.errors import UserError

_KINDS = "a pandas, polars or pyarrow table, or a list of dicts"
Values = NDArray[Any] | list[str]


class Frame(Protocol):
    """Products in memory, whatever holds them."""

    names: tuple[str, ...]
    """Of the columns, in order."""

    def __len__(self) -> int: ...

    def table(self, names: Iterable[str]) -> pa.Table:
        """Some columns, those of the names that are there, as Arrow. Raises UserError."""
        ...

    def result(self, ids: str | None, new: Mapping[str, Values], keep: Sequence[str]) -> Any:
        """A frame of the same kind: the column of ids, new columns (rows,), and those to keep."""
        ...


def frame_of(products: Any) -> Frame:
    """The products as one frame. Raises UserError for what is no table."""
    if isinstance(products, Labelled):
        return products
    if isinstance(products, list | tuple):
        return _Records(products)
    try:
        return _Native(nw.from_native(products, eager_only=True))
    except TypeError:
        pass
    if hasattr(products, "__arrow_c_stream__"):
        return _Native(nw.from_native(pa.table(products), eager_only=True))
    hint = "; collect() it first" if hasattr(products, "collect") else ""
    raise UserError(f"products: expected {_KINDS}, not {type(products).__name__}{hint}")


class _Native:
    """A frame that Narwhals knows."""

    def __init__(self, frame: nw.DataFrame[Any]) -> None:
        self._frame = frame
        self.names = tuple(map(str, frame.columns))

    def __len__(self) -> int:
        return len(self._frame)

    def table(self, names: Iterable[str]) -> pa.Table:
        columns = {}
        for name in dict.fromkeys(names):
            if self.names.count(name) == 1:
                columns[name] = _column(self._frame.get_column(name))
        if not columns:
            return _without_columns(len(self))
        return pa.table(columns)

    def result(self, ids: str | None, new: Mapping[str, Values], keep: Sequence[str]) -> Any:
        backend = self._frame.implementation
        made = [nw.new_series(name, values, backend=backend) for name, values in new.items()]
        frame = made[0].to_frame().with_columns(*made[1:])
        kept = [*([] if ids is None else [ids]), *keep]
        if kept:
            # Of pandas without its index, which would pair rows by their labels.
            plain = nw.maybe_reset_index(self._frame.select(kept))
            frame = frame.with_columns(*(plain.get_column(name) for name in kept))
            frame = frame.select(*kept[: len(kept) - len(keep)], *new, *keep)
        native = nw.to_native(frame)
        index = nw.maybe_get_index(self._frame)
        if index is not None:
            native.index = index
        return native


class _Records:
    """A list of dicts; a key that one lacks is missing there."""

    def __init__(self, records: Sequence[Mapping[str, Any]]) -> None:
        for place, record in enumerate(records):
            if not isinstance(record, Mapping):
                raise UserError(
                    f"products: item {place} of the list is {type(record).__name__}, expected a "
                    "dict with a value for each column"
                )
        self._records = records
        self.names = tuple(dict.fromkeys(str(key) for record in records for key in record))

    def __len__(self) -> int:
        return len(self._records)

    def table(self, names: Iterable[str]) -> pa.Table:
        wanted = [name for name in dict.fromkeys(names) if name in self.names]
        if not wanted:
            return _without_columns(len(self))
        return pa.table(
            {name: _arrow([each.get(name) for each in self._records]) for name in wanted}
        )

    def result(self, ids: str | None, new: Mapping[str, Values], keep: Sequence[str]) -> Any:
        columns = {
            name: values if isinstance(values, list) else values.tolist()
            for name, values in new.items()
        }
        return [
            ({} if ids is None else {ids: record.get(ids)})
            | {name: values[row] for name, values in columns.items()}
            | {name: record.get(name) for name in keep}
            for row, record in enumerate(self._records)
        ]


class Labelled:
    """A frame with one more column, of numbers."""

    def __init__(self, frame: Frame, name: str, values: NDArray[np.float64]) -> None:
        if name in frame.names:
            raise UserError(f"products: have a column {name!r} already, as the lengths are called")
        self._frame, self._name, self._values = frame, name, values
        self.names = (*frame.names, name)

    def __len__(self) -> int:
        return len(self._frame)

    def table(self, names: Iterable[str]) -> pa.Table:
        """As that of the frame; NaN is missing."""
        wanted = list(names)
        table = self._frame.table(wanted)
        if self._name in wanted:
            table = table.append_column(self._name, pa.array(self._values, from_pandas=True))
        return table

    def result(self, ids: str | None, new: Mapping[str, Values], keep: Sequence[str]) -> Any:
        """As that of the frame."""
        return self._frame.result(ids, new, keep)


def _column(series: nw.Series[Any]) -> pa.ChunkedArray:
    """A column as Arrow; one of Python objects of several kinds as texts."""
    try:
        column = series.to_arrow()
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError):
        return _arrow(series.to_list())
    return column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])


def _arrow(values: Sequence[Any]) -> pa.ChunkedArray:
    try:
        return pa.chunked_array([pa.array(values, from_pandas=True)])
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        texts = [None if value is None or value != value else str(value) for value in values]
        return pa.chunked_array([pa.array(texts, pa.string())])


def _without_columns(rows: int) -> pa.Table:
    return pa.Table.from_struct_array(pa.chunked_array([pa.array([{}] * rows, pa.struct([]))]))
