"""What a person sees of a fit: a bar on a terminal, a line for each epoch in a log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from tqdm import tqdm
from typing_extensions import override

from product_length.lightning_import import Callback, L
from product_length.log_file import log_to_file
from product_length.training.continuing import best_epoch
from product_length.training.module import FitModule

logger = logging.getLogger(__name__)


class Progress(Callback):
    """One bar over all epochs, with rows per second and the time left; elsewhere plain lines."""

    def __init__(self, *, show: bool) -> None:
        self.show = show
        self.bar: tqdm[Any] | None = None

    @override
    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Open the bar, at the epoch that a resumed run starts from."""
        assert isinstance(pl_module, FitModule)
        rows = pl_module.train_batches.rows_per_epoch
        epochs = trainer.max_epochs or 0
        self.bar = tqdm(
            total=rows * epochs,
            initial=rows * trainer.current_epoch,
            unit=" rows",
            unit_scale=True,
            disable=None if self.show and trainer.is_global_zero else True,
            dynamic_ncols=True,
        )

    @override
    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Name the epoch."""
        if self.bar is not None:
            self.bar.set_description(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}")

    @override
    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Count the rows of the step, those of all processes."""
        if self.bar is not None:
            self.bar.update(len(batch.lengths) * trainer.world_size)

    @override
    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Tell the epoch's figures in a log line, which a bar keeps off the console."""
        assert isinstance(pl_module, FitModule)
        if self.bar is None or not trainer.is_global_zero:
            return
        epoch, criterion = pl_module.history[-1], pl_module.objective.criterion
        number = best_epoch(pl_module.history, criterion)
        best = _figures(pl_module.history[number - 1], criterion).removeprefix("val/mape ")
        line = (
            f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}: "
            f"{_figures(epoch, criterion)} (best {best}, epoch {number}), "
            f"train/mape {epoch['train/mape']:.2%}, train/loss {epoch['train/loss']:.5g}, "
            f"{epoch['rows_per_second']:.0f} rows/s"
        )
        if self.bar.disable:
            logger.info("%s", line)
            return
        self.bar.set_postfix_str(f"{_figures(epoch, criterion)}, best {best}, epoch {number}")
        log_to_file(logger, logging.INFO, line)

    @override
    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Close the bar."""
        self._close()

    @override
    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        """Close the bar, so that the message stands on a line of its own."""
        self._close()

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def _figures(epoch: Mapping[str, float], criterion: str) -> str:
    """What chooses the epoch that is kept, and the MAPE where that is something else."""
    mape = f"val/mape {epoch['val/mape']:.2%}"
    return mape if criterion == "val/mape" else f"{criterion} {epoch[criterion]:.5g}, {mape}"
