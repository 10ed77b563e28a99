"""A source file's bytes, decompressed as they are read; its faults raised as UserError."""

import gzip
import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

from product_length.catalogue.content import (
    GZIP,
    HEAD_BYTES,
    PARQUET,
    TEXT,
    ZIP,
    Content,
    is_text,
    recognise,
)
from product_length.errors import UserError
from product_length.shortage import memory_ran_out, out_of_memory

ENDINGS = (".csv", ".csv.gz", ".csv.zip", ".gz", ".zip", ".parquet")
"""What a catalogue's name may end with, in any case."""

_DAMAGED = (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, NotImplementedError)


def check_file(path: Path) -> None:
    """Raise UserError unless `path` is a readable, non-empty file of the kind its name says."""
    try:
        if path.is_dir():
            raise UserError(f"{path}: is a folder; give the CSV or Parquet file in it")
        if not path.exists():
            raise UserError(f"{path}: no such file; check data.path (from {Path.cwd()})")
        if not path.is_file():
            raise UserError(f"{path}: is not a regular file; save the catalogue to a file first")
        with path.open("rb") as file:
            start = file.read(HEAD_BYTES)
        known = path.name.lower().endswith(ENDINGS)
        content = recognise(start, path) or (TEXT if is_text(start) else None)
        if start and content not in (None, TEXT if not known else _expected(path)):
            raise UserError(f"{path}: the file is {content.name}; {content.advice}")
        if not known:
            raise UserError(f"{path}: unknown ending; a catalogue ends with {', '.join(ENDINGS)}")
        if not start:
            raise UserError(f"{path}: the file is empty (0 bytes); expected a header and rows")
    except OSError as error:
        raise unreadable(path, error) from error


def check_packed(path: Path, start: bytes) -> None:
    """Raise UserError unless what a CSV file, or the one that is packed in it, begins with is text.

    `start` is up to HEAD_BYTES bytes, unpacked.
    """
    content = recognise(start)
    if content is not None:
        is_packed = content in (GZIP, ZIP, PARQUET)
        advice = "it must hold one CSV itself" if is_packed else content.advice
        raise UserError(f"{path}: holds {content.name}; {advice}")


def _expected(path: Path) -> Content:
    kinds = {".parquet": PARQUET, ".gz": GZIP, ".zip": ZIP}
    return kinds.get(path.suffix.lower(), TEXT)


def is_parquet(path: Path) -> bool:
    """Whether the name says Parquet."""
    return path.name.lower().endswith(".parquet")


class SourceFile(io.RawIOBase):
    """Bytes of a plain, gzip or single-member zip file; opening and reading raise UserError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._raw: Any = None
        self._file: Any = None
        try:
            self._raw = path.open("rb", buffering=0)
            self._file = self._decompressed()
        except (*_DAMAGED, OSError, UserError) as error:
            self.close()
            raise self._fault_of(error) from error

    @property
    def is_compressed(self) -> bool:
        """Whether the bytes read are not the bytes of the file."""
        return self._file is not self._raw

    @property
    def position(self) -> int:
        """Bytes of the file on disk that were read so far."""
        return 0 if self._raw.closed else self._raw.tell()

    @property
    def size(self) -> int:
        """Bytes of the file on disk."""
        return self.path.stat().st_size

    def readable(self) -> bool:
        """Always true."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """At most `size` bytes; fewer only at the end."""
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

    def rewind(self) -> None:
        """Start again at the first byte."""
        self._file.seek(0)

    def close(self) -> None:
        """Close the file and what decompresses it."""
        for file in (self._file, self._raw):
            if file is not None:
                file.close()
        super().close()

    def _decompressed(self) -> Any:
        ending = self.path.suffix.lower()
        if ending == ".gz":
            return gzip.GzipFile(fileobj=self._raw)
        if ending != ".zip":
            return self._raw
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
                "it must hold exactly one CSV"
            )
        if members[0].flag_bits & 1:
            raise UserError(f"{self.path}: the archive is encrypted; unpack it first")
        return archive.open(members[0])

    def _fault_of(self, error: Exception) -> UserError:
        if isinstance(error, UserError):
            return error
        if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
            return unreadable(self.path, error)
        reason = str(error).strip().rstrip(".").replace("\n", " ")
        return UserError(
            f"{self.path}: the {self.path.suffix.lower()} file is damaged or cut short "
            f"({reason}); fetch it again"
        )


def unreadable(path: Path, error: OSError) -> UserError:
    """The fault of a file that the system does not let us read."""
    if memory_ran_out(error):
        return out_of_memory(error)
    return UserError(f"{path}: cannot be read ({error.strerror or error}); check its permissions")
