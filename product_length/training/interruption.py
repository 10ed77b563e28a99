"""Ctrl-C in a fit: what was finished is kept, and the message says how to go on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from typing_extensions import override

from product_length.errors import InterruptedFitError
from product_length.lightning_import import Callback, L
from product_length.training.module import FitModule


class Interruption(Callback):
    """Lightning answers Ctrl-C (and SIGTERM) by leaving the process; here it can be caught.

    Python raises KeyboardInterrupt wherever it is. In torch's writer of files that becomes an error
    of writing, and in a destructor it is lost: so a press of Ctrl-C is remembered as well.
    """

    def __init__(self) -> None:
        self._pressed = self._happened = False

    @override
    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        if self._pressed:  # and yet the fit goes on: it was lost
            raise KeyboardInterrupt

    @override
    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        self._happened = self._pressed or isinstance(exception, KeyboardInterrupt | SystemExit)

    @contextmanager
    def reported(self, last: Path, module: FitModule) -> Iterator[None]:
        """Around a fit: raises InterruptedFitError, which names the checkpoint `last`, if any."""
        handler = signal.getsignal(signal.SIGINT)
        is_main = threading.current_thread() is threading.main_thread()

        def press(number: int, frame: FrameType | None) -> None:
            self._pressed = True
            if callable(handler):
                handler(number, frame)

        if is_main and callable(handler):
            signal.signal(signal.SIGINT, press)
        try:
            yield
        except BaseException as error:
            if not self._happened:
                raise
            epochs = f"{len(module.history)} of {module.options.max_epochs} epochs"
            raise InterruptedFitError(
                f"interrupted after {epochs}; continue with trainer.resume={last}"
                if last.exists()
                else "interrupted before the first epoch was complete: there is nothing to resume"
            ) from error
        finally:
            if is_main:
                signal.signal(signal.SIGINT, handler)  # Lightning leaves Ctrl-C ignored
