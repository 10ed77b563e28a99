"""What a run that continues another must have in common with it, and what it takes over."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from product_length.errors import UserError
from product_length.training.checkpoint_file import BEST, LAST, RECORD
from product_length.training.seal import check_file

_OF_LIGHTNING = (
    *("epoch", "global_step", "pytorch-lightning_version", "loops", "callbacks"),
    *("optimizer_states", "lr_schedulers"),
)


def best_epoch(history: Sequence[Mapping[str, float]], criterion: str) -> int:
    """The first epoch, from 1, of least `criterion`, in float32 as Lightning compares it."""
    return 1 + int(np.argmin([np.float32(entry[criterion]) for entry in history]))


def check_resumable(checkpoint: Mapping[str, Any], criterion: str, path: Path) -> None:
    """Raises UserError when what training goes on from is not all in a checkpoint."""
    record = checkpoint[RECORD]
    missing = [name for name in _OF_LIGHTNING if name not in checkpoint]
    missing += [name for name in ("identity", "history", "chunks") if name not in record]
    if not missing:
        if not (isinstance(record["history"], list) and record["history"]):
            missing = ["a history"]
        elif not all(_is_entry(each, criterion) for each in record["history"]):
            missing = ["a whole history"]
        elif not isinstance(record["chunks"], dict | None):
            missing = ["chunks"]
    if missing:
        raise UserError(f"{path}: was edited and cannot be continued: {', '.join(missing)} missing")


def _is_entry(entry: Any, criterion: str) -> bool:
    return isinstance(entry, dict) and all(
        isinstance(entry.get(name), float) for name in (criterion, "val/mape", "rows_per_second")
    )


def check_same_run(checkpoint: Mapping[str, Any], identity: Mapping[str, Any], path: Path) -> None:
    """A run continues only what was made from the same things, if perhaps for more epochs.

    Raises UserError that lists every difference.
    """
    kept = dict(checkpoint[RECORD]["identity"])
    if epochs_added(checkpoint, identity):
        trainer = {**kept["trainer"], "max_epochs": identity["trainer"]["max_epochs"]}
        kept["trainer"] = trainer
    differences = list(_differences(kept, identity))
    if differences:
        raise UserError(
            f"trainer.resume={path}: this run differs from the one that wrote it: "
            + "; ".join(differences)
            + ". Repeat that run's settings, or start anew without trainer.resume"
        )


def epochs_added(checkpoint: Mapping[str, Any], identity: Mapping[str, Any]) -> int:
    """How many epochs more than the run that wrote the checkpoint this one may train, or 0."""
    kept, now = (each.get("trainer") for each in (checkpoint[RECORD]["identity"], identity))
    if not (isinstance(kept, Mapping) and isinstance(now, Mapping)):
        return 0
    before, after = (each.get("max_epochs") for each in (kept, now))
    return max(0, after - before) if isinstance(before, int) and isinstance(after, int) else 0


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

    Raises UserError when best.ckpt is missing or damaged, or `folder` holds another run already.
    """
    best = resume.with_name(BEST)
    if not best.is_file():
        raise UserError(
            f"trainer.resume={resume}: {BEST} of that run is not beside it; keep both together"
        )
    check_file(best)  # it is read at the end, when training is done
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
    last = folder / LAST
    if last.exists():
        raise UserError(
            f"{folder} holds the checkpoints of a run: continue it with trainer.resume={last}, or "
            "choose another run folder"
        )
    if (folder / BEST).exists():
        raise UserError(
            f"{folder} holds the {BEST} of a run, but no {LAST} to continue it from: choose "
            "another run folder, or delete this one"
        )
