"""The file of a checkpoint: written whole or not at all, checked on every read before it is used.

A checkpoint is Lightning's, with one more entry, `product_length`: what the run was made from and
its history. It is read with `weights_only=True`, so that a file cannot bring code along. The file
is a zip archive as torch writes it, whose comment holds a checksum of all bytes before it. There
is nothing of Lightning here, so that prediction starts without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from product_length.errors import UserError
from product_length.shortage import cannot_write, memory_ran_out, out_of_memory
from product_length.training.seal import check_seal, seal
from product_length.writing import write_whole

RECORD = "product_length"
BEST, LAST = "best.ckpt", "last.ckpt"
_NETWORK = "network."


def write_checkpoint(checkpoint: Mapping[str, Any], path: Path) -> None:
    """Replace `path` with this checkpoint. Raises UserError when the disk refuses it."""

    def save(partial: Path) -> None:
        with partial.open("wb") as file:
            torch.save(dict(checkpoint), file)
        seal(partial)

    try:
        write_whole(path, save)
    except RuntimeError as error:  # torch's for a full disk
        raise cannot_write(path, error) from error


def read_checkpoint(path: Path, *, mapped: bool = False) -> dict[str, Any]:
    """A checkpoint that this package wrote, its tensors on the CPU.

    `mapped`: they stay in the file, which must not be written to meanwhile. Raises
    UserError when there is no such file, its bytes are not those that were written, or another
    program or version wrote it.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such checkpoint")
    try:
        with path.open("rb") as file:
            check_seal(file, path)
            file.seek(0)
            source = path if mapped else file  # torch maps no file that is open already
            checkpoint = torch.load(source, map_location="cpu", weights_only=True, mmap=mapped)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # what is no archive of torch surfaces as any of half a dozen types
        if memory_ran_out(error):
            raise out_of_memory(error) from error
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
