"""Checkpoints of a run: written whole or not at all, checked before they are continued from.

A checkpoint is Lightning's, with one more entry, `product_length`: what the run was made from and
its history. It is read with `weights_only=True`, so that a file cannot bring code along.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn
from typing_extensions import override

from product_length.errors import UserError

RECORD = "product_length"
BEST, LAST = "best.ckpt", "last.ckpt"
_NETWORK = "network."


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the file and renames; Lightning's own writes to /tmp and copies from there."""

    @override
    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Replace `path` with this checkpoint. Raises UserError when the disk refuses it."""
        target = Path(path)
        partial = target.with_name(f".{target.name}.partial")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            torch.save(checkpoint, partial)
            partial.replace(target)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
            partial.unlink(missing_ok=True)
            raise UserError(f"cannot write the checkpoint {target}: {error}") from error

    @override
    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = True
    ) -> dict[str, Any]:
        """The checkpoint at `path`, its tensors on the CPU. Raises UserError as read_checkpoint."""
        return read_checkpoint(Path(path))


def best_epoch(history: Sequence[Mapping[str, float]], criterion: str) -> int:
    """The first epoch, from 1, of least `criterion`, in float32 as Lightning compares it."""
    return 1 + int(np.argmin([np.float32(entry[criterion]) for entry in history]))


class RunCheckpoint(ModelCheckpoint):
    """ModelCheckpoint whose memory of the best epoch survives a move to another run folder."""

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what was kept, with every path in this run's folder."""
        moved = dict(state_dict)
        for key in ("best_model_path", "kth_best_model_path", "last_model_path"):
            moved[key] = self._here(state_dict[key])
        scores = state_dict["best_k_models"]
        moved["best_k_models"] = {self._here(path): score for path, score in scores.items()}
        moved["dirpath"] = self.dirpath
        super().load_state_dict(moved)

    def _here(self, path: str) -> str:
        return str(Path(str(self.dirpath)) / Path(path).name) if path else path


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint that this package wrote, its tensors on the CPU.

    Raises UserError when there is no such file, it is damaged, or something else wrote it.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such checkpoint")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged archive surfaces as any of half a dozen types
        raise UserError(
            f"{path}: not a readable checkpoint, it is cut short or no checkpoint at all"
        ) from error
    if not isinstance(checkpoint, dict) or RECORD not in checkpoint:
        raise UserError(f"{path}: a checkpoint, but not one that product_length wrote")
    return checkpoint


def load_weights(network: nn.Module, path: Path) -> None:
    """Give `network` the weights of the checkpoint at `path`, in place.

    Raises UserError when the file cannot be read, or holds the weights of another network.
    """
    weights = network_weights(read_checkpoint(path))
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"{path}: holds the weights of another network: {error}") from error


def network_weights(checkpoint: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The network's own state_dict, from a checkpoint that `read_checkpoint` gave."""
    state = checkpoint["state_dict"]
    return {
        name.removeprefix(_NETWORK): weight
        for name, weight in state.items()
        if name.startswith(_NETWORK)
    }


def check_same_run(checkpoint: Mapping[str, Any], identity: Mapping[str, Any], path: Path) -> None:
    """A run continues only what was made from the same things.

    Raises UserError that lists every difference.
    """
    differences = list(_differences(checkpoint[RECORD]["identity"], identity))
    if differences:
        raise UserError(
            f"trainer.resume={path}: this run differs from the one that wrote it: "
            + "; ".join(differences)
            + ". Repeat that run's settings, or start anew without trainer.resume"
        )


def _differences(kept: Any, now: Any, name: str = "") -> Iterator[str]:
    if isinstance(kept, dict) and isinstance(now, dict):
        for key in sorted(kept.keys() | now.keys()):
            inner = f"{name}.{key}" if name else key
            yield from _differences(kept.get(key), now.get(key), inner)
    elif kept != now and isinstance(kept, str) and isinstance(now, str):
        pairs = zip([*kept.splitlines(), ""], [*now.splitlines(), ""], strict=False)
        was, is_now = next((a, b) for a, b in pairs if a != b)
        yield f"{name} was {was.strip() or 'shorter'}, is {is_now.strip() or 'shorter'}"
    elif kept != now:
        yield f"{name} was {kept}, is {now}"


def adopt(resume: Path, folder: Path) -> None:
    """Copy best.ckpt and last.ckpt of the run that is continued into `folder`, if it is another.

    Raises UserError when best.ckpt is not beside `resume`, or `folder` holds another run already.
    """
    best = resume.with_name(BEST)
    if not best.is_file():
        raise UserError(
            f"trainer.resume={resume}: {BEST} of that run is not beside it; keep both together"
        )
    if resume.parent.resolve() == folder.resolve():
        return
    refuse_used(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for source, name in ((best, BEST), (resume, LAST)):
        partial = folder / f".{name}.partial"
        shutil.copyfile(source, partial)
        partial.replace(folder / name)


def refuse_used(folder: Path) -> None:
    """Raises UserError when `folder` holds checkpoints: a new run would overwrite them."""
    if (folder / LAST).exists() or (folder / BEST).exists():
        raise UserError(
            f"{folder} holds the checkpoints of a run: continue it with "
            f"trainer.resume={folder / LAST}, or choose another run folder"
        )
