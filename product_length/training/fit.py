"""One fit, from an untrained network to the weights of its best epoch."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from product_length.errors import ConfigError, UserError
from product_length.lightning_import import (
    Callback,
    EarlyStopping,
    L,
    Logger,
    MisconfigurationException,
)
from product_length.model.network import LengthNetwork
from product_length.training.batches import Inputs, Rows, ShuffledBatches
from product_length.training.checkpoint import AtomicCheckpointIO, RunCheckpoint
from product_length.training.checkpoint_file import (
    BEST,
    LAST,
    RECORD,
    load_weights,
    read_checkpoint,
    set_weights,
)
from product_length.training.chunks import Chunks
from product_length.training.config import TrainerOptions
from product_length.training.continuing import (
    adopt,
    best_epoch,
    check_resumable,
    check_same_run,
    refuse_used,
)
from product_length.training.every_process import SameTraining
from product_length.training.hardware import resolve_accelerator, resolve_precision
from product_length.training.interruption import Interruption
from product_length.training.module import FitModule, History
from product_length.training.objective import Objective
from product_length.training.placement import choose_chunks
from product_length.training.progress import Progress

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitResult:
    """What a fit came to. Epochs count from 1; `history` has one entry for each."""

    best_checkpoint: Path
    last_checkpoint: Path
    best_epoch: int
    best_val_mape: float
    """Of the best epoch, a fraction, over all validation rows."""
    history: History
    epochs: int
    stopped_early: bool
    seconds: float
    """Wall time of this call; a resumed run's earlier part is not in it."""
    rows_per_second: float
    """Training rows, mean over the epochs that the history has."""
    left_out_rows: int
    """Training rows that an epoch goes without, see ShuffledBatches."""
    first_step_at: float | None
    """When the first step of this call began, by `time.perf_counter`; None if it took none."""


def fit(
    network: LengthNetwork,
    objective: Objective,
    inputs: Inputs,
    train_rows: Rows,
    val_rows: Rows,
    *,
    options: TrainerOptions,
    seed: int,
    folder: Path,
    callbacks: Sequence[Callback] = (),
    loggers: Sequence[Logger] = (),
) -> FitResult:
    """Fit `network` in place; it ends with the weights of the best epoch, by `objective.criterion`.

    train_rows, val_rows: int64 (n,), rows of `inputs`, which has lengths.
    seed: decides order and dropout; the caller seeds the network's first weights.
    folder: the run's; checkpoints/best.ckpt and checkpoints/last.ckpt are written in it.

    Raises UserError when there are too few rows, the loss or a prediction is not a finite number,
    `options.resume` cannot be continued, or the folder holds another run; InterruptedFitError on
    Ctrl-C.
    """
    started = time.perf_counter()
    checkpoints = Path(folder).absolute() / "checkpoints"
    interruption = Interruption()
    criterion = objective.criterion
    trainer = _trainer(options, checkpoints, criterion, [interruption, *callbacks], loggers)
    world = trainer.world_size
    if len(val_rows) < world:
        raise UserError(f"{len(val_rows)} validation rows for {world} process(es): too few")
    batches = ShuffledBatches(inputs, train_rows, options.batch_size, seed, world=world)
    chunks = choose_chunks(inputs, options, resolve_accelerator(options), world)
    module = FitModule(
        network, objective, inputs, train_rows, val_rows, options, seed, world, chunks
    )
    history = _continued(module, checkpoints, first=trainer.is_global_zero)
    if module.chunks is not None and trainer.is_global_zero:
        logger.info("training rows are read %s", module.chunks)
    if not _finished(history, criterion, options):
        history = _trained(trainer, module, interruption, checkpoints)
    if trainer.is_global_zero or (checkpoints / BEST).exists():  # perhaps on another machine
        load_weights(network, checkpoints / BEST)
    network.eval()
    return _result(module, history, checkpoints, started, batches.left_out)


def _trained(
    trainer: L.Trainer, module: FitModule, interruption: Interruption, checkpoints: Path
) -> History:
    """The history after training to the end; randomness outside of it is left as it was."""
    with (
        _quiet(),
        interruption.reported(checkpoints / LAST, module),
        torch.random.fork_rng(devices=[]),
    ):
        module.network.train()
        trainer.fit(module, ckpt_path=module.options.resumed_checkpoint())
    return module.history


def _result(
    module: FitModule, history: History, checkpoints: Path, started: float, left_out: int
) -> FitResult:
    best = best_epoch(history, module.objective.criterion)
    return FitResult(
        best_checkpoint=checkpoints / BEST,
        last_checkpoint=checkpoints / LAST,
        best_epoch=best,
        best_val_mape=history[best - 1]["val/mape"],
        history=history,
        epochs=len(history),
        stopped_early=len(history) < module.options.max_epochs,
        seconds=time.perf_counter() - started,
        rows_per_second=float(np.mean([entry["rows_per_second"] for entry in history])),
        left_out_rows=left_out,
        first_step_at=module.first_step_at,
    )


def _trainer(
    options: TrainerOptions,
    checkpoints: Path,
    criterion: str,
    callbacks: Sequence[Callback],
    loggers: Sequence[Logger],
) -> L.Trainer:
    """Lightning, silent, and writing nothing but the two checkpoints."""
    accelerator = resolve_accelerator(options)
    precision: Any = resolve_precision(options, accelerator)
    try:
        with _quiet():
            return L.Trainer(
                accelerator=accelerator,
                devices=options.devices,
                num_nodes=options.nodes,
                strategy=options.strategy,
                precision=precision,
                # Everything here runs deterministically on a CPU as it is.
                deterministic="warn" if accelerator == "cuda" else None,
                max_epochs=options.max_epochs,
                gradient_clip_val=options.gradient_clip or None,
                callbacks=[
                    SameTraining(),
                    Progress(show=options.progress),
                    *callbacks,
                    EarlyStopping(criterion, patience=options.patience),
                    # In this order, so that the last checkpoint knows of the best.
                    _keep(checkpoints, BEST, criterion),
                    _keep(checkpoints, LAST, None),
                ],
                plugins=[AtomicCheckpointIO()],
                logger=list(loggers),
                default_root_dir=checkpoints.parent,
                num_sanity_val_steps=0,
                log_every_n_steps=1,
                use_distributed_sampler=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
    except (MisconfigurationException, ValueError) as error:
        raise ConfigError(f"trainer: {error}") from error


def _keep(checkpoints: Path, name: str, monitor: str | None) -> RunCheckpoint:
    """Overwrite `name` after each epoch, or after each that is the best by `monitor`."""
    return RunCheckpoint(
        dirpath=checkpoints,
        filename=Path(name).stem,
        monitor=monitor,
        mode="min",
        save_top_k=1,
        enable_version_counter=False,
        save_on_train_epoch_end=True,
    )


def _continued(module: FitModule, checkpoints: Path, *, first: bool) -> History:
    """The history of the run that is continued, after every check; empty for a new run."""
    options, criterion = module.options, module.objective.criterion
    resume = options.resumed_checkpoint()
    if resume is None:
        if first:
            refuse_used(checkpoints)
        return module.history
    checkpoint = read_checkpoint(resume)
    check_resumable(checkpoint, criterion, resume)
    if options.memory == "auto":  # on another machine too the rows come in the same order
        kept = checkpoint[RECORD]["chunks"]
        module.chunks = kept and Chunks(**kept)
    check_same_run(checkpoint, module.identity(), resume)
    set_weights(module.network, checkpoint, resume)
    if first:
        adopt(resume, checkpoints)
        history = checkpoint[RECORD]["history"]
        logger.info("%s", _standing(resume, checkpoints, history, criterion, options))
    module.history = list(checkpoint[RECORD]["history"])
    return module.history


def _standing(
    resume: Path, checkpoints: Path, history: History, criterion: str, options: TrainerOptions
) -> str:
    """Where a run that is continued stands, and what becomes of it."""
    done, best = len(history), best_epoch(history, criterion)
    says = f"trainer.resume={resume}: {done} of {options.max_epochs} epochs are done"
    if not _finished(history, criterion, options):
        return f"{says}; the run goes on in {checkpoints.parent}"
    if done >= options.max_epochs:
        return f"{says}, it is finished; a larger trainer.max_epochs trains it further"
    return f"{says}, it is finished: none was better than epoch {best}, trainer.patience is over"


def _finished(history: History, criterion: str, options: TrainerOptions) -> bool:
    if not history:
        return False
    waited = len(history) - best_epoch(history, criterion)
    return len(history) >= options.max_epochs or waited >= options.patience


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's notices off the console, and those of its warnings that do not apply."""
    talkers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [talker.level for talker in talkers]
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        for talker in talkers:
            talker.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            # A resumed run writes where it wrote before, under fixed names.
            warnings.filterwarnings("ignore", r"Checkpoint directory .* exists and is not empty")
            # Lightning 2.6 on a newer torch, in its own use of pytrees.
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated")
            # `trainer=cpu` on a machine with a GPU is a choice.
            warnings.filterwarnings("ignore", "GPU available but not used")
            yield
    finally:
        for talker, level in zip(talkers, levels, strict=True):
            talker.setLevel(level)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
