"""A run's best checkpoint, completed with all that prediction needs, and read back."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from product_length.errors import UserError
from product_length.model.architecture import Architecture
from product_length.prediction.predictor import Predictor
from product_length.training.checkpoint import (
    AtomicCheckpointIO,
    network_weights,
    read_checkpoint,
)

log = logging.getLogger(__name__)

FORMAT = 1  # of what is added to a checkpoint; raise it when it changes
_RECIPE = "recipe"


def complete_checkpoint(
    path: Path, predictor: Predictor, architecture: Architecture, config: Mapping[str, Any]
) -> None:
    """Add to the checkpoint at `path` what was fitted outside the network, and the run's config.

    Raises UserError when the checkpoint cannot be read or written.
    """
    checkpoint = read_checkpoint(path)
    checkpoint[_RECIPE] = {
        "format": FORMAT,
        "architecture": architecture.model_dump(mode="json"),
        "fitted": predictor.fitted_state(),
        "config": dict(config),
    }
    AtomicCheckpointIO().save_checkpoint(checkpoint, path)


def load_predictor(path: Path, models: Mapping[str, str], device: str = "auto") -> Predictor:
    """The predictor in a finished run's checkpoint.

    `models` gives another place of an encoder's model, by the encoder's name; `device` is where
    encoders run. Raises UserError when the file is missing, damaged, of an unfinished run or
    another version, or when an encoder cannot be loaded.
    """
    checkpoint = read_checkpoint(path)
    recipe = checkpoint.get(_RECIPE)
    if recipe is None:
        raise UserError(
            f"{path}: holds weights only, since its run has not finished or this is not its "
            "best.ckpt; predict with checkpoints/best.ckpt of a finished run"
        )
    if recipe["format"] != FORMAT:
        raise UserError(
            f"{path}: written in format {recipe['format']}, this version reads {FORMAT}; predict "
            "with the version that trained it"
        )
    names = [encoder["name"] for encoder in recipe["fitted"]["encoders"]]
    unknown = sorted(set(models) - set(names))
    if unknown:
        raise UserError(
            f"encoders.{unknown[0]}: {path} has no such encoder; it has {', '.join(names)}"
        )
    network = Architecture.model_validate(recipe["architecture"]).build()
    network.load_state_dict(network_weights(checkpoint))
    epoch = int(checkpoint.get("epoch", -1)) + 1
    log.info("%s: epoch %d, encoders %s", path, epoch, ", ".join(names))
    return Predictor.from_state(recipe["fitted"], network, models, device)
