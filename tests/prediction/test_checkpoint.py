"""A checkpoint that was edited, its checksum made anew: it predicts as it did, or is refused."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir

from product_length.composition import CONF
from product_length.errors import UserError
from product_length.experiment import Experiment, from_config
from product_length.pipeline import run
from product_length.prediction.checkpoint import load_predictors
from product_length.prediction.soundness import check_layout, layout
from product_length.training.checkpoint_file import read_checkpoint, write_checkpoint

CHOSEN = [
    "data.rows=400",
    "data.types=10",
    "embeddings=[lsa,ngrams]",
    "embeddings.encoders.lsa.dimensions=8",
    "embeddings.encoders.ngrams.buckets=500",
    "embeddings.encoders.ngrams.dimensions=4",
    "features=full",
    "features.knn.embedding=lsa",
    "features.terms={min_rows: 3, least_rows: 100}",
    "loss=histogram",
    "model.priors=[neighbours,types,dimensions,ratios,terms]",
    "model.hidden=[16]",
    "trainer=cpu",
    "trainer.max_epochs=1",
    "trainer.progress=false",
    "tracking=none",
    "evaluation.resamples=100",
    "evaluation.baselines=false",
]


@pytest.fixture(scope="module")
def best(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    with initialize_config_dir(str(CONF)):
        config = compose("train", overrides=[f"cache_dir={folder / 'cache'}", *CHOSEN])
    run(from_config(config, Experiment), folder, [])
    return folder / "checkpoints/best.ckpt"


@pytest.fixture(scope="module")
def whole(best: Path) -> dict[str, Any]:
    return read_checkpoint(best)


def refusal(checkpoint: dict[str, Any], path: Path) -> str:
    write_checkpoint(checkpoint, path)
    with pytest.raises(UserError) as told:
        load_predictors([path], {}, "cpu")
    said = str(told.value)
    assert len(said.splitlines()) == 1
    return said


def places(value: Any, *above: Any) -> Iterator[tuple[Any, ...]]:
    """The way to everything in nested dicts and lists of dicts."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*above, key)
            yield from places(inner, *above, key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for place, inner in enumerate(value):
            yield from places(inner, *above, place)


def edited(whole: dict[str, Any], way: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy of the checkpoint with another value at a place in its recipe."""
    changed = {**whole, "recipe": copy.deepcopy(whole["recipe"])}
    holder = changed["recipe"]
    for key in way[:-1]:
        holder = holder[key]
    holder[way[-1]] = value
    return changed


def test_the_whole_one_is_read(best: Path, whole: dict[str, Any]) -> None:
    assert len(load_predictors([best], {}, "cpu")[best].usual_lengths) > 50
    assert {"fitted", "architecture", "config", "layout"} == set(whole["recipe"])


def test_a_missing_key_and_another_array_are_seen_wherever_they_are(whole: dict[str, Any]) -> None:
    recipe = copy.deepcopy(whole["recipe"])
    right = recipe.pop("layout")
    check_layout(recipe, right)
    tried = 0
    for way in places(recipe):
        holder = recipe
        for key in way[:-1]:
            holder = holder[key]
        kept = dict(holder)
        del holder[way[-1]]
        changes = [dict(holder)]
        if isinstance(array := kept[way[-1]], torch.Tensor):
            others = [array.to(torch.int16), array[:0], array[None], array.tolist(), None]
            changes += [{**kept, way[-1]: other} for other in others]
        for change in changes:
            holder.clear()
            holder.update(change)
            with pytest.raises(ValueError, match=re.escape(".".join(map(str, way)))):
                check_layout(recipe, right)
            tried += 1
        holder.clear()
        holder.update(kept)
    assert tried > 200


@pytest.mark.parametrize(
    ("way", "value", "said"),
    [
        (("fitted", "usual_lengths"), torch.empty(0), "float32 (0,), was float32 ("),
        (("fitted", "lookup"), None, "fitted.lookup is NoneType, was dict"),
        (("fitted",), "none of it", "fitted is str, was dict"),
        (("layout",), {}, "was not there"),
        (("layout",), None, "edited"),
    ],
)
def test_another_layout_is_refused(
    whole: dict[str, Any], tmp_path: Path, way: tuple[Any, ...], value: Any, said: str
) -> None:
    assert said in refusal(edited(whole, way, value), tmp_path / "edited.ckpt")


@pytest.mark.parametrize(
    ("way", "value", "said"),
    [
        (("fitted", "usual_lengths"), torch.empty(0), "one length or more"),
        (("fitted", "usual_lengths"), torch.tensor([0.0, 5.0]), "above 0"),
        (("fitted", "usual_lengths"), torch.tensor([5.0, torch.nan]), "finite"),
        (("fitted", "usual_lengths"), torch.tensor([5.0, 4.0]), "should ascend"),
        (("fitted", "encoders", 0, "name"), "bert", "encoders are ['bert', 'ngrams'], its run had"),
        (("fitted", "encoders", 0, "kind"), "bert", "of kind 'bert'"),
        (("fitted", "encoders"), [], "encoders are [], its run had"),
        (("fitted", "encoders"), None, "edited"),
        (("fitted", "lookup_encoders"), ["bert"], "bert is not among the encoders"),
        (("fitted", "objective", "loss", "name"), "mape", "edited"),
        (("fitted", "lookup", "index", "vectors"), torch.empty(0, 8), "edited"),
        (("fitted", "recipe", "fields"), ["name"], "fields.0"),
        (("architecture", "outputs"), 3, "weights of another network"),
        (("config",), {}, "'embeddings' is missing"),
    ],
)
def test_parts_that_do_not_fit_are_refused_whatever_the_layout_says(
    whole: dict[str, Any], tmp_path: Path, way: tuple[Any, ...], value: Any, said: str
) -> None:
    recipe = edited(whole, way, value)["recipe"]
    del recipe["layout"]
    changed = {**whole, "recipe": {**recipe, "layout": layout(recipe)}}
    assert said in refusal(changed, tmp_path / "edited.ckpt")


@pytest.mark.parametrize("key", ["state_dict", "epoch", "recipe", "product_length"])
def test_a_missing_part_is_refused(whole: dict[str, Any], tmp_path: Path, key: str) -> None:
    changed = {name: value for name, value in whole.items() if name != key}
    refusal(changed, tmp_path / "edited.ckpt")


def test_weights_that_are_no_numbers_are_refused(whole: dict[str, Any], tmp_path: Path) -> None:
    state = {
        **whole["state_dict"],
        "network.head.bias": torch.full_like(whole["state_dict"]["network.head.bias"], torch.nan),
    }
    assert "edited" in refusal({**whole, "state_dict": state}, tmp_path / "edited.ckpt")
