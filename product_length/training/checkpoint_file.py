"""The file of a checkpoint: written whole or not at all, checked on every read before it is used.

A checkpoint is Lightning's, with one more entry, `product_length`: what the run was made from and
its history. It is read with `weights_only=True`, so that a file cannot bring code along. The file
is a zip archive as torch writes it, whose comment holds a checksum of all bytes before it. There
is nothing of Lightning here, so that prediction starts without it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
import xxhash
from torch import nn

from product_length.errors import UserError

FORMAT = 3  # of what is in a checkpoint; raise it when that changes
RECORD = "product_length"
BEST, LAST = "best.ckpt", "last.ckpt"
_NETWORK = "network."
_SEAL = re.compile(rb"product_length (\d+) xxh3_128 ([0-9a-f]{32})\Z")
_DIGEST_LENGTH = 32
_BLOCK = 1 << 22


def write_checkpoint(checkpoint: Mapping[str, Any], path: Path) -> None:
    """Replace `path` with this checkpoint. Raises UserError when the disk refuses it."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(dict(checkpoint), partial)
        _seal(partial)
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        partial.unlink(missing_ok=True)
        raise UserError(f"cannot write the checkpoint {path}: {error}") from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint that this package wrote, its tensors on the CPU.

    Raises UserError when there is no such file, its bytes are not those that were written, or
    another program or version wrote it.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such checkpoint")
    try:
        with path.open("rb") as file:
            _check_seal(file, path)
            file.seek(0)
            checkpoint = torch.load(file, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # what is no archive of torch surfaces as any of half a dozen types
        raise UserError(f"{path}: not a checkpoint that product_length wrote") from error
    if not isinstance(checkpoint, dict):
        raise UserError(f"{path}: not a checkpoint that product_length wrote")
    for name in (RECORD, "state_dict"):
        if not isinstance(checkpoint.get(name), dict):
            raise UserError(f"{path}: not a checkpoint that product_length wrote: no {name} in it")
    return checkpoint


def load_weights(network: nn.Module, path: Path) -> None:
    """Give `network` the weights of the checkpoint at `path`, in place.

    Raises UserError when the file cannot be read, or holds the weights of another network.
    """
    set_weights(network, read_checkpoint(path), path)


def set_weights(network: nn.Module, checkpoint: Mapping[str, Any], path: Path) -> None:
    """Give `network` the weights in a checkpoint that `read_checkpoint` gave, in place.

    Raises UserError when they are those of another network: other names, shapes or types.
    """
    weights = {
        name.removeprefix(_NETWORK): weight
        for name, weight in checkpoint["state_dict"].items()
        if name.startswith(_NETWORK)
    }
    for name, own in network.state_dict().items():  # torch itself would convert other types
        given = weights.get(name)
        if isinstance(given, torch.Tensor) and given.dtype != own.dtype:
            raise UserError(
                f"{path}: holds the weights of another network: {name} is {given.dtype}, "
                f"should be {own.dtype}"
            )
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        said = " ".join(str(error).split())
        raise UserError(f"{path}: holds the weights of another network: {said}") from error


def _seal(path: Path) -> None:
    """Give the archive that torch wrote a comment with the checksum of all before it."""
    head = f"product_length {FORMAT} xxh3_128 ".encode()
    with path.open("r+b") as file:
        file.seek(-2, os.SEEK_END)  # an archive ends in its comment's length, then the comment
        file.write((len(head) + _DIGEST_LENGTH).to_bytes(2, "little"))
        file.write(head)
        file.write(_digest(file, file.tell()).encode())


def _check_seal(file: BinaryIO, path: Path) -> None:
    """Raises UserError when the file is not as `_seal` left it."""
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
