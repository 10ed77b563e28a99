"""Ctrl-C in a fit: what was finished is kept, and the message says how to go on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from typing_extensions import override

from product_length.errors import InterruptedFitError
from product_length.lightning_import import Callback, L
from product_length.training.module import FitModule


class Interruption(Callback):
    """Lightning answers Ctrl-C (and SIGTERM) by leaving the process; here it can be caught."""

    def __init__(self) -> None:
        self._happened = False

    @override
    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        self._happened = isinstance(exception, KeyboardInterrupt | SystemExit)

    @contextmanager
    def reported(self, last: Path, module: FitModule) -> Iterator[None]:
        """Around a fit: raises InterruptedFitError, which names the checkpoint `last`, if any."""
        handler = signal.getsignal(signal.SIGINT)
        try:
            yield
        except (KeyboardInterrupt, SystemExit) as error:
            if not self._happened:
                raise
            epochs = f"{len(module.history)} of {module.options.max_epochs} epochs"
            raise InterruptedFitError(
                f"interrupted after {epochs}; continue with trainer.resume={last}"
                if last.exists()
                else "interrupted before the first epoch was complete: there is nothing to resume"
            ) from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGINT, handler)  # Lightning leaves Ctrl-C ignored
