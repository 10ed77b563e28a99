"""A sweep of two processes, as of two machines, on one study in PostgreSQL."""

import contextlib
import signal
import subprocess
import sys

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState
from sweeping.postgresql_server import PASSWORD, postgresql
from sweeping.sweep_runs import command, environment, sweep, wait_for

from product_length.errors import UserError
from product_length.sweeping.study import SweepStudy

pytestmark = pytest.mark.slow
GRID = ["sweep=losses", "loss=mape,huber", "features.use_log_target=true", "seed=1,2"]


@pytest.fixture(scope="module")
def url():
    with postgresql() as found:
        yield found


def start(folder, url):
    """The sweep in a folder of its own, with a cache of its own."""
    folder.mkdir()
    words = [*GRID, "trainer.max_epochs=6", "storage=${oc.env:STORAGE}"]
    variables = {"PRODUCT_LENGTH_CACHE": str(folder / "cache"), "STORAGE": url}
    return subprocess.Popen(
        command(*words),
        cwd=folder,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextlib.contextmanager
def connected(url):
    """A storage whose connections end with the block."""
    storage = optuna.storages.RDBStorage(url)
    yield storage
    storage.remove_session()
    storage.engine.dispose()


def test_one_of_two_is_killed_and_the_other_finishes(url, tmp_path):
    one, other = start(tmp_path / "one", url), start(tmp_path / "other", url)
    wait_for(tmp_path / "one", "epoch 1/6", one)
    one.send_signal(signal.SIGKILL)
    said_before = one.communicate()[0]
    said = other.communicate()[0]
    assert other.returncode == 0, said
    assert "4 of 4 trials" in said
    with connected(url) as storage:
        found = optuna.load_study(study_name="mine", storage=storage).trials
    done = [trial for trial in found if trial.state is TrialState.COMPLETE]
    points = {(trial.params["loss"], trial.params["seed"]) for trial in done}
    assert len(done) == len(points) == 4
    killed = [trial for trial in found if trial.state is TrialState.FAIL]
    assert len(killed) == 1
    assert (tmp_path / "one" / "multirun" / "mine" / str(killed[0].number)).is_dir()

    # The same command on the other machine: nothing is left to do, and its page has its own runs.
    again = sweep(tmp_path / "other", *GRID, "trainer.max_epochs=6", f"storage={url}")
    assert "4 of 4 trials are there" in again
    report = [sys.executable, "-m", "product_length.report", "one/multirun/mine"]
    report += ["other/multirun/mine"]
    subprocess.run(report, cwd=tmp_path, check=True, capture_output=True)

    assert not (tmp_path / "other" / "multirun" / "studies.db").exists()
    assert PASSWORD not in said_before + said + again
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert not [path for path in files if PASSWORD.encode() in path.read_bytes()]


def test_a_wrong_password_is_told_and_not_shown(url, tmp_path):
    wrong = url.replace(PASSWORD, "Kx9wrong8word")
    said = sweep(tmp_path, *GRID, f"storage={wrong}", code=1)
    assert "the studies' database cannot be used" in said
    assert "password authentication failed" in said
    assert "Kx9wrong8word" not in said


def test_the_last_trial_is_taken_once(url):
    """By eight threads that ask at the same time, each with a connection of its own."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    studies = [SweepStudy("last", url, RandomSampler(seed=0), "a") for _ in range(8)]
    barrier = Barrier(len(studies))

    def take(study):
        barrier.wait()
        for trial in (taken := study.take(1, 3)):
            study.record(trial, 0.5)
        study._storage.remove_session()
        return taken

    with ThreadPoolExecutor(len(studies)) as pool:
        found = [trial for taken in pool.map(take, studies) for trial in taken]
    with connected(url) as storage:
        trials = optuna.load_study(study_name="last", storage=storage).trials
    assert len(found) == len(trials) == 3
    for study in studies:
        study._storage.remove_session()
        study._storage.engine.dispose()


def test_a_driver_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r"storage=postgresql\+psycopg://u:\*\*\*@h/db: the driver"):
        SweepStudy("x", "postgresql+psycopg://u:secret@h/db", RandomSampler(), "a")
