"""For one run W&B's environment variables say what they say to W&B; many runs are apart."""

import os
from pathlib import Path

import pytest
from transaction_log import read_run

from product_length.tracking.config import Wandb
from product_length.tracking.identity import leave_out_identity
from product_length.tracking.open_tracker import open_tracker

SET = {
    "WANDB_RUN_ID": "abc123",
    "WANDB_NAME": "from the environment",
    "WANDB_RUN_GROUP": "a group",
    "WANDB_NOTES": "some notes",
    "WANDB_TAGS": "x,y",
    "WANDB_PROJECT": "another",
}


@pytest.fixture(autouse=True)
def _set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    for name, value in SET.items():
        monkeypatch.setenv(name, value)


def run(folder: Path, study: str | None = None, **options: object):
    folder.mkdir()
    wandb = Wandb.model_validate({"name": "wandb", **options})
    with open_tracker(wandb, config={}, folder=folder, name="loss=mape", group=study):
        pass
    return read_run(folder).run


def test_a_single_run_takes_them(tmp_path: Path) -> None:
    found = run(tmp_path / "run")
    assert (found.run_id, found.display_name) == ("abc123", "from the environment")
    assert (found.run_group, found.notes, found.project) == ("a group", "some notes", "another")
    assert list(found.tags) == ["x", "y"]


def test_options_come_first(tmp_path: Path) -> None:
    found = run(tmp_path / "run", run_name="mine", group="g", project="p", tags=["z"])
    assert (found.display_name, found.run_group, found.project) == ("mine", "g", "p")
    assert list(found.tags) == ["z"]


def test_many_runs_have_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SET:  # monkeypatch puts back what is taken out here
        monkeypatch.setenv(name, os.environ[name])
    assert leave_out_identity() == ["WANDB_RUN_ID", "WANDB_NAME"]
    runs = [run(tmp_path / each, study="study") for each in "ab"]
    assert len({each.run_id for each in runs} - {"abc123"}) == 2
    assert [each.display_name for each in runs] == ["loss=mape"] * 2
    assert {each.run_group for each in runs} == {"study"}
    assert {each.notes for each in runs} == {"some notes"}
    assert leave_out_identity() == []


def test_a_name_that_was_asked_for_is_not_the_whole_name_of_many(tmp_path: Path) -> None:
    assert run(tmp_path / "run", "study", run_name="mine").display_name == "mine: loss=mape"
