"""How a sweep takes what comes back from its trials, with a real study and a made-up launcher."""

import csv
import math

import optuna
import pytest
from builders import job
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf
from optuna.trial import TrialState
from run_folders import write_run

from product_length.errors import UserError
from product_length.experiment import Experiment
from product_length.sweeping.finish import finish
from product_length.sweeping.sweeper import StudySweeper

GRID = {"_target_": "optuna.samplers.GridSampler", "_partial_": True}


class Launcher:
    """Gives each trial the outcome that its `loss` names; may break down after `breaks`."""

    def __init__(self, outcomes, breaks=None):
        self.outcomes, self.breaks, self.launched = outcomes, breaks, []

    def launch(self, overrides, initial_job_idx):
        assert initial_job_idx >= 0
        self.launched += [list(words) for words in overrides]
        if self.breaks is not None:
            self.breaks()
            raise RuntimeError("a worker was killed")
        found = [self.outcomes[words[0].removeprefix("loss=")] for words in overrides]
        failed = [isinstance(outcome, Exception) for outcome in found]
        status = [JobStatus.FAILED if bad else JobStatus.COMPLETED for bad in failed]
        return [
            JobReturn(status=each, _return_value=outcome)
            for each, outcome in zip(status, found, strict=True)
        ]


@pytest.fixture
def run(tmp_path):
    """Runs a sweep over losses with the given outcomes; its trials by loss, its launcher."""

    def sweep(outcomes, *, breaks=None, n_jobs=1, n_trials=None, without=()):
        made = StudySweeper(
            sampler=OmegaConf.create(
                {"_target_": "optuna.samplers.GridSampler", "_partial_": True}
            ),
            direction="minimize",
            storage=f"sqlite:///{tmp_path}/studies.db",
            study_name="losses",
            n_trials=n_trials or len(outcomes),
            n_jobs=n_jobs,
            max_failure_rate=1.0,
            custom_search_space=None,
            params=None,
        )
        parts = made.sweeper
        parts.launcher = Launcher(outcomes, breaks)
        parts.sweep_dir = str(tmp_path)
        parts.config = OmegaConf.create({"hydra": {"launcher": {}}, "sweep": {"without": without}})
        made.sweep([f"loss={','.join(outcomes)}", "storage=postgresql://secret", "data.rows=400"])
        study = optuna.load_study(study_name="losses", storage=parts.storage)
        return {t.params["loss"]: t for t in study.trials}, parts.launcher

    return sweep


def test_outcomes_are_noted_and_none_of_them_stops_the_sweep(run):
    found, launcher = run(
        {
            "mape": 0.4,
            "huber": math.nan,
            "smape": math.inf,
            "rmsle": UserError("training diverged"),
            "combined": KeyError("fault"),
            "log_mape": None,
        },
        n_jobs=6,
    )
    assert found["mape"].value == 0.4
    failed = {loss: t.user_attrs["outcome"] for loss, t in found.items() if loss != "mape"}
    assert failed == {
        "huber": "val MAPE is nan",
        "smape": "val MAPE is inf",
        "rmsle": "training diverged",
        "combined": "KeyError: 'fault'",
        "log_mape": "TypeError: float() argument must be a string or a real number, not 'NoneType'",
    }
    assert all(found[loss].state is TrialState.FAIL for loss in failed)
    assert len(launcher.launched) == 6


def test_each_trial_names_its_folder_and_sees_no_password(run):
    found, launcher = run({"mape": 0.4, "huber": 0.5, "smape": 0.6}, n_jobs=2)
    for words in launcher.launched:
        loss = words[0].removeprefix("loss=")
        assert words[1:] == ["data.rows=400", f"hydra.sweep.subdir={found[loss].number}"]
    assert len(launcher.launched) == 3
    assert not any("secret" in str(t.user_attrs) for t in found.values())


def test_combinations_that_make_no_sense_are_left_out_and_count_as_settled(run, caplog):
    caplog.set_level("INFO")
    without = [["loss=huber", "data.rows=400"], ["loss=smape", "data.rows=500"]]
    found, launcher = run({"huber": 0.1, "mape": 0.4, "smape": 0.5}, without=without)
    assert found["huber"].state is TrialState.PRUNED
    assert found["huber"].user_attrs["outcome"] == "sweep.without loss=huber data.rows=400"
    assert [words[0] for words in launcher.launched].count("loss=huber") == 0
    assert len(launcher.launched) == 2
    assert "3 of 3 trials, 1 left out; best val MAPE 40.00%" in caplog.text


def test_a_launcher_that_breaks_down_costs_unfinished_trials_only(run, tmp_path):
    reports = []

    def one_is_finished():
        reports.append(write_run(tmp_path / "0"))

    found, _ = run({"mape": 0.4, "huber": 0.5}, breaks=one_is_finished, n_jobs=2)
    (report,) = reports
    by_number = {trial.number: trial for trial in found.values()}
    assert by_number[0].value == pytest.approx(report.val.metrics.mape.value)
    assert by_number[1].state is TrialState.FAIL
    assert by_number[1].user_attrs["outcome"] == "RuntimeError: a worker was killed"


def test_when_the_first_trials_all_fail_the_sweep_ends(run):
    outcomes = dict.fromkeys(("mape", "huber", "smape", "rmsle"), UserError("no such file"))
    with pytest.raises(UserError, match="the first 3 trials of losses failed: no such file"):
        run(outcomes)


def test_nothing_to_vary_is_reported(run):
    with pytest.raises(UserError, match="nothing left to vary"):
        run({"mape": 0.4})


def test_a_plain_grid_is_compared(tmp_path, monkeypatch):
    """test_sweep.py runs a whole one; this is what it comes to, without a study."""
    monkeypatch.chdir(tmp_path)
    for number, loss in enumerate(("mape", "huber")):
        write_run(tmp_path / "grid" / str(number), overrides=[f"loss={loss}"], seed=number)
    finish(job("train", Experiment, "loss=mape", "tracking=none"), tmp_path / "grid")
    with (tmp_path / "grid" / "comparison.csv").open(encoding="utf-8", newline="") as file:
        assert {row["recipe"] for row in csv.DictReader(file)} == {"loss=mape", "loss=huber"}
    assert (tmp_path / "grid" / "comparison.html").is_file()
    assert not (tmp_path / "multirun").exists()
