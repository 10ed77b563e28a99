"""Every YAML file of the three groups: complete, valid, and equal to the typed defaults."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from product_length.loss.config import LossOptions
from product_length.model.config import ModelOptions
from product_length.training.config import TrainerOptions

CONF = Path(__file__).parents[2] / "product_length" / "conf"
GROUPS: dict[str, Any] = {
    "loss": TypeAdapter(LossOptions),
    "model": TypeAdapter(ModelOptions),
    "trainer": TypeAdapter(TrainerOptions),
}
FILES = sorted(path for group in GROUPS for path in (CONF / group).glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}={path.stem}")
def test_file_gives_every_key(path: Path) -> None:
    group = path.parent.name
    given = yaml.safe_load(path.read_text())
    typed = GROUPS[group].validate_python(given)
    assert set(given) == set(type(typed).model_fields)
    if group != "trainer":
        assert given["name"] == path.stem
    for name, field in type(typed).model_fields.items():
        chosen = group == "trainer" and name in {"accelerator", "devices", "strategy"}
        if not field.is_required() and not chosen:
            assert getattr(typed, name) == field.get_default(call_default_factory=True), name


@pytest.mark.parametrize("group", ["loss", "model"])
def test_every_choice_has_its_file(group: str) -> None:
    choices = GROUPS[group].json_schema()["discriminator"]["mapping"]
    assert {path.stem for path in FILES if path.parent.name == group} >= set(choices)
