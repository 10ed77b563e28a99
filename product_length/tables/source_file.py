"""A file's bytes, unpacked as they are read; its faults raised as UserError."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa

from product_length.errors import UserError
from product_length.shortage import memory_ran_out, out_of_memory
from product_length.tables.content import BZIP2, HEAD_BYTES, PACKED, XZ, ZIP, ZSTD, recognise

_DAMAGED = (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


def check_file(path: Path) -> None:
    """Raise UserError unless `path` is a readable, non-empty file."""
    try:
        if not path.exists():
            raise UserError(f"{path}: no such file; check data.path (from {Path.cwd()})")
        if not path.is_file():
            raise UserError(f"{path}: is not a regular file; save the table to a file first")
        with path.open("rb") as file:
            if not file.read(1):
                raise UserError(f"{path}: the file is empty (0 bytes); expected a header and rows")
    except OSError as error:
        raise unreadable(path, error) from error


class SourceFile(io.RawIOBase):
    """Bytes of a file, plain or unpacked, whatever its name; opening and reading raise UserError.

    gzip, bzip2, xz, zstd, and zip with one file in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._raw: Any = None
        self._file: Any = None
        self._packing = ""
        try:
            self._raw = path.open("rb", buffering=0)
            self._file = self._unpacked()
        except (*_DAMAGED, OSError, NotImplementedError, UserError) as error:
            self.close()
            raise self._fault_of(error) from error

    @property
    def is_plain(self) -> bool:
        """Whether the bytes read are the bytes of the file."""
        return self._file is self._raw

    @property
    def position(self) -> int:
        """Bytes of the file on disk that were read so far."""
        return 0 if self._raw.closed else self._raw.tell()

    @property
    def size(self) -> int:
        """Bytes of the file on disk."""
        return self.path.stat().st_size

    def warn_of_mixture(self) -> None:
        """Say nothing: the bytes are taken as they are."""

    def readable(self) -> bool:
        """Always true."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """At most `size` bytes; none only at the end."""
        try:
            block: bytes = self._file.read(-1 if size is None else size)
        except (*_DAMAGED, OSError) as error:
            raise self._fault_of(error) from error
        return block

    def readinto(self, buffer: Any, /) -> int:
        """Fill `buffer` from the start; the bytes written, 0 at the end."""
        try:
            return int(self._file.readinto(buffer))
        except (*_DAMAGED, OSError) as error:
            raise self._fault_of(error) from error

    def close(self) -> None:
        """Close the file and what unpacks it."""
        for file in (self._file, self._raw):
            if file is not None:
                file.close()
        super().close()

    def _unpacked(self) -> Any:
        content = recognise(self._raw.read(HEAD_BYTES), self.path)
        self._raw.seek(0)
        if content not in PACKED:
            return self._raw
        self._packing = content.name
        if content is ZIP:
            return self._only_member()
        if content is ZSTD:
            return pa.CompressedInputStream(pa.PythonFile(self._raw, mode="r"), "zstd")
        if content is BZIP2:
            return bz2.BZ2File(self._raw)
        if content is XZ:
            return lzma.LZMAFile(self._raw)
        return gzip.GzipFile(fileobj=self._raw)

    def _only_member(self) -> Any:
        archive = zipfile.ZipFile(self._raw)
        members = [
            member
            for member in archive.infolist()
            if not member.is_dir() and not member.filename.startswith("__MACOSX/")
        ]
        if len(members) != 1:
            names = ", ".join(member.filename for member in members[:5]) or "none"
            raise UserError(
                f"{self.path}: the archive holds {len(members)} files ({names}); "
                "it must hold exactly one table"
            )
        if members[0].flag_bits & 1:
            raise UserError(f"{self.path}: the archive is encrypted; unpack it first")
        return archive.open(members[0])

    def _fault_of(self, error: Exception) -> UserError:
        if isinstance(error, UserError):
            return error
        is_damage = isinstance(error, (*_DAMAGED, NotImplementedError)) or (
            # Unpackers of other libraries raise OSError without the system's number.
            isinstance(error, OSError) and error.errno is None and bool(self._packing)
        )
        if isinstance(error, OSError) and not is_damage:
            return unreadable(self.path, error)
        reason = str(error).strip().rstrip(".").replace("\n", " ")
        return UserError(
            f"{self.path}: the file is {self._packing}, damaged or cut short ({reason}); "
            "fetch it again"
        )


def unreadable(path: Path, error: OSError) -> UserError:
    """The fault of a file that the system does not let us read."""
    if memory_ran_out(error):
        return out_of_memory(error)
    return UserError(f"{path}: cannot be read ({error.strerror or error}); check its permissions")
