"""The console of a sweep fits, and says where it stands whatever launches the runs."""

import json
import logging
import os
import re

import pytest
from run_folders import write_run
from sweeping.sweep_runs import sweep

from product_length.errors import FAILURE_FILE
from product_length.sweeping.console import LOG_FILE, WIDTH, fitted, sweep_console
from product_length.sweeping.watch import Watch
from product_length.training.epoch_note import EPOCH_NOTE

RATES = ["trainer.learning_rate=1e-3,1e30", "loss=mape", "seed=1"]
GRID = ["sweep=losses", "features.use_log_target=true", *RATES]


def folder_of(sweep_folder, number):
    folder = sweep_folder / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_lines_fit_and_those_that_go_on_have_a_margin():
    words = " ".join(["model.hidden=[512,256,64]"] * 8)
    lines = fitted(f"  - {words}\nshort").splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines[-1] == "short"
    assert lines[1].startswith("    model")
    assert " ".join(" ".join(lines[:-1]).split()) == f"- {words}"
    assert fitted("a\n\nb") == "a\n\nb"


def test_what_others_say_is_kept_and_not_shown(tmp_path, capsys):
    folder = tmp_path / "study"
    with sweep_console(folder):
        assert not folder.exists()
        logging.getLogger("hydra.launcher").info("Launching 1 jobs locally")
        logging.getLogger("hydra.launcher").warning("of Hydra")
        logging.getLogger("product_length.sweeping.sweeper").info("of the sweep")
    assert capsys.readouterr().out == "of Hydra\nof the sweep\n"
    kept = (folder / LOG_FILE).read_text()
    assert re.sub(r"\d\d:\d\d:\d\d ", "", kept) == (
        "Launching 1 jobs locally\nof Hydra\nof the sweep\n"
    )
    assert not logging.getLogger("hydra").handlers


@pytest.fixture
def said(caplog):
    caplog.set_level("INFO")
    return lambda: [record.getMessage() for record in caplog.records]


def test_each_trial_says_how_it_ended_and_what_is_left(tmp_path, said):
    watch = Watch(tmp_path, 5, done=1, best=(0.2, 0))
    watch.begin(3, "loss=mape seed=1")
    watch.look()
    assert said() == ["trial 2 of 5: loss=mape seed=1"]
    value = write_run(tmp_path / "3").val.metrics.mape.value
    watch.look()
    watch.look()
    assert len(said()) == 2
    is_best = value < 0.2
    told = "the best so far" if is_best else "best so far 20.00% (folder 0)"
    assert re.fullmatch(
        rf"trial 2 of 5: val MAPE {value:.2%}, {re.escape(told)}; about .* left", said()[1]
    )
    watch.begin(4, "loss=mape seed=2")
    (folder_of(tmp_path, 4) / FAILURE_FILE).write_text("training diverged\n")
    watch.look()
    assert said()[3].startswith("trial 3 of 5: failed: training diverged; about ")
    assert watch.failures == {4}


def test_the_first_epoch_says_how_long_it_takes(tmp_path, said):
    watch = Watch(tmp_path, 10, done=2, at_once=4)
    watch.begin(0, "a")
    note = {"seconds": 6.0, "epochs": 30, "before": 60.0}
    (folder_of(tmp_path, 0) / EPOCH_NOTE).write_text(json.dumps(note))
    watch.look()
    watch.look()
    # 8 runs, 4 at once: two rounds of 30 epochs of 6 s, after one minute.
    assert said()[1:] == [
        "about 7 min 00 s for 8 run(s) of 30 epochs at most; less where they stop early"
    ]


def test_folds_are_not_compared_and_an_old_report_is_no_news(tmp_path, said):
    write_run(tmp_path / "0")
    os.utime(tmp_path / "0" / "report.json", (0, 0))
    watch = Watch(tmp_path, 2, scored=False)
    watch.begin(0, "fold 1")
    watch.look()
    assert len(said()) == 1
    os.utime(tmp_path / "0" / "report.json")
    watch.look()
    assert "val MAPE" in said()[1]
    assert "best" not in said()[1]


def test_runs_that_hydra_starts_by_itself_are_followed_by_their_folders(tmp_path, said):
    with Watch(tmp_path, 2, names={0: "seed=1", 1: "seed=2"}):
        (folder_of(tmp_path, 0) / "config.yaml").touch()
        write_run(tmp_path / "0")
    assert said()[0] == "trial 1 of 2: seed=1"
    assert said()[1].startswith("trial 1 of 2: val MAPE")


def check(console, runs):
    lines = console.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert not [line for line in lines if "HYDRA" in line or "Launching" in line]
    for at in range(1, runs + 1):
        assert len(re.findall(rf"^trial {at} of {runs}: ", console, re.MULTILINE)) == 2, console
    assert "texts encoded" not in console
    assert "comparison.html" in console


@pytest.mark.slow
@pytest.mark.parametrize(
    "launcher",
    [
        [],
        ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
        ["hydra/launcher=submitit_local", "hydra.sweeper.n_jobs=2"],
    ],
    ids=["basic", "joblib", "submitit"],
)
def test_a_study_says_where_it_stands(tmp_path, launcher):
    said = sweep(tmp_path, *GRID, *launcher, code=1)
    check(said.console, 2)
    assert "2 run(s), " in said.console
    assert "failed: training diverged" in said.console
    assert "the best so far" in said.console
    assert "2 of 2 trials, 1 failed; best val MAPE" in said.console
    log = (tmp_path / "multirun" / "mine" / LOG_FILE).read_text()
    assert "Recipes, best val MAPE first" in log
    again = sweep(tmp_path, *GRID, *launcher, code=1)
    assert "1 of 2 trials are there" in again.console
    assert "trial 2 of 2: trainer.learning_rate=1e+30" in again.console.replace("loss=mape ", "")


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [[], ["hydra/launcher=joblib"]], ids=["basic", "joblib"])
def test_a_plain_sweep_says_where_it_stands(tmp_path, launcher):
    said = sweep(tmp_path, "seed=1,2", "study=null", "hydra.sweep.dir=multirun/plain", *launcher)
    check(said.console, 2)
    assert "trial 1 of 2: seed=1" in said.console
