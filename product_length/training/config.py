"""Options of `trainer=`: optimiser, schedule, stopping, hardware."""

import logging
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import Self

from product_length.options import HomePath, Options

LEAST_BATCH = 16

log = logging.getLogger(__name__)


class TrainerOptions(Options):
    """How a model is fitted. `resume` continues a run: its folder or `checkpoints/last.ckpt`.

    `min_steps`: a catalogue too small for so many steps an epoch gets smaller batches, but not
    smaller than `LEAST_BATCH` rows: a few dozen steps in all would leave the network untrained.
    `memory`: `resident` reads single rows, from memory-mapped arrays too; `blocks` reads blocks of
    neighbours and shuffles as many as `shuffle_mb` MiB hold, in all processes together; `auto`
    reads blocks when the embeddings take more than half of the machine's memory. `nodes` machines
    have `devices` each; every process of them runs the whole command, started by torchrun.
    """

    max_epochs: Annotated[int, Field(ge=1)] = 30
    patience: Annotated[int, Field(ge=1)] = 5
    batch_size: Annotated[int, Field(ge=2)] = 512
    min_steps: Annotated[int, Field(ge=1)] = 1
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    warmup: Annotated[float, Field(gt=0, lt=1)] = 0.05
    gradient_clip: Annotated[float, Field(ge=0)] = 1.0
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    devices: Annotated[int, Field(ge=1)] | Literal["auto"] = 1
    nodes: Annotated[int, Field(ge=1)] = 1
    strategy: Literal["auto", "ddp"] = "auto"
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    memory: Literal["auto", "resident", "blocks"] = "auto"
    shuffle_mb: Annotated[int, Field(ge=1)] = 1024
    progress: bool = True
    resume: HomePath | None = None

    def for_rows(self, rows: int) -> Self:
        """The same options, with the batch size that `min_steps` allows for so many train rows."""
        most = max(rows // self.min_steps, LEAST_BATCH)
        if most < self.batch_size:
            log.info(
                "batches of %s rows, not trainer.batch_size=%d: %s training rows, %d step(s) each "
                "epoch",
                f"{min(most, rows):,}",
                self.batch_size,
                f"{rows:,}",
                -(-rows // most),
            )
        return self.model_copy(update={"batch_size": min(self.batch_size, most)})

    def resumed_checkpoint(self) -> Path | None:
        """The file that `resume` means: in a run's folder its `checkpoints/last.ckpt`."""
        if self.resume is not None and self.resume.is_dir():
            return self.resume / "checkpoints" / "last.ckpt"
        return self.resume
