"""Hands each epoch's metrics from Lightning to a tracker."""

from typing import Any

from typing_extensions import override

from product_length.lightning_import import L
from product_length.tracking.tracker import Tracker


class EpochCallback(L.Callback):
    """Logs the metrics of every epoch that was validated and ended.

    Epochs count from 1, as in report.json, and go on where a resumed run left off. The learning
    rate is that of the optimiser's first group at the epoch's last step, as `learning_rate`.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._rate: float | None = None
        self._validated: int | None = None

    @override
    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Remember the learning rate, which the schedule moves on before validation."""
        self._rate = float(trainer.optimizers[0].param_groups[0]["lr"])

    @override
    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Remember which epoch was validated, unless it was Lightning's sanity check."""
        if not trainer.sanity_checking:
            self._validated = trainer.current_epoch + 1

    # Lightning validates inside the training epoch: until that has ended, `callback_metrics` holds
    # the train metrics of the epoch before. It has ended when one of these two is called.

    @override
    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log the epoch before."""
        self._log(trainer)

    @override
    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log the last epoch."""
        self._log(trainer)

    def _log(self, trainer: L.Trainer) -> None:
        epoch, self._validated = self._validated, None
        if epoch is None or not trainer.is_global_zero:
            return
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if self._rate is not None:
            metrics["learning_rate"] = self._rate
        self._tracker.epoch(metrics, epoch)
