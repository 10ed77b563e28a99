"""A study outlives kills, failures and other processes."""

import time

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.samplers import GridSampler, RandomSampler
from optuna.trial import TrialState

from product_length.errors import ConfigError, UserError
from product_length.sweeping import study as module
from product_length.sweeping.study import SweepStudy
from product_length.sweeping.trials import OUTCOME, missing

GRID = {"loss": ["mape", "huber", "smape"]}


@pytest.fixture
def url(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 1)
    monkeypatch.setattr(module, "GRACE_SECONDS", 2)
    return f"sqlite:///{tmp_path / 'deep' / 'studies.db'}"


def opened(url, name="losses", made_from="a"):
    return SweepStudy(name, url, GridSampler(GRID), made_from)


def take(study, max_trials=1, total=3):
    trials = study.take(max_trials, total)
    for trial in trials:
        trial._suggest("loss", CategoricalDistribution(GRID["loss"]))
    return trials


def losses(trials):
    return sorted(trial.params["loss"] for trial in trials)


def test_a_grid_is_run_once_and_over(url):
    study = opened(url)
    while trials := take(study, max_trials=2):
        for trial in trials:
            study.record(trial, 0.5 + trial.number)
    assert losses(study.finished()) == ["huber", "mape", "smape"]
    assert study.best().value == 0.5
    assert study.settled() == 3
    assert {trial.user_attrs[OUTCOME] for trial in study.finished()} == {"finished"}


def test_it_goes_on_where_it_stopped(url):
    first = opened(url)
    (trial,) = take(first)
    first.record(trial, 0.4)
    second = opened(url)
    assert second.settled() == 1
    while trials := take(second):
        second.record(trials[0], 0.5)
    assert losses(second.finished()) == ["huber", "mape", "smape"]
    assert len(second.study.trials) == 3


def test_a_failed_trial_counts_and_says_why(url):
    study = opened(url)
    (bad,) = take(study)
    study.record_failure(bad, "training diverged in epoch 3")
    while trials := take(study):
        study.record(trials[0], 0.5)
    assert study.failures() == {bad.number: "training diverged in epoch 3"}
    assert study.settled() == 3
    assert len(study.finished()) == 2
    assert study.study.trials[bad.number].state is TrialState.FAIL


def test_a_killed_trial_is_run_again(url):
    killed = opened(url)
    (lost,) = take(killed)  # and then no heartbeat more
    study = opened(url)
    while trials := take(study):
        study.record(trials[0], 0.5)
    assert losses(study.finished()) == ["huber", "mape", "smape"]
    assert study.study.trials[lost.number].state is TrialState.FAIL
    assert study.failures() == {}
    assert study.settled() == 3
    assert len(study.study.trials) == 4


def test_a_trial_killed_before_it_had_parameters_is_run_again(url):
    killed = opened(url)
    killed.take(1, 3)
    study = opened(url)
    while trials := take(study):
        study.record(trials[0], 0.5)
    assert losses(study.finished()) == ["huber", "mape", "smape"]


def test_a_trial_killed_before_its_first_heartbeat_is_run_again(url, monkeypatch):
    killed = opened(url)
    with module.quiet():
        killed.study.ask()
    study = opened(url)
    study._fail_stale()
    assert [t.state for t in study.study.trials] == [TrialState.RUNNING]
    monkeypatch.setattr(module, "UNMARKED_SECONDS", 0)
    while trials := take(study):
        study.record(trials[0], 0.5)
    assert losses(study.finished()) == ["huber", "mape", "smape"]
    assert len(study.study.trials) == 4


def test_ctrl_c_may_be_pressed_any_number_of_times(url):
    study = opened(url)
    for _ in range(6):
        (trial,) = take(study)
        with pytest.raises(KeyboardInterrupt), study.alive([trial]):
            raise KeyboardInterrupt
    assert study.settled() == 0
    while trials := take(study):
        study.record(trials[0], 0.5)
    assert losses(study.finished()) == ["huber", "mape", "smape"]


def test_a_living_trial_of_another_process_is_left_alone(url):
    other = opened(url)
    (running,) = take(other)
    study = opened(url)
    with other.alive([running]):
        for _ in range(2):
            (mine,) = take(study)
            study.record(mine, 0.5)
        time.sleep(3)
        study._fail_stale()
        assert study.study.trials[running.number].state is TrialState.RUNNING
        other.record(running, 0.1)
    assert take(study) == []
    assert losses(study.finished()) == ["huber", "mape", "smape"]
    assert len(study.study.trials) == 3


def test_a_heartbeat_that_fails_is_not_the_last(url, monkeypatch):
    study = opened(url)
    (running,) = take(study)
    beats = []
    fault = optuna.exceptions.StorageInternalError("the database is locked")

    def fail_once(trial_id):
        beats.append(trial_id)
        if len(beats) == 1:
            raise fault

    monkeypatch.setattr(study._storage, "record_heartbeat", fail_once)
    with study.alive([running]):
        time.sleep(1.5)
    assert len(beats) == 2


def test_an_interrupted_trial_is_run_again_at_once(url):
    study = opened(url)
    (trial,) = take(study)
    with pytest.raises(KeyboardInterrupt), study.alive([trial]):
        raise KeyboardInterrupt
    again = opened(url)
    started = time.monotonic()
    (retried,) = take(again)
    assert retried.params == trial.params
    assert time.monotonic() - started < 2


def test_what_was_recorded_before_an_interruption_stays(url):
    study = opened(url)
    trials = take(study, max_trials=2)

    def interrupted():
        with study.alive(trials):
            study.record(trials[0], 0.5)
            raise SystemExit(130)

    with pytest.raises(SystemExit):
        interrupted()
    assert [trial.number for trial in study.finished()] == [trials[0].number]
    assert study.settled() == 1
    (retried,) = take(study)
    assert retried.params == trials[1].params


def test_what_has_no_finished_run_is_missing_by_name_and_asked_for_again(url):
    study = opened(url)
    study.record_total(3)
    (good,) = take(study)
    study.record(good, 0.5)
    (bad,) = take(study)
    study.record_failure(bad, "diverged")
    found = missing(study.study.trials, 3)
    (left,) = set(GRID["loss"]) - {good.params["loss"], bad.params["loss"]}
    assert [(each.name, each.reason, each.trial) for each in found] == [
        (f"loss={bad.params['loss']}", "diverged", bad.number),
        (f"loss={left}", "not run yet", None),
    ]
    later = opened(url)
    while trials := take(later):
        later.record(trials[0], 0.5)
    assert losses(later.finished()) == ["huber", "mape", "smape"]
    assert missing(later.study.trials, 3) == []
    assert later.failures() == {}
    assert later.settled() == 3


def test_a_trial_that_was_killed_too_often_is_missing_until_it_is_asked_for_again(url, monkeypatch):
    monkeypatch.setattr(module, "MAX_RETRIES", 0)
    killed = opened(url)
    (lost,) = take(killed)
    time.sleep(3)
    study = SweepStudy("losses", url, GridSampler(GRID), "a")
    while trials := take(study):
        study.record(trials[0], 0.5)
    (found,) = missing(study.study.trials, 3)
    assert (found.name, found.reason) == (f"loss={lost.params['loss']}", "killed before it ended")
    again = opened(url)
    (retried,) = take(again)
    assert retried.params == lost.params
    again.record(retried, 0.5)
    assert missing(again.study.trials, 3) == []


def test_two_processes_that_queue_the_same_failure_leave_nothing_out(url):
    study = opened(url)
    (bad,) = take(study)
    study.record_failure(bad, "diverged")
    failed = study.study.trials[bad.number]
    for _ in range(2):  # as without the lock that a file has
        study._queue_again(failed)
    while trials := take(study):
        study.record(trials[0], 0.5)
    assert set(losses(study.finished())) == {"huber", "mape", "smape"}
    assert study.settled() == 3


def test_a_search_without_a_grid_names_the_trials_that_failed(url):
    study = SweepStudy("tune", url, RandomSampler(seed=0), "a")
    (trial,) = study.take(1, 5)
    rate = trial.suggest_float("rate", 0, 1)
    study.record_failure(trial, "diverged")
    names = [(each.name, each.reason) for each in missing(study.study.trials, 5)]
    assert names == [(f"rate={rate}", "diverged"), ("4 more of 5", "not run yet")]


def test_trials_that_all_failed_are_tried_again_later(url):
    study = opened(url)
    while trials := take(study):
        study.record_failure(trials[0], "train.csv: no such file")
    assert study.settled() == 3
    later = opened(url)
    assert later.settled() == 0
    while trials := take(later):
        later.record(trials[0], 0.5)
    assert losses(later.finished()) == ["huber", "mape", "smape"]


def test_a_resumed_search_does_not_draw_the_same_again(url):
    drawn = []
    for _ in range(2):
        study = SweepStudy("tune", url, RandomSampler(seed=0), "a")
        (trial,) = study.take(1, 10)
        drawn.append(trial.suggest_float("x", 0, 1))
        study.record(trial, 0.5)
    assert drawn[0] != drawn[1]


def test_another_sweep_of_the_same_name_is_refused(url):
    opened(url)
    opened(url)
    with pytest.raises(ConfigError, match="study=losses: holds the trials of another sweep"):
        opened(url, made_from="b")


def test_databases_that_cannot_be_used(tmp_path):
    with pytest.raises(ConfigError, match="storage=nonsense"):
        opened("nonsense")
    with pytest.raises(UserError, match="cannot be used") as caught:
        opened("postgresql://user:secret@localhost:1/studies")
    assert "secret" not in str(caught.value)
    with pytest.raises(ConfigError, match="storage=nodialect://user:") as caught:
        opened("nodialect://user:secret@localhost:1/studies")
    assert "secret" not in str(caught.value)
    for url in (
        "postgresql://localhost:1/studies?user=u&password=secret",
        "postgresql:/user:secret@localhost:1/studies",
        "user:secret@localhost:1/studies",
        "postgresql://user:secret@localhost:port/studies",
        "postgresql://user:se@secret@localhost:1/studies",
    ):
        with pytest.raises(UserError, match="storage=") as caught:
            opened(url)
        assert "secret" not in str(caught.value)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be used"):
        opened(f"sqlite:///{tmp_path / 'file' / 'studies.db'}")


def test_the_dashboard_reads_the_study(url):
    from optuna_dashboard import wsgi

    study = opened(url)
    (trial,) = take(study)
    study.record(trial, 0.25)
    statuses = []

    def start_response(status, headers, exc_info=None):
        statuses.append(status)

    request = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/api/studies",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
    }
    app = wsgi(optuna.storages.RDBStorage(url))
    body = b"".join(app(request, start_response))
    assert statuses == ["200 OK"]
    assert b'"losses"' in body
