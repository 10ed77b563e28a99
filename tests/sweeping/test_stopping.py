"""Hopeless trials are stopped in mid-training: real SQLite studies, real tiny fits."""

import logging
import signal
import subprocess
import sys

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState
from sweeping.sweep_runs import command, environment, sweep, trials, two_at_once, wait_for
from training.fitting_problem import make_problem

from product_length.comparison.runs import STOPPED_FILE
from product_length.sweeping.config import PrunerOptions
from product_length.sweeping.standing import standing
from product_length.sweeping.stopping import TrialStopping
from product_length.sweeping.study import SweepStudy

GOOD, ABSURD = 0.02, 1e-9
EPOCHS = 6


@pytest.fixture(scope="module")
def problem():
    return make_problem()


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'studies.db'}"


@pytest.fixture
def study(url):
    return SweepStudy("tuning", url, RandomSampler(seed=0), "a")


def run_trial(study, url, problem, tmp_path, rate, *, seed=7, **options):
    """One trial as the sweeper and its run share it: what stopped it, and the epochs it took."""
    given = {"keep_percent": 50, "startup_trials": 2, "warmup_epochs": 2, **options}
    (trial,) = study.take(1, 100)
    stopping = TrialStopping("tuning", url, trial.number, PrunerOptions(**given))
    fitted = problem.fit(
        tmp_path / str(trial.number),
        seed=seed,
        callbacks=[stopping],
        max_epochs=EPOCHS,
        learning_rate=rate,
        patience=EPOCHS,
    )
    if stopping.reason is None:
        study.record(trial, fitted.best_val_mape)
    else:
        study.record_stopped(trial, stopping.reason)
    return study.study.trials[trial.number], fitted


def test_a_hopeless_trial_is_stopped_after_warm_up_and_a_good_one_is_not(
    study, url, problem, tmp_path
):
    for seed in (1, 2):
        trial, fitted = run_trial(study, url, problem, tmp_path, GOOD, seed=seed)
        assert trial.state is TrialState.COMPLETE
        assert trial.intermediate_values == {
            int(entry["epoch"]): entry["val/mape"] for entry in fitted.history
        }
    bad, fitted = run_trial(study, url, problem, tmp_path, ABSURD)
    assert bad.state is TrialState.PRUNED
    assert fitted.epochs == 3
    assert bad.value == fitted.history[-1]["val/mape"]
    assert "stopped early, in epoch 3 of 6, at val MAPE" in bad.user_attrs["outcome"]
    good, fitted = run_trial(study, url, problem, tmp_path, GOOD * 1.5, seed=1)
    assert good.state is TrialState.COMPLETE
    assert fitted.epochs == EPOCHS
    assert standing(study, 4, 4, 0).startswith("4 of 4 trials, 1 stopped early; best val MAPE")
    assert (study.settled(), study.left_out(), study.failures()) == (4, 0, {})


def test_the_first_trials_are_never_stopped(study, url, problem, tmp_path):
    run_trial(study, url, problem, tmp_path, GOOD)
    for _ in range(2):  # one of three has finished, then two
        trial, fitted = run_trial(study, url, problem, tmp_path, ABSURD, startup_trials=3)
        assert (trial.state, fitted.epochs) == (TrialState.COMPLETE, EPOCHS)


def test_none_is_stopped_in_its_warm_up(study, url, problem, tmp_path):
    for _ in range(2):
        run_trial(study, url, problem, tmp_path, GOOD)
    trial, _ = run_trial(study, url, problem, tmp_path, ABSURD, warmup_epochs=EPOCHS)
    assert trial.state is TrialState.COMPLETE


def test_each_epoch_is_compared_with_the_same_epoch_of_others(study, url, problem, tmp_path):
    for _ in range(2):  # slow at first, then far better than any fit here
        slow = dict.fromkeys(range(1, EPOCHS), 50.0) | {EPOCHS: 0.001}
        study.study.add_trial(optuna.create_trial(value=0.001, intermediate_values=slow))
    trial, fitted = run_trial(study, url, problem, tmp_path, ABSURD)
    assert fitted.best_val_mape > 0.1
    assert (trial.state, fitted.epochs) == (TrialState.COMPLETE, EPOCHS)


def test_a_stopped_trial_is_not_run_again(study, url, problem, tmp_path):
    for _ in range(2):
        run_trial(study, url, problem, tmp_path, GOOD)
    stopped, _ = run_trial(study, url, problem, tmp_path, ABSURD)
    again = SweepStudy("tuning", url, RandomSampler(seed=0), "a")
    assert again.settled() == 3
    assert again.take(1, 3) == []
    assert again.study.trials[stopped.number].state is TrialState.PRUNED


def test_a_database_that_is_gone_stops_no_run(problem, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    url = f"sqlite:///{tmp_path / 'other.db'}"
    stopping = TrialStopping("tuning", url, 0, PrunerOptions())
    fitted = problem.fit(tmp_path / "0", callbacks=[stopping])
    assert (fitted.epochs, stopping.reason) == (4, None)
    assert "trial 0 is not compared with others, and not stopped: study=tuning" in caplog.text


def test_a_trial_taken_for_dead_is_trained_to_its_end(study, url, problem, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    (trial,) = study.take(1, 9)
    stopping = TrialStopping("tuning", url, trial.number, PrunerOptions())
    study.study.tell(trial, state=TrialState.FAIL)
    fitted = problem.fit(tmp_path / "0", callbacks=[stopping])
    assert (fitted.epochs, stopping.reason) == (4, None)
    assert caplog.text.count("is not compared with others") == 1


RATES = (0.02, 0.03, 0.01, 1e-9)
TUNE = [
    "sweep=tune",
    "hydra.sweeper.n_trials=4",
    "hydra.sweeper.custom_search_space=null",
    f"trainer.learning_rate={','.join(map(str, RATES))}",
    "trainer.batch_size=64",
    "trainer.max_epochs=5",
]
SOON = [
    "sweep.pruner.keep_percent=50",
    "sweep.pruner.startup_trials=2",
    "sweep.pruner.warmup_epochs=1",
]


def queue_rates(folder, database="multirun/studies.db"):
    """A study whose trials come in the order of RATES."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    (folder / "multirun").mkdir()
    storage = f"sqlite:///{folder}/{database}"
    study = optuna.create_study(study_name="mine", storage=storage)
    for rate in RATES:
        study.enqueue_trial({"trainer.learning_rate": rate})


@pytest.mark.slow
def test_killed_and_resumed_a_sweep_stops_its_hopeless_trial_once(tmp_path):
    queue_rates(tmp_path)
    words = [*TUNE, *SOON]
    process = subprocess.Popen(
        command(*words),
        cwd=tmp_path,
        env=environment(PRODUCT_LENGTH_CACHE=str(tmp_path / "cache")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(tmp_path, "epoch 2/5", process, trial="1")
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()

    output = sweep(tmp_path, *words)
    assert "4 of 4 trials, 1 stopped early; best val MAPE" in output
    found = trials(tmp_path)
    (stopped,) = [trial for trial in found if trial.state is TrialState.PRUNED]
    assert stopped.params["trainer.learning_rate"] == 1e-9
    assert stopped.value == stopped.intermediate_values[2]
    assert sum(trial.state is TrialState.COMPLETE for trial in found) == 3
    place = tmp_path / "multirun" / "mine"
    run = place / str(stopped.number)
    assert "in epoch 2 of 5, at val MAPE" in (run / STOPPED_FILE).read_text()
    assert not (run / "report.json").exists()
    assert not (run / "failure.txt").exists()
    assert not (place / "missing.csv").exists()
    page = (place / "comparison.md").read_text().replace("\\", "")
    assert "Missing" not in page
    (line,) = [line for line in page.splitlines() if "Stopped early by the sweep's pruner" in line]
    assert "hence not ranked (1): " in line
    assert f"multirun/mine/{stopped.number} (" in line
    assert "trainer.learning_rate=1e-09" in line
    skipped = [line for line in page.splitlines() if "Skipped, not finished" in line]
    assert not any(f"mine/{stopped.number} " in line for line in skipped)

    output = sweep(tmp_path, *words)
    assert "4 of 4 trials are there" in output
    assert len(trials(tmp_path)) == len(found)
    report = [sys.executable, "-m", "product_length.report", "multirun/mine"]
    said = subprocess.run(report, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "Stopped early by the sweep's pruner, hence not ranked (1): " in said


@pytest.mark.slow
def test_switched_off_nothing_is_stopped(tmp_path):
    queue_rates(tmp_path)
    output = sweep(tmp_path, *TUNE, "sweep.pruner=null")
    assert "stopped early" not in output
    found = trials(tmp_path)
    assert [trial.state for trial in found] == [TrialState.COMPLETE] * 4
    assert not any(trial.intermediate_values for trial in found)
    assert not list(tmp_path.rglob(STOPPED_FILE))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("sweep.pruner.keep_percent=100", "sweep.pruner.keep_percent=100"),
        ("sweep.pruner.startup_trials=1", "sweep.pruner.startup_trials=1"),
        ("sweep.pruner.warmup=3", "sweep.pruner.warmup: no such key"),
    ],
)
def test_options_are_checked_before_work(tmp_path, word, said):
    output = sweep(tmp_path, "sweep=tune", word, code=2)
    assert f"error: {said}" in output
    assert not (tmp_path / "multirun").exists()


def assert_slow_ones_stopped(found, output):
    """Of trials side by side: the first two end, the absurd one does not, 0.01 may do either."""
    assert len(found) == len(RATES)
    states = {trial.params["trainer.learning_rate"]: trial.state for trial in found}
    assert states[0.02] is states[0.03] is TrialState.COMPLETE
    assert states[1e-9] is TrialState.PRUNED
    stopped = list(states.values()).count(TrialState.PRUNED)
    assert f"4 of 4 trials, {stopped} stopped early; best val MAPE" in output


@pytest.mark.slow
def test_workers_of_a_launcher_find_the_study_in_another_database(tmp_path):
    queue_rates(tmp_path, "elsewhere.db")
    workers = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    output = sweep(tmp_path, *TUNE, *SOON, *workers, "storage=sqlite:///elsewhere.db")
    assert not (tmp_path / "multirun" / "studies.db").exists()
    found = optuna.load_study(study_name="mine", storage=f"sqlite:///{tmp_path}/elsewhere.db")
    assert_slow_ones_stopped(found.trials, output)


@pytest.mark.slow
def test_two_processes_compare_their_trials(tmp_path):
    queue_rates(tmp_path)
    outputs = two_at_once(tmp_path, *TUNE, *SOON)
    for output in outputs:
        assert_slow_ones_stopped(trials(tmp_path), output)
