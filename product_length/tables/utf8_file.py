"""A file's text as UTF-8, whatever it is written in."""

import codecs
import io
import logging
from pathlib import Path
from typing import Any

from product_length.errors import UserError
from product_length.tables.dialect import UTF8
from product_length.tables.encodings import is_single_byte, letters_like_utf8
from product_length.tables.source_file import SourceFile

log = logging.getLogger(__name__)

_BLOCK_BYTES = 1 << 18


def open_utf8(path: Path, encoding: str) -> "SourceFile | Transcoded":
    """The unpacked bytes of a file as UTF-8, which itself is passed on unchecked."""
    file = SourceFile(path)
    return file if encoding == UTF8 else Transcoded(file, encoding)


class Transcoded(io.RawIOBase):
    """The bytes of a source file, from another encoding to UTF-8.

    Reading raises UserError with the line of a byte that the encoding does not have.
    """

    is_plain = False

    def __init__(self, file: SourceFile, encoding: str) -> None:
        self.path = file.path
        self._file = file
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._waiting = memoryview(b"")
        self._lines = 0  # line ends so far
        self._ended = False
        self._suspects = 0  # letters that look like UTF-8
        self._first_suspect = 0  # the line of the first of them

    @property
    def position(self) -> int:
        """Bytes of the file on disk that were read so far."""
        return self._file.position

    @property
    def size(self) -> int:
        """Bytes of the file on disk."""
        return self._file.size

    def warn_of_mixture(self) -> None:
        """Say how many letters that were read one way look like another."""
        if self._suspects:
            log.warning(
                "%s: read as %s, but %s letters look like UTF-8 (the first in line %s): look "
                "whether the file mixes encodings",
                self.path,
                self._encoding,
                f"{self._suspects:,}",
                self._first_suspect,
            )

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill `buffer` from the start; the bytes written, 0 at the end."""
        while not self._waiting and not self._ended:
            self._waiting = memoryview(self._next_block().encode())
        size = min(len(buffer), len(self._waiting))
        buffer[:size] = self._waiting[:size]
        self._waiting = self._waiting[size:]
        return size

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _next_block(self) -> str:
        block = self._file.read(_BLOCK_BYTES)
        self._ended = not block
        try:
            text = self._decoder.decode(block, self._ended)
        except UnicodeDecodeError as error:
            raise self._fault_of(error) from error
        if is_single_byte(self._encoding) and not block.isascii():
            self._count_suspects(block)
        self._lines += text.count("\n")
        return text

    def _count_suspects(self, block: bytes) -> None:
        places = letters_like_utf8(block)
        if places and not self._suspects:
            self._first_suspect = self._lines + block.count(b"\n", 0, places[0]) + 1
        self._suspects += len(places)

    def _fault_of(self, error: UnicodeDecodeError) -> UserError:
        before = error.object[: error.start].decode(self._encoding, errors="replace")
        line = self._lines + before.count("\n") + 1
        odd = " ".join(f"{byte:#04x}" for byte in error.object[error.start : error.end][:4])
        return UserError(
            f"{self.path}: line {line}: {odd} is no {self._encoding} (after {before[-20:]!r}); "
            "set data.encoding= to what the file is written in"
        )
