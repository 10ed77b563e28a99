import logging
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from run_folders import BANDS, LENGTH
from transaction_log import read_run, table

from product_length.errors import UserError
from product_length.tracking.config import NoTracking, Wandb
from product_length.tracking.open_tracker import open_tracker
from product_length.tracking.tracker import Tracker
from product_length.tracking.wandb_tracker import EXTREME_ROWS, TEXT_CHARACTERS

CONFIG = {
    "seed": 3,
    "loss": {"name": "mape"},
    "embeddings": ["lsa", "minilm"],
    "cache_dir": Path("/cache"),
    "data": {"max_length": None, "share": np.float32(0.5)},
}


def opened(folder: Path, name: str = "first", **options: object) -> Tracker:
    folder.mkdir(parents=True, exist_ok=True)
    wandb = Wandb.model_validate({"name": "wandb", **options})
    return open_tracker(wandb, config=CONFIG, folder=folder, name=name)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")


def test_everything_logged_is_in_the_run_file(tmp_path: Path, offline: None) -> None:
    options = {"project": "lengths", "entity": "team", "group": "sweep-1", "tags": ["a", "b"]}
    with opened(tmp_path / "run", **options) as tracker:
        for epoch in range(1, 5):
            tracker.epoch({"val/mape": 0.9 / epoch, "train/loss": np.float32(epoch)}, epoch)
        tracker.summary({"test": {"mape": np.float64(0.25), "rows": np.int64(7)}, "val/mape": 0.2})
    logged = read_run(tmp_path / "run")

    assert {key: value for key, value in logged.config.items() if key != "_wandb"} == {
        "seed": 3,
        "loss": {"name": "mape"},
        "embeddings": ["lsa", "minilm"],
        "cache_dir": "/cache",
        "data": {"max_length": None, "share": 0.5},
    }
    assert (logged.run.project, logged.run.entity) == ("lengths", "team")
    assert (logged.run.run_group, list(logged.run.tags)) == ("sweep-1", ["a", "b"])
    assert logged.run.display_name == "first"
    assert len(logged.history) == 4
    for epoch, row in enumerate(logged.history, start=1):
        assert (row["_step"], row["epoch"]) == (epoch, epoch)
        assert row["val/mape"] == pytest.approx(0.9 / epoch)
        assert row["train/loss"] == epoch
    assert logged.summary["test"] == {"mape": 0.25, "rows": 7}
    assert logged.summary["val/mape"] == 0.2
    assert logged.exit_code == 0


def test_run_name_option_wins_over_the_folder_name(tmp_path: Path, offline: None) -> None:
    with opened(tmp_path / "run", run_name="mine"):
        pass
    assert read_run(tmp_path / "run").run.display_name == "mine"


def test_epochs_of_a_resumed_run_keep_their_numbers(tmp_path: Path, offline: None) -> None:
    with opened(tmp_path / "run") as tracker:
        tracker.epoch({"val/mape": 0.5}, 11)
        tracker.epoch({"val/mape": 0.4}, 12)
    assert [row["_step"] for row in read_run(tmp_path / "run").history] == [11, 12]


def test_nothing_is_sent_or_printed_unasked(
    tmp_path: Path, offline: None, capfd: pytest.CaptureFixture[str]
) -> None:
    with opened(tmp_path / "run") as tracker:
        print("said by training")
        tracker.epoch({"val/mape": 0.5}, 1)
    logged = read_run(tmp_path / "run")
    assert logged.run.host == ""
    assert not logged.run.HasField("git")
    assert not logged.kinds & {"environment", "output", "output_raw", "files"}
    content = next((tmp_path / "run").rglob("*.wandb")).read_bytes()
    for name in logged.random_names:  # these may happen to hold a short host's name
        content = content.replace(name.encode(), b" ")
    for secret in (socket.gethostname(), sys.executable, sys.argv[0]):
        assert secret.encode() not in content
    assert capfd.readouterr() == ("said by training\n", "")


def test_predictions_are_shown(tmp_path: Path, offline: None) -> None:
    rows = 200
    lengths = np.linspace(10, 9000, rows).astype(np.float32)
    # Row i is off by i/1000 of its length, so the last rows are worst.
    predictions = lengths * (1 + np.arange(rows) / 1000)
    with opened(tmp_path / "run") as tracker:
        tracker.epoch({"val/mape": 0.5}, 1)
        tracker.predictions(
            "val",
            lengths=lengths,
            predictions=predictions,
            product_ids=[f"p{i}" for i in range(rows)],
            types=[f"t{i % 3}" for i in range(rows)],
            texts=[f"text {i} " + "x" * 500 for i in range(rows)],
            quantity=LENGTH,
            bands=BANDS,
        )
    row = read_run(tmp_path / "run").history[-1]
    assert row["epoch"] == 1  # the curves' axis does not move on

    worst = table(tmp_path / "run", row["val/worst"])
    true, predicted = "true length (1/100 inch)", "predicted length (1/100 inch)"
    assert worst["columns"] == ["product_id", "type", true, predicted, "ape", "text"]
    wanted = [f"p{i}" for i in range(rows - 1, rows - 1 - EXTREME_ROWS, -1)]
    assert [cells[0] for cells in worst["data"]] == wanted
    assert worst["data"][0][1:4] == ["t1", 9000.0, pytest.approx(9000 * 1.199)]
    assert worst["data"][0][4] == pytest.approx(0.199)
    assert worst["data"][0][5].startswith("text 199 x")
    assert len(worst["data"][0][5]) == TEXT_CHARACTERS
    best = table(tmp_path / "run", row["val/best"])
    assert [cells[0] for cells in best["data"]] == [f"p{i}" for i in range(EXTREME_ROWS)]

    bands = table(tmp_path / "run", row["val/error_by_band"])["data"]
    assert [band[0] for band in bands][:2] == ["<40", "40–100"]
    assert bands[0] == ["<40", 1, 0.0]
    assert sum(band[1] for band in bands) == rows
    assert not list((tmp_path / "home").rglob("staging"))  # all of it lies in the run folder


def test_unequal_columns_are_a_programming_error(tmp_path: Path, offline: None) -> None:
    three, two = np.ones(3), ["a", "b"]
    with (
        opened(tmp_path / "run") as tracker,
        pytest.raises(ValueError, match=r"3 lengths, but \[2, 2, 2\]"),
    ):
        tracker.predictions(
            "val",
            lengths=three,
            predictions=three,
            product_ids=two,
            types=two,
            texts=two,
            quantity=LENGTH,
            bands=BANDS,
        )


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (RuntimeError("out of memory"), 1),
        (KeyboardInterrupt(), 1),
        (SystemExit(2), 1),
        (SystemExit(0), 0),
        (SystemExit(), 0),
    ],
)
def test_a_run_that_ends_early_is_closed(
    tmp_path: Path, offline: None, error: BaseException, exit_code: int
) -> None:
    def work() -> None:
        with opened(tmp_path / "run") as tracker:
            tracker.epoch({"val/mape": 0.5}, 1)
            raise error

    with pytest.raises(type(error)):
        work()
    logged = read_run(tmp_path / "run")
    assert logged.exit_code == exit_code
    assert len(logged.history) == 1


def test_runs_in_one_process_are_apart(tmp_path: Path, offline: None) -> None:
    first = opened(tmp_path / "one", "one")
    first.epoch({"val/mape": 0.1}, 1)
    with pytest.raises(RuntimeError), first:
        raise RuntimeError
    with opened(tmp_path / "two", "two", group="g") as second:
        with opened(tmp_path / "three", "three") as third:  # even while another one is open
            third.epoch({"val/mape": 0.3}, 1)
        second.epoch({"val/mape": 0.2}, 1)
        second.epoch({"val/mape": 0.2}, 2)
    first.epoch({"val/mape": 99.0}, 2)  # closed: goes nowhere
    found = {}
    for name in ("one", "two", "three"):
        logged = read_run(tmp_path / name)
        mapes = [row["val/mape"] for row in logged.history]
        found[name] = (logged.run.display_name, logged.run.run_group, mapes, logged.exit_code)
    assert found == {
        "one": ("one", "", [0.1], 1),
        "two": ("two", "g", [0.2, 0.2], 0),
        "three": ("three", "", [0.3], 0),
    }


def test_a_second_finish_does_nothing(tmp_path: Path, offline: None) -> None:
    tracker = opened(tmp_path / "run")
    tracker.finish(failed=True)
    tracker.finish(failed=False)
    assert read_run(tmp_path / "run").exit_code == 1


def test_no_api_key_means_offline_and_says_how_to_sync(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with opened(tmp_path / "my run") as tracker:
        tracker.epoch({"val/mape": 0.5}, 1)
    (kept,) = (tmp_path / "my run" / "wandb").iterdir()
    assert kept.name.startswith("offline-run-")
    said = [r.getMessage() for r in caplog.records if r.name.startswith("product_length")]
    assert said == [
        f"W&B: kept offline, as no API key was found; send it with: wandb sync '{kept}'"
    ]
    assert len(read_run(tmp_path / "my run").history) == 1


def test_disabled_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with opened(tmp_path / "run") as tracker:
        tracker.epoch({"val/mape": 0.5}, 1)
    assert type(tracker) is Tracker  # which follows nothing
    assert not list((tmp_path / "run").iterdir())


def test_only_the_first_of_several_processes_speaks(
    tmp_path: Path, offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    monkeypatch.setattr(rank_zero_only, "rank", 1)
    assert type(opened(tmp_path / "run")) is Tracker
    assert not list((tmp_path / "run").iterdir())


def test_no_tracking_leaves_nothing(tmp_path: Path) -> None:
    with open_tracker(NoTracking(name="none"), config={}, folder=tmp_path / "run", name="n") as it:
        it.epoch({"val/mape": 0.5}, 1)
        it.summary({"val/mape": 0.5})
        column, values = ["a"], np.ones(1)
        it.predictions(
            "val",
            lengths=values,
            predictions=values,
            product_ids=column,
            types=column,
            texts=column,
            quantity=LENGTH,
            bands=BANDS,
        )
    assert not (tmp_path / "run").exists()


def test_unknown_mode_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "onlin")
    with pytest.raises(UserError, match=r"WANDB_MODE=onlin: .*online, offline, disabled"):
        opened(tmp_path / "run")
    assert not list((tmp_path / "run").iterdir())
