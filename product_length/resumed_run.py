"""`trainer.resume=RUN`: that run's own configuration, and what may be changed of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.types import Override, QuotedString
from omegaconf import OmegaConf

from product_length.comparison.recipe import CONFIG_FILE, load_config
from product_length.composition import check_overrides, compose_firsts, parse
from product_length.errors import ConfigError, UserError, first_line
from product_length.experiment import Experiment, from_config
from product_length.training.seal import check_file

_RESUME = "trainer.resume"
_EPOCHS = "trainer.max_epochs"
# Where and under whose eyes a run trains, and how it is evaluated; the rest is what it is.
_HARDWARE = tuple(f"trainer.{key}" for key in ("accelerator", "devices", "strategy", "precision"))
_MAY_CHANGE = (
    *("cache_dir", "tracking", "evaluation", "study", "sweep", "data.path", _RESUME),
    *_HARDWARE,
    *(f"trainer.{key}" for key in ("memory", "shuffle_mb", "progress")),
    *(f"embeddings.{key}" for key in ("engine", "workers", "ray_address")),
)
_OF_ENCODERS = ("model", "device", "batch_tokens")  # of embeddings.encoders.NAME
_EVERYTHING = ("experiment",)  # groups whose options may set any key
_SHOWN = 5


@dataclass(frozen=True)
class Resumed:
    """A run that is continued: its configuration with what is changed, and its own overrides."""

    config: Experiment
    overrides: list[str]


def resumed(config_name: str, overrides: Sequence[str]) -> Resumed | None:
    """The run that `overrides` ask to continue, if they do, before any work.

    What they give beside `trainer.resume` is taken where a run may change it. Raises ConfigError
    that names both values where it may not, UserError when there is no such run.
    """
    given = parse(config_name, overrides)
    run = next((_value(each) for each in reversed(given) if each.key_or_group == _RESUME), None)
    if run is None:
        return None
    folder, last = _places(Path(run))
    kept = _flat(_config_of(folder).model_dump(mode="json"))
    own = _own_overrides(config_name, folder, given)
    try:
        check_overrides(config_name, Experiment, [*own, *overrides])
        composed = compose_firsts(config_name, parse(config_name, [*own, *overrides]))
        wanted = _flat(from_config(composed, Experiment).model_dump(mode="json"))
    except ConfigError as error:
        raise ConfigError(
            f"trainer.resume={run}, with that run's settings: {_one_line(error)}"
        ) from error
    keys = [key for key in {**kept, **wanted} if any(_within(key, t) for t in _touched(given))]
    changed = [key for key in keys if kept.get(key) != wanted.get(key)]
    faults = [
        f"{key} was {_said(kept, key)}, is {_said(wanted, key)}"
        for key in changed
        if not _may_change(key, kept, wanted)
    ]
    if faults:
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise ConfigError(
            f"trainer.resume={run}: a run goes on as it began: {'; '.join(faults[:_SHOWN])}{more}. "
            "Leave these out (its settings are taken from it; trainer.max_epochs may grow), or "
            "start anew without trainer.resume"
        )
    config = OmegaConf.create()
    for key in {**kept, **wanted}:
        values = wanted if key in changed else kept
        if key in values:
            OmegaConf.update(config, key, values[key])
    OmegaConf.update(config, _RESUME, str(last))
    return Resumed(from_config(config, Experiment), own)


def _places(run: Path) -> tuple[Path, Path]:
    """The folder of a run and its last checkpoint, from either. Raises UserError."""
    folder = run if run.is_dir() else run.parent.parent
    last = run / "checkpoints" / "last.ckpt" if run.is_dir() else run
    if not last.is_file():
        what = "no epoch of it was completed, there is nothing to continue: "
        what = what if (folder / CONFIG_FILE).is_file() else ""
        raise UserError(f"trainer.resume={run}: {what}there is no such checkpoint as {last}")
    if not (folder / CONFIG_FILE).is_file():
        raise UserError(
            f"trainer.resume={run}: there is no {folder / CONFIG_FILE}, which has the run's "
            "settings; name a whole run folder"
        )
    check_file(last)
    return folder, last


def _config_of(folder: Path) -> Experiment:
    try:
        return from_config(OmegaConf.create(dict(load_config(folder))), Experiment)
    except ConfigError as error:
        said = f"{folder / CONFIG_FILE}: edited, or of another version: {_one_line(error)}"
        raise UserError(said) from error


def _own_overrides(config_name: str, folder: Path, given: Sequence[Override]) -> list[str]:
    """The overrides that the run was started with, but for keys that are given anew."""
    path = folder / ".hydra" / "overrides.yaml"
    try:
        texts = [str(text) for text in yaml.safe_load(path.read_text(encoding="utf-8"))]
        own = parse(config_name, texts)
    except FileNotFoundError:  # a run that was not started from a command line
        return []
    except (ConfigError, OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: damaged ({first_line(error)})") from error
    anew = [each.key_or_group for each in given]
    return [
        str(each.input_line)
        for each in own
        if not any(f"{each.key_or_group}.".startswith(f"{name}.") for name in anew)
    ]


def _value(override: Override) -> str | None:
    value = override.value()
    text = value.text if isinstance(value, QuotedString) else value
    return None if text is None else str(text)


def _touched(given: Sequence[Override]) -> Iterator[str]:
    """The keys and groups that overrides are about; "" is all of them."""
    for override in given:
        name = override.key_or_group
        if name.split(".")[0].split("/")[0] == "hydra":
            continue
        if name == "trainer":  # its options differ in the hardware alone
            yield from _HARDWARE
        else:
            yield "" if name in _EVERYTHING else name


def _within(key: str, name: str) -> bool:
    """Whether a key is this one, below it or, where something is left out (null), above it."""
    return not name or f"{key}.".startswith(f"{name}.") or f"{name}.".startswith(f"{key}.")


def _may_change(key: str, kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    if key == _EPOCHS:
        return bool(wanted[key] > kept[key])
    of_encoder = key.startswith("embeddings.encoders.") and key.split(".")[-1] in _OF_ENCODERS
    return of_encoder or any(_within(key, name) for name in _MAY_CHANGE)


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """`{"trainer.max_epochs": 3, …}` of nested values; an empty group stays one value."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{above}.{key}" if above else str(key)
        flat |= _flat(value, name) if isinstance(value, dict) and value else {name: value}
    return flat


def _said(values: Mapping[str, Any], key: str) -> str:
    return "null" if values.get(key) is None else str(values[key])


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
