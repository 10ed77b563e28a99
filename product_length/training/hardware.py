"""Which accelerator and precision a run really uses."""

import torch

from product_length.errors import ConfigError
from product_length.training.config import TrainerOptions


def resolve_accelerator(options: TrainerOptions) -> str:
    """`cuda`, `mps` or `cpu`, what `trainer.accelerator` means on this machine.

    Raises ConfigError when the accelerator asked for is not there, or has too few devices.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    present = "cuda" if cuda else "mps" if mps else "cpu"
    match options.accelerator:
        case "auto":
            chosen = present
        case "cpu":
            chosen = "cpu"
        case "gpu":
            if present == "cpu":
                raise ConfigError(
                    "trainer.accelerator=gpu: PyTorch sees no GPU here; choose trainer=cpu or auto"
                )
            chosen = present
        case "mps":
            if not mps:
                raise ConfigError(
                    "trainer.accelerator=mps: there is no Apple GPU here; choose cpu or auto"
                )
            chosen = "mps"
    limit = {"cuda": torch.cuda.device_count(), "mps": 1}.get(chosen)
    if limit is not None and options.devices != "auto" and options.devices > limit:
        raise ConfigError(
            f"trainer.devices={options.devices}: this machine has {limit} {chosen} device(s)"
        )
    return chosen


def resolve_precision(options: TrainerOptions, accelerator: str) -> str:
    """Lightning's name of the precision: `auto` is mixed on CUDA (bfloat16 where it has it).

    Raises ConfigError when the accelerator cannot run the precision asked for.
    """
    if options.precision == "auto":
        if accelerator != "cuda":
            return "32-true"
        return "bf16-mixed" if torch.cuda.is_bf16_supported(False) else "16-mixed"
    if options.precision == "16-mixed" and accelerator == "cpu":
        raise ConfigError(
            "trainer.precision=16-mixed does not run on a CPU; choose 32-true or bf16-mixed"
        )
    return options.precision


def refuse_sparse_updates(options: TrainerOptions, accelerator: str) -> None:
    """Raises ConfigError where learned n-grams, with their sparse gradients, cannot be trained."""
    if accelerator == "mps":
        raise ConfigError(
            "embeddings=ngrams: PyTorch has no sparse gradients on Apple GPUs; give "
            "trainer.accelerator=cpu"
        )
    gpus = torch.cuda.device_count() if accelerator == "cuda" else 1
    asked = {"devices": gpus if options.devices == "auto" else options.devices}
    for key, count in (asked | {"nodes": options.nodes}).items():
        if count > 1:
            raise ConfigError(
                f"trainer.{key}={getattr(options, key)}: the sparse gradients of embeddings=ngrams "
                f"are not added up across processes; give trainer.{key}=1"
            )
