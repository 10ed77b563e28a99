"""Rows of an array on disk, copied in few long reads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from io import FileIO
from itertools import islice, pairwise
from mmap import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from product_length.errors import UserError

Rows = NDArray[np.int64]
_MOST_BYTES = 4 * 2**20
"""A read that skips rows goes through a buffer of this size."""
_AHEAD = 16
"""Reads that the disk hears of before they are needed."""


class RowReader:
    """Copies rows out of `array` (rows, …), one after another in its file if it has one.

    A memory-mapped array is read from its file: through the mapping, the kernel would read ahead at
    every jump, and count all that was ever touched as this process's memory.
    """

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array
        self._file: FileIO | None = None
        self._start = 0
        mapped = _whole_file(array)
        if mapped is not None:
            self._start = mapped.offset
            self._file = FileIO(str(mapped.filename), "rb")
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(self._file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def copy(self, rows: Rows, gap: int) -> NDArray[Any]:
        """`rows`, int64 (n,) ascending, as an array of their own.

        Up to `gap` unwanted rows are read over, where that saves a jump. Raises UserError when the
        file cannot be read.
        """
        copied = np.empty((len(rows), *self.array.shape[1:]), self.array.dtype)
        most = max(1, _MOST_BYTES // max(1, self._row_bytes))
        pieces = list(runs(rows, gap, most))
        spans = [int(rows[stop - 1] - rows[start]) + 1 for start, stop in pieces]
        scratch = np.empty((max(spans, default=0), *self.array.shape[1:]), self.array.dtype)
        coming = iter(zip(pieces, spans, strict=True))
        for number, ((start, stop), span) in enumerate(zip(pieces, spans, strict=True)):
            for (later, _), length in islice(coming, _AHEAD if number == 0 else 1):
                self._announce(int(rows[later]), length)
            first, into = int(rows[start]), copied[start:stop]
            if span == stop - start:
                self._read(first, into)
                continue
            self._read(first, scratch[:span])
            # "clip" writes into `out` directly; the rows are within bounds as they are.
            np.take(scratch, rows[start:stop] - first, axis=0, out=into, mode="clip")
        return copied

    @property
    def _row_bytes(self) -> int:
        return row_bytes([self.array])

    def _announce(self, first: int, count: int) -> None:
        """Have the kernel begin to read these rows, so that the disk is never waited for idly."""
        if self._file is not None and hasattr(os, "posix_fadvise"):
            place, size = self._start + first * self._row_bytes, count * self._row_bytes
            os.posix_fadvise(self._file.fileno(), place, size, os.POSIX_FADV_WILLNEED)

    def _read(self, first: int, into: NDArray[Any]) -> None:
        if self._file is None:
            into[...] = self.array[first : first + len(into)]
            return
        waiting: memoryview = into.reshape(-1).view(np.uint8).data
        try:
            self._file.seek(self._start + first * self._row_bytes)
            while len(waiting):
                done = self._file.readinto(waiting)
                if not done:
                    raise OSError("it ends too early")
                waiting = waiting[done:]
        except OSError as error:
            raise UserError(f"cannot read {self._file.name}: {error}") from error


def _whole_file(array: NDArray[Any]) -> np.memmap[Any, Any] | None:
    """`array`, if it is a memory-mapped file from its offset on; None for a view of some of it."""
    if not isinstance(array, np.memmap) or not isinstance(array.base, mmap):
        return None
    return array if array.flags.c_contiguous and array.filename is not None else None


def row_bytes(arrays: Sequence[NDArray[Any]]) -> int:
    """Bytes of one row of all `arrays` together."""
    return sum(array.dtype.itemsize * int(np.prod(array.shape[1:])) for array in arrays)


def runs(rows: Rows, gap: int, most: int) -> Iterator[tuple[int, int]]:
    """Cut `rows`, int64 (n,) ascending, into [start, stop) that one read each covers.

    Neighbours in a run have at most `gap` rows between them; a run spans at most `most` rows.
    """
    breaks = np.flatnonzero(np.diff(rows) > gap + 1) + 1
    edges = [0, *breaks.tolist(), len(rows)]
    for start, stop in pairwise(edges):
        while start < stop:
            end = stop
            if rows[stop - 1] - rows[start] >= most:
                end = start + int(np.searchsorted(rows[start:stop], rows[start] + most))
            yield start, end
            start = end
