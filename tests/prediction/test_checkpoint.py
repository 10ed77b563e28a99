"""A checkpoint that was edited, its checksum made anew: it predicts as it did, or is refused."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from product_length.errors import UserError
from product_length.prediction.checkpoint import load_predictors
from product_length.prediction.soundness import check_layout, layout
from product_length.training.checkpoint_file import read_checkpoint, write_checkpoint


@pytest.fixture
def best(everything: Path) -> Path:
    return everything / "checkpoints/best.ckpt"


@pytest.fixture(scope="module")
def whole(everything: Path) -> dict[str, Any]:
    return read_checkpoint(everything / "checkpoints/best.ckpt")


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
    features = [each["state"].get("name", each["kind"]) for each in whole["recipe"]["features"]]
    assert features == ["lsa", "words", "ngrams", "types", "neighbours", "terms", "measurements"]


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
        (("usual_lengths",), torch.empty(0), "float32 (0,), was float32 ("),
        (("features", 4, "state"), None, "features.4.state is NoneType, was dict"),
        (("model",), "none of it", "model is str, was dict"),
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
        (("usual_lengths",), torch.empty(0), "one length or more"),
        (("usual_lengths",), torch.tensor([0.0, 5.0]), "above 0"),
        (("usual_lengths",), torch.tensor([5.0, torch.nan]), "finite"),
        (("usual_lengths",), torch.tensor([5.0, 4.0]), "should ascend"),
        (("features", 0, "state", "name"), "bert", "encoders are ['bert', 'words', 'ngrams'], its"),
        (("features", 0, "state", "kind"), "bert", "of kind 'bert'"),
        (("features",), [], "encoders are [], its run had"),
        (("features",), None, "edited"),
        (("features", 3, "kind"), "colours", "colours cannot be imported"),
        (("features", 3, "kind"), "pathlib.Path", "pathlib.Path is not a FeatureOptions"),
        (("features", 3, "kind"), "neighbours", "edited"),
        (("features", 3, "kind"), None, "edited"),
        (("features", 3, "options", "width"), 0, "types: width: Input should be greater"),
        (("features", 3, "options", "width"), 7, "weights of another network"),
        (("features", 3, "options"), {"colour": 1}, "colour: Extra inputs"),
        (("features", 3, "options"), None, "edited"),
        (("features", 3, "state", "vocabulary"), ["7"], "edited"),
        (("features", 3, "state"), {}, "'vocabulary' is missing"),
        (("features", 4, "state", "encoders"), ["bert"], "'bert' is missing"),
        (("features", 4, "state", "columns"), 1, "neighbours in another way than this version"),
        (("features", 4, "state", "index", "vectors"), torch.empty(0, 8), "edited"),
        (("features", 5, "state"), {}, "is missing"),
        (("features", 6, "state", "parser"), 0, "reads measurements with parser 0"),
        (("features", 6, "state", "scaler", "mean"), [], "edited"),
        (("objective", "loss", "name"), "mape", "edited"),
        (("text", "fields"), ["name"], "fields.0"),
        (("model", "hidden"), [3], "weights of another network"),
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
