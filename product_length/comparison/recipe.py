"""What makes two runs the same recipe, what a recipe is called, and which one words mean."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from product_length.errors import UserError

CONFIG_FILE = "config.yaml"
FOLD = "data.split.fold"
"""The key of cross-validation that says which fold a run left out: all folds are one recipe."""

# These say where, how often and under whose eyes a run ran, not what was run.
_NOT_RECIPE = ("seed", "cache_dir", "tracking", "study", "storage", "sweep")
_NOT_RECIPE_KEYS = (
    FOLD,
    "trainer.progress",
    "trainer.resume",
    "embeddings.engine",
    "embeddings.workers",
    "embeddings.ray_address",
)
_OF_SWEEPS = ("study=", "sweep=", "storage=")
_LONG_NUMBER = re.compile(r"-?\d*\.\d{4,}(e-?\d+)?")
_GROUPS = ("data", "features", "loss", "model")

Config = Mapping[str, Any]
"""A resolved configuration, as its YAML reads."""


def load_config(folder: Path) -> Config:
    """The resolved configuration of a run folder; empty when it holds none.

    Raises UserError when the file is damaged.
    """
    path = folder / CONFIG_FILE
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: damaged ({reason}); leave this run out, or run it again"
        ) from error
    return content if isinstance(content, dict) else {}


def identity(config: Config, overrides: Sequence[str]) -> str:
    """A text that runs of one recipe share, whatever their seed.

    It is the resolved configuration; for a folder without a whole one, the overrides.
    """
    if not all(group in config for group in _GROUPS):
        return "\n".join(sorted(recipe_overrides(overrides)))
    recipe = {key: value for key, value in config.items() if key not in _NOT_RECIPE}
    for dotted in _NOT_RECIPE_KEYS:
        recipe = _without(recipe, dotted.split("."))
    return json.dumps(recipe, sort_keys=True, default=str)


def _without(config: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """The configuration without the key at this path, if it is there."""
    key, *rest = path
    left = {name: value for name, value in config.items() if rest or name != key}
    if rest and isinstance(left.get(key), Mapping):
        left[key] = _without(left[key], rest)
    return left


def recipe_overrides(overrides: Sequence[str]) -> list[str]:
    """The overrides that belong to a recipe: no seed, tracking, folders; each once."""
    left_out = (*_NOT_RECIPE, "hydra")
    return [
        text
        for text in dict.fromkeys(overrides)
        if _key(text).split(".")[0] not in left_out and _key(text) not in _NOT_RECIPE_KEYS
    ]


def without_sweep(overrides: Sequence[str]) -> list[str]:
    """The overrides without those that make a run part of a sweep."""
    return [text for text in overrides if not text.startswith(_OF_SWEEPS)]


def recipe_and_seed(overrides: Sequence[str]) -> list[str]:
    """The overrides that distinguish a run from others: those of its recipe, its seed, its fold."""
    own = [text for text in overrides if _key(text) in ("seed", FOLD)]
    return recipe_overrides(overrides) + own


def recipe_names(overrides: Sequence[Sequence[str]]) -> tuple[list[str], list[str]]:
    """Overrides that all recipes share, and a name for each from those that they do not."""
    recipes = [recipe_overrides(recipe) for recipe in overrides]
    shared = [text for text in recipes[0] if all(text in recipe for recipe in recipes)]
    if all(len(recipe) == len(shared) for recipe in recipes):
        shared = []  # one recipe only: its overrides are its name
    names = [
        " ".join(_short(text) for text in recipe if text not in shared)
        or ("only the shared overrides" if shared else "defaults")
        for recipe in recipes
    ]
    return shared, names


def _short(override: str) -> str:
    """The override with a number as people write it: 0.0006042851578845063 is 0.000604."""
    key, sign, value = override.partition("=")
    if _LONG_NUMBER.fullmatch(value):
        return f"{key}{sign}{float(value):.3g}"
    return override


def matches(words: Sequence[str], config: Config, overrides: Sequence[str]) -> bool:
    """Whether a run is what all the words ("loss=mape", "features.use_log_target=true") say.

    A word names a value of the resolved configuration by its dotted path; an option of a group
    that does not carry its own name ("features=knn") is looked for among the overrides. Raises
    UserError for a word without a key or a value.
    """
    found = [_matches(word, config, overrides) for word in words]  # each word is looked at
    return all(found)


def _matches(word: str, config: Config, overrides: Sequence[str]) -> bool:
    key, sign, value = word.partition("=")
    if not key or not sign:
        raise UserError(
            f'reference "{word}": neither a run folder nor an override such as loss=mape'
        )
    node: Any = config
    for part in key.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return word in overrides
        node = node[part]
    if isinstance(node, Mapping):
        if "name" not in node:
            return word in overrides
        node = node["name"]
    return _same(node, _parsed(value))


def _parsed(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _same(first: Any, second: Any) -> bool:
    """Equal values; YAML reads 3e-4 as text and 0.0003 as a number, and true is not 1."""
    first, second = (_number(value) for value in (first, second))
    return isinstance(first, bool) == isinstance(second, bool) and bool(first == second)


def _number(value: Any) -> Any:
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0].partition("@")[0].replace("/", ".")
