"""An .npy file that is filled piece by piece.

By plain writes, as a full disk then is an error; in a memory-mapped file it ends the process.
"""

import errno
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import xxhash
from numpy.typing import NDArray

from product_length.artefacts.manifest import Json, digest_json

_BLOCK_BYTES = 1 << 22


class ArrayFile:
    """The file of an array whose shape and dtype are known."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: str) -> None:
        self.path = path
        self._dtype = np.dtype(dtype)
        self._header = _header(shape, self._dtype)
        self._row_bytes = self._dtype.itemsize * int(np.prod(shape[1:], dtype=np.int64))
        self._size = len(self._header) + self._row_bytes * shape[0]

    def is_whole(self) -> bool:
        """Whether a file of the right size and with the right header is there."""
        try:
            with self.path.open("rb") as file:
                header = file.read(len(self._header))
            return header == self._header and self.path.stat().st_size == self._size
        except OSError:
            return False

    def prepare(self) -> None:
        """Make the file whole, with the rows that it has; all space is taken from the disk now.

        Raises OSError when there is not enough.
        """
        with self.path.open("r+b" if self.path.is_file() else "w+b") as file:
            before = file.seek(0, io.SEEK_END)
            try:
                _reserve(file, self._size)
            except OSError:
                file.truncate(before)
                raise
            file.truncate(self._size)
            file.seek(0)
            file.write(self._header)

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The file, for `write`."""
        with self.path.open("r+b") as file:
            yield file

    def write(
        self, file: BinaryIO, start: int, rows: NDArray[Any], counts: Mapping[str, Json]
    ) -> str:
        """Write rows from `start` on, down to the disk; what `digest` will give for them."""
        content = _bytes(np.ascontiguousarray(rows, dtype=self._dtype))
        file.seek(len(self._header) + start * self._row_bytes)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        digest = _digest_of(start, start + len(rows), counts)
        digest.update(content)
        return digest.hexdigest()

    def digest(self, start: int, stop: int, counts: Json) -> str:
        """xxh3_128 hex of the rows [start, stop) and of what is said of them."""
        digest = _digest_of(start, stop, counts)
        with self.path.open("rb") as file:
            file.seek(len(self._header) + start * self._row_bytes)
            left = (stop - start) * self._row_bytes
            while block := file.read(min(left, _BLOCK_BYTES)):
                digest.update(block)
                left -= len(block)
        return digest.hexdigest()


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write an .npy file as `np.save` does, whose error on a full disk does not say what it is.

    Raises OSError.
    """
    with path.open("wb") as file:
        file.write(_header(array.shape, array.dtype))
        file.write(_bytes(np.ascontiguousarray(array)))


def _header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    header = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(dtype)
    np.lib.format.write_array_header_1_0(
        header, {"descr": descr, "fortran_order": False, "shape": shape}
    )
    return header.getvalue()


def _digest_of(start: int, stop: int, counts: Json) -> "xxhash.xxh3_128":
    return xxhash.xxh3_128(digest_json([start, stop, counts]).encode())


def _bytes(rows: NDArray[Any]) -> memoryview:
    return rows.reshape(-1).view(np.uint8).data


def _reserve(file: BinaryIO, size: int) -> None:
    """Take so many bytes from the disk; where a file system cannot, each write will ask for its."""
    if size and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENODEV):
                raise
