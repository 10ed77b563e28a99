"""The checksum at the end of a checkpoint; without torch, so that damage is reported at once."""

import os
import re
from pathlib import Path
from typing import BinaryIO

import xxhash

from product_length.errors import UserError

FORMAT = 5  # of what is in a checkpoint; raise it when that changes
_SEAL = re.compile(rb"product_length (\d+) xxh3_128 ([0-9a-f]{32})\Z")
_DIGEST_LENGTH = 32
_BLOCK = 1 << 22


def check_file(path: Path) -> None:
    """Raises UserError when a checkpoint is not there, or its bytes are not those written."""
    if not path.is_file():
        raise UserError(f"{path}: there is no such checkpoint")
    try:
        with path.open("rb") as file:
            check_seal(file, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error


def seal(path: Path) -> None:
    """Give the archive that torch wrote a comment with the checksum of all before it."""
    head = f"product_length {FORMAT} xxh3_128 ".encode()
    with path.open("r+b") as file:
        file.seek(-2, os.SEEK_END)  # an archive ends in its comment's length, then the comment
        file.write((len(head) + _DIGEST_LENGTH).to_bytes(2, "little"))
        file.write(head)
        file.write(_digest(file, file.tell()).encode())


def check_seal(file: BinaryIO, path: Path) -> None:
    """Raises UserError when the file is not as `seal` left it."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        raise UserError(f"{path}: not a readable checkpoint, the file is empty")
    file.seek(max(0, size - 100))
    found = _SEAL.search(file.read())
    if found is None:
        raise UserError(
            f"{path}: not a readable checkpoint, there is no checksum at its end: it is cut short "
            "or edited, or another program or an older version wrote it"
        )
    if _digest(file, size - _DIGEST_LENGTH) != found[2].decode():
        raise UserError(
            f"{path}: damaged, its content does not match its checksum; use an undamaged copy, or "
            "train again"
        )
    if int(found[1]) != FORMAT:
        raise UserError(
            f"{path}: written in format {int(found[1])}, this version reads {FORMAT}; use the "
            "version that wrote it"
        )


def _digest(file: BinaryIO, size: int) -> str:
    """xxh3_128 hex of a file's first `size` bytes; the file stands behind them afterwards."""
    digest = xxhash.xxh3_128()
    file.seek(0)
    while size and (block := file.read(min(size, _BLOCK))):
        digest.update(block)
        size -= len(block)
    return str(digest.hexdigest())
