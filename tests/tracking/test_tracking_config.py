from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from product_length.tracking.config import NoTracking, TrackingOptions, Wandb

CONF = Path(__file__).resolve().parents[2] / "product_length" / "conf" / "tracking"
OPTIONS: TypeAdapter[NoTracking | Wandb] = TypeAdapter(TrackingOptions)


@pytest.mark.parametrize(("name", "kind"), [("none", NoTracking), ("wandb", Wandb)])
def test_every_option_is_in_its_file_with_its_default(name: str, kind: type) -> None:
    written = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    assert set(written) == set(kind.model_fields)
    assert OPTIONS.validate_python(written) == kind(name=name)
    assert {path.stem for path in CONF.glob("*.yaml")} == {"none", "wandb"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"project": ""},
        {"project": "a/b"},
        {"project": "x" * 129},
        {"entity": ""},
        {"group": "x" * 129},
        {"tags": ["ok", ""]},
        {"tags": ["x" * 65]},
        {"notes": "?"},
    ],
)
def test_what_wandb_would_refuse_is_refused_before_any_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OPTIONS.validate_python({"name": "wandb", **wrong})
