"""Options of `trainer=`: optimiser, schedule, stopping, hardware."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from product_length.options import Options


class TrainerOptions(Options):
    """How a model is fitted. `resume` continues from a run's `checkpoints/last.ckpt`."""

    max_epochs: Annotated[int, Field(ge=1)] = 30
    patience: Annotated[int, Field(ge=1)] = 5
    batch_size: Annotated[int, Field(ge=2)] = 512
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    warmup: Annotated[float, Field(gt=0, lt=1)] = 0.05
    gradient_clip: Annotated[float, Field(ge=0)] = 1.0
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    devices: Annotated[int, Field(ge=1)] | Literal["auto"] = 1
    strategy: Literal["auto", "ddp"] = "auto"
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    progress: bool = True
    resume: Path | None = None
