"""The Lightning module: one step, the optimiser and its schedule, metrics over whole epochs."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch import distributed as dist
from torch.optim import Optimizer
from typing_extensions import override

from product_length.errors import UserError
from product_length.features.columns import Batch
from product_length.lightning_import import L
from product_length.loss.point import Mape, Rmsle
from product_length.model.network import LengthNetwork
from product_length.training.batches import Inputs, OrderedBatches, Rows, ShuffledBatches, Source
from product_length.training.checkpoint_file import RECORD
from product_length.training.chunks import Chunks
from product_length.training.config import TrainerOptions
from product_length.training.continuing import epochs_added
from product_length.training.every_process import from_every_process
from product_length.training.objective import Objective
from product_length.training.optimiser import (
    build_optimiser,
    clip_gradients,
    extend_cycle,
    one_cycle,
)
from product_length.training.placement import Prefetched, on_card, training_batches

logger = logging.getLogger(__name__)

History = list[dict[str, float]]
CHECK_EVERY = 50
"""Steps between looks at the losses: each look waits for the accelerator."""
_SAME_RUN = {"max_epochs", "patience", "batch_size", "learning_rate", "weight_decay"}
_SAME_RUN |= {"warmup", "gradient_clip"}


class FitModule(L.LightningModule):
    """Network and objective, fitted on `train_rows` and scored on `val_rows` of `inputs`.

    With `chunks`, training rows are read in chunks, else one by one. `history` has an entry for
    each epoch. Metrics of val/ are computed in float64 over all rows of the split at once, in the
    catalogue's unit; those of train/ are means over the rows as the weights moved, with dropout.
    """

    def __init__(
        self,
        network: LengthNetwork,
        objective: Objective,
        inputs: Inputs,
        train_rows: Rows,
        val_rows: Rows,
        options: TrainerOptions,
        seed: int,
        processes: int = 1,
        chunks: Chunks | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.objective = objective
        self.inputs = inputs
        self.train_rows, self.val_rows = train_rows, val_rows
        self.options = options
        self.seed = seed
        self.processes = processes
        self.chunks = chunks
        self.history: History = []
        self._batches: ShuffledBatches | None = None
        self._source: Source | None = None
        self._pending: list[Tensor] = []
        self._sums = np.zeros(3)  # of loss, of APE, of rows, over the epoch so far
        self._steps_seen = 0
        self._started = self._seconds = 0.0
        self._val: list[tuple[Tensor, Tensor, Tensor]] = []
        self.first_step_at: float | None = None

    # Data

    @property
    def train_batches(self) -> ShuffledBatches:
        """This process's part of the training batches."""
        if self._batches is None:
            self._batches = training_batches(
                self.inputs,
                self.train_rows,
                self.options,
                self.seed,
                self.chunks,
                rank=self.trainer.global_rank,
                world=self.trainer.world_size,
            )
        return self._batches

    @property
    def source(self) -> Source:
        """Where single rows are read from: the inputs, or their copy on the card."""
        if self._source is None:
            self._source = on_card(self.inputs, self.chunks, self.device)
        return self._source

    @override
    def train_dataloader(self) -> ShuffledBatches | Prefetched:
        """Lightning's name for the training batches."""
        batches = self.train_batches
        if self.source is not self.inputs:
            batches.inputs = self.source
        elif self.device.type == "cuda":
            return Prefetched(batches, self.device)
        return batches

    @override
    def val_dataloader(self) -> OrderedBatches:
        """This process's part of the validation rows, each row in one process only."""
        part = np.array_split(self.val_rows, self.trainer.world_size)[self.trainer.global_rank]
        return OrderedBatches(self.source, part, max(self.options.batch_size, 1024))

    # Optimisation

    @override
    def configure_optimizers(self) -> Any:
        """AdamW, with SparseAdam for n-grams, and one cycle of the learning rate."""
        options = self.options
        optimizer = build_optimiser(
            self.network,
            options.learning_rate,
            options.weight_decay,
            # With it, gradients would be clipped before their scale is taken out.
            fused=self.trainer.precision != "16-mixed",
        )
        schedule = one_cycle(optimizer, options, len(self.train_batches) * options.max_epochs)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    @override
    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """By their common norm, as Lightning does it, but of sparse gradients too."""
        if gradient_clip_val:
            clip_gradients(self.network.parameters(), gradient_clip_val)

    @override
    def on_train_epoch_start(self) -> None:
        """Everything random in an epoch follows from (seed, epoch, process)."""
        words = [self.seed, self.current_epoch, self.trainer.global_rank]
        torch.manual_seed(int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0]))
        self.train_batches.set_epoch(self.current_epoch)
        self._sums[:] = 0
        self._steps_seen = 0
        self._pending.clear()
        self._started = time.perf_counter()

    @override
    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The cost of one batch: of the mixture, if there is one, and of its own head."""
        self.first_step_at = self.first_step_at or time.perf_counter()
        lengths = _known(batch)
        own, mixed = self.network.own_and_mixed(batch)
        raw = own if mixed is None else mixed
        loss = cost = self.objective.cost(raw, lengths)
        if mixed is not None:  # the head learns also from rows that an expert explains
            cost = loss + self.objective.cost(own, lengths)
        with torch.no_grad():
            known = self.objective.in_catalogue_unit(lengths)
            ape = _mape.cost(self.objective.lengths(raw), known)
            rows = loss.new_tensor(float(len(lengths)))
            self._pending.append(torch.stack([loss.detach(), ape, rows, raw.abs().amax()]))
        if len(self._pending) == CHECK_EVERY:
            self._look()
        return cost

    def _look(self) -> None:
        """Add the steps since the last look to the epoch's sums. Raises UserError on a NaN."""
        if not self._pending:
            return
        steps = torch.stack(self._pending).cpu().double().numpy()
        self._pending.clear()
        finite = np.isfinite(steps).all(axis=1)
        if not finite.all():
            first = int(finite.argmin())
            loss = steps[first, 0]
            said = f"loss {loss}" if not np.isfinite(loss) else "prediction not a finite number"
            raise self._diverged(self._steps_seen + first + 1, said)
        rows = steps[:, 2]
        self._sums += [steps[:, 0] @ rows, steps[:, 1] @ rows, rows.sum()]
        self._steps_seen += len(steps)

    def _diverged(self, step: int, said: str) -> UserError:
        options = self.options
        clip = " with trainer.gradient_clip=1," if not options.gradient_clip else ""
        return UserError(
            f"training diverged in epoch {self.current_epoch + 1}, step {step} of "
            f"{len(self.train_batches)}: {said}. Try again with a lower trainer.learning_rate "
            f"(now {options.learning_rate:g}),{clip} trainer.precision=32-true, or another loss"
        )

    # Validation

    @override
    def on_validation_epoch_start(self) -> None:
        """Close the epoch's training; all processes score the same network."""
        self._look()
        self._seconds = time.perf_counter() - self._started
        self._val.clear()
        if self.trainer.world_size > 1:
            # Each process's batch norm has seen other rows; the checkpoint holds the first's.
            for buffer in self.network.buffers():
                dist.broadcast(buffer, src=0)

    @override
    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Predict one batch, in full precision as in prediction later."""
        with torch.autocast(self.device.type, enabled=False):
            raw = self.network(batch)
            lengths = self.objective.lengths(raw)
        self._val.append((raw.cpu(), lengths.cpu(), _known(batch).cpu()))

    @override
    def on_validation_epoch_end(self) -> None:
        """Score the whole split and complete the epoch's entry in `history`."""
        shard = [torch.cat(part).numpy() for part in zip(*self._val, strict=True)]
        self._val.clear()
        raw, p, y = (
            torch.from_numpy(np.concatenate(parts)).double()
            for parts in zip(*from_every_process(shard), strict=True)
        )
        if not (raw.isfinite().all() and p.isfinite().all()):
            raise self._diverged(self._steps_seen, "validation predictions are not finite numbers")
        sums = np.sum(from_every_process(self._sums), axis=0)
        known = self.objective.in_catalogue_unit(y)
        mape = _mape.cost(p, known).item()
        # A distribution is decided for each metric by itself.
        for_rmsle = self.objective.lengths(raw, "rmsle") if self.objective.decisions else p
        entry = {
            "epoch": float(self.current_epoch + 1),
            "train/loss": sums[0] / sums[2],
            "train/mape": sums[1] / sums[2],
            "val/loss": self.objective.cost(raw, y).item(),
            "val/mape": mape,
            "val/rmsle": _rmsle.cost(for_rmsle, known).item(),
            "val/score": max(0.0, 100 * (1 - mape)),
            "learning_rate": self.trainer.optimizers[0].param_groups[0]["lr"],
            "rows_per_second": sums[2] / self._seconds,
        }
        self.history.append({name: float(value) for name, value in entry.items()})
        logged = {name: value for name, value in self.history[-1].items() if name != "epoch"}
        self.log_dict(logged, sync_dist=self.trainer.world_size > 1)

    # Checkpoints

    def identity(self) -> dict[str, Any]:
        """What a run that continues this one must have in common with it."""
        return {
            "trainer": self.options.model_dump(include=_SAME_RUN),
            "processes": self.processes,
            "seed": self.seed,
            "reading": "single rows" if self.chunks is None else str(self.chunks),
            "train data": self.inputs.fingerprint(self.train_rows),
            "val data": self.inputs.fingerprint(self.val_rows),
            "objective": self.objective.state(),
            "network": str(self.network),
        }

    @override
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what `check_same_run` compares, the history, and how chunks are read."""
        checkpoint[RECORD] = {"identity": self.identity(), "history": self.history}
        checkpoint[RECORD]["chunks"] = self.chunks and asdict(self.chunks)

    @override
    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up the history, and lay the schedule over the epochs that there are now."""
        self.history = list(checkpoint[RECORD]["history"])
        if epochs_added(checkpoint, self.identity()):
            steps = len(self.train_batches) * self.options.max_epochs
            says = extend_cycle(checkpoint, self.options, steps)
            if self.trainer.is_global_zero:
                logger.info("%s", says)


_mape, _rmsle = Mape(name="mape"), Rmsle(name="rmsle")


def _known(batch: Batch) -> Tensor:
    if batch.lengths is None:
        raise ValueError("fitting needs lengths")
    return batch.lengths
