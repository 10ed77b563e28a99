"""A run's best checkpoint, completed with all that prediction needs, and read back."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from product_length.errors import UserError
from product_length.features.feature import Feature
from product_length.features.features import text_encoder_names
from product_length.prediction.exported import WEIGHTS, read_exported
from product_length.prediction.predictor import Predictor
from product_length.prediction.soundness import check_layout, check_sound, layout
from product_length.training.checkpoint_file import (
    read_checkpoint,
    set_weights,
    write_checkpoint,
)

log = logging.getLogger(__name__)

_RECIPE = "recipe"


def complete_checkpoint(path: Path, predictor: Predictor, config: Mapping[str, Any]) -> None:
    """Add to the checkpoint at `path` what was fitted outside the network, and the run's config.

    Raises UserError when the checkpoint cannot be read or written.
    """
    checkpoint = read_checkpoint(path)
    recipe = {**predictor.state(), "config": dict(config)}
    checkpoint[_RECIPE] = {**recipe, "layout": layout(recipe)}
    write_checkpoint(checkpoint, path)


def load_predictors(
    paths: Sequence[Path], models: Mapping[str, str], device: str = "auto", *, mapped: bool = False
) -> dict[Path, Predictor]:
    """The predictors in finished runs' checkpoints, in their order; equal encoders are one object.

    `models` gives another place of an encoder's model, by the encoder's name in any of them;
    `device` is where encoders run. `mapped`: as for `read_checkpoint`. Raises UserError when a file
    is missing, damaged, of an unfinished run or another version, or when an encoder cannot be
    loaded.
    """
    checkpoints = {path: read_finished(path, mapped=mapped) for path in paths}
    names = {path: _encoder_names(each) for path, each in checkpoints.items()}
    every = sorted({name for some in names.values() for name in some})
    for name in sorted(set(models) - set(every)):
        places = ", ".join(map(str, paths))
        raise UserError(f"encoders.{name}: {places} has no such encoder; it has {', '.join(every)}")
    found: dict[Path, Predictor] = {}
    known: list[Feature] = []
    for path in paths:
        epoch = int(checkpoints[path]["epoch"]) + 1
        log.info("%s: epoch %d, encoders %s", path, epoch, ", ".join(names[path]))
        elsewhere = {name: models[name] for name in names[path] if name in models}
        predictor = _made_from(checkpoints.pop(path), path, elsewhere, device)
        found[path] = _sharing(predictor, known)
    return found


def _made_from(
    checkpoint: Mapping[str, Any], path: Path, models: Mapping[str, str], device: str
) -> Predictor:
    """The predictor in a checkpoint. Raises UserError when its recipe is not whole."""
    recipe = checkpoint[_RECIPE]
    try:
        predictor = Predictor.from_state(recipe, models, device)
        set_weights(predictor.network, checkpoint, path)
        check_sound(predictor, recipe)
    except (UserError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # an edited recipe may fail anywhere, in any way
        raise _edited(path, error) from error
    return predictor


def _edited(path: Path, error: Exception) -> UserError:
    """What is said of a recipe that is not as it was written, in one line."""
    said = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, KeyError):
        said = f"{error} is missing"
    elif isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        said = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return UserError(
        f"{path}: its recipe was edited and cannot be used: {said}; take it as its run wrote it"
    )


def read_finished(path: Path, *, mapped: bool = False) -> dict[str, Any]:
    """The completed checkpoint at `path`, or in the exported folder that the file at `path` is in.

    `mapped`: as for `read_checkpoint`; it changes nothing for an exported folder. Raises
    UserError when it is missing, damaged, of an unfinished run or another version.
    """
    checkpoint = (
        read_exported(path.parent) if path.name == WEIGHTS else read_checkpoint(path, mapped=mapped)
    )
    recipe = checkpoint.get(_RECIPE)
    if recipe is None:
        raise UserError(
            f"{path}: holds weights only, since its run has not finished or this is not its "
            "best.ckpt; predict with checkpoints/best.ckpt of a finished run"
        )
    try:
        check_layout(
            {key: part for key, part in recipe.items() if key != "layout"}, recipe["layout"]
        )
        names = _encoder_names(checkpoint)
        trained = list(recipe["config"]["embeddings"]["encoders"])
        if names != trained:
            raise ValueError(f"encoders are {names}, its run had {trained}")
        int(checkpoint["epoch"])
    except Exception as error:
        raise _edited(path, error) from error
    return checkpoint


def _encoder_names(checkpoint: Mapping[str, Any]) -> list[str]:
    return text_encoder_names(checkpoint[_RECIPE]["features"])


def _sharing(predictor: Predictor, others: list[Feature]) -> Predictor:
    """The predictor with its text encoders replaced by equal ones; others are added, in place."""
    kept = []
    for each in predictor.kept:
        same = next((other for other in others if _are_equal(each.feature, other)), None)
        if same is None:
            others.append(each.feature)
        kept.append(each if same is None else replace(each, feature=same))
    return replace(predictor, kept=tuple(kept))


def _are_equal(feature: Feature, other: Feature) -> bool:
    """Whether both have text encoders that give the same vectors under the same name."""
    one, two = feature.text_encoder, other.text_encoder
    return (
        one is not None and two is not None and (one.name, one.address) == (two.name, two.address)
    )
