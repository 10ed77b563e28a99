"""Did you mean …? Names that are close to a key or an option that does not exist."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

SYNONYMS = {
    "lr": "trainer.learning_rate",
    "wd": "trainer.weight_decay",
    "l2": "trainer.weight_decay",
    "epoch": "trainer.max_epochs",
    "epochs": "trainer.max_epochs",
    "num_epochs": "trainer.max_epochs",
    "n_epochs": "trainer.max_epochs",
    "bs": "trainer.batch_size",
    "batch": "trainer.batch_size",
    "batches": "trainer.batch_size",
    "early_stopping": "trainer.patience",
    "clip": "trainer.gradient_clip",
    "grad_clip": "trainer.gradient_clip",
    "gpus": "trainer.devices",
    "num_gpus": "trainer.devices",
    "amp": "trainer.precision",
    "ckpt": "checkpoint",
    "ckpt_path": "trainer.resume",
    "resume_from": "trainer.resume",
    "random_seed": "seed",
    "random_state": "seed",
    "csv": "data.path",
    "file": "data.path",
    "input": "data.path",
    "train_file": "data.path",
    "dataset": "data",
    "encoder": "embeddings",
    "num_workers": "embeddings.workers",
    "log_target": "features.use_log_target",
    "neighbors": "features.neighbours",
    "knn": "features.neighbours",
    "n_neighbors": "features.neighbours.k",
    "layers": "model.hidden",
    "hidden_sizes": "model.hidden",
    "criterion": "loss",
    "objective": "loss",
    "arch": "model",
    "architecture": "model",
    "network": "model",
    "logger": "tracking",
    "wandb": "tracking",
    "cache": "cache_dir",
    "out": "output",
    "output_file": "output",
    "output_path": "output",
    "model_path": "checkpoint",
}
"""Other words for keys; each is suggested where there is such a key."""

_MAX_SHOWN = 3


def keys_of(config: Mapping[Any, Any], prefix: str = "") -> list[str]:
    """Every key of nested mappings, dotted, each part before what it holds."""
    keys = []
    for name, value in config.items():
        keys.append(f"{prefix}{name}")
        if isinstance(value, Mapping):
            keys += keys_of(value, f"{prefix}{name}.")
    return keys


def close_keys(key: str, keys: Iterable[str]) -> list[str]:
    """Up to three of `keys` (dotted) that `key` may have meant, the likeliest first."""
    keys = [each for each in dict.fromkeys(keys) if each != key]
    key = key.lower().replace("-", "_")
    word = key.rpartition(".")[2]
    synonym = SYNONYMS.get(word, "")
    if synonym in keys and not key.startswith(f"{synonym}."):
        return [synonym]
    # Keys near the top come first: they are the ones that people mean.
    keys.sort(key=lambda each: each.count("."))
    if same := [each for each in keys if _leaf(each) == word]:
        return same[:_MAX_SHOWN]
    home = key.rpartition(".")[0]
    siblings = {_leaf(each): each for each in keys if each.rpartition(".")[0] == home}
    if near := close_names(word, list(siblings)):
        return [siblings[near[0]]]
    parts = set(word.split("_"))
    for of_that_kind in (
        list(difflib.get_close_matches(key, keys, n=1, cutoff=0.8)),
        [each for each in keys if _leaf(each) in close_names(word, map(_leaf, keys), 0.8)],
        [each for each in keys if parts <= set(_leaf(each).split("_"))],
    ):
        if of_that_kind:
            return of_that_kind[:_MAX_SHOWN]
    return []


def close_names(word: str, names: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """The name most like `word`, whatever the case of its letters; none if all are far."""
    by_lower = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    return [by_lower[each] for each in close]


def did_you_mean(names: Sequence[str]) -> str:
    """` (did you mean a or b?)`, or nothing."""
    return f" (did you mean {one_of(names)}?)" if names else ""


def one_of(names: Sequence[str]) -> str:
    """`a, b or c`."""
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _leaf(key: str) -> str:
    return key.rpartition(".")[2]
