"""How long an epoch takes, for those who watch a run from outside: a small file in its folder."""

import json
import time
from pathlib import Path

from typing_extensions import override

from product_length.lightning_import import Callback, L
from product_length.writing import write_text

EPOCH_NOTE = "first_epoch.json"


class EpochNote(Callback):
    """Writes the time (s) of the first epoch, and how many there are to be, while the fit runs.

    `before`: the time (s) that the run has taken before its fit.
    """

    def __init__(self, folder: Path, before: float) -> None:
        self._path = folder / EPOCH_NOTE
        self._before = before
        self._started: float | None = None

    @override
    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        if self._started is None:
            self._started = time.perf_counter()

    @override
    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the file, once."""
        if self._started is not None and trainer.is_global_zero and not self._path.exists():
            seconds = time.perf_counter() - self._started
            note = {"seconds": seconds, "epochs": trainer.max_epochs, "before": self._before}
            write_text(self._path, json.dumps(note))

    @override
    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Remove the file: the run's report says more."""
        if trainer.is_global_zero:
            self._path.unlink(missing_ok=True)

    @override
    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        """Remove the file."""
        self.on_fit_end(trainer, pl_module)
