"""Whole sweeps: real processes, a real database, real launchers, real offline W&B runs."""

import csv
import json
import re
import signal
import subprocess
import time

import pytest
from optuna.trial import TrialState
from sweeping.sweep_runs import (
    command,
    config_of,
    environment,
    sweep,
    trials,
    two_at_once,
    wait_for,
)
from tracking.transaction_log import read_run, table

from product_length.evaluation.report import load_report

GRID = ["sweep=losses", "loss=mape,huber", "features.use_log_target=true"]
# What a job script may set for one run, and every trial of a sweep would take for its own.
OF_ONE_RUN = {
    "WANDB_RUN_ID": "one",
    "WANDB_NAME": "one",
    "WANDB_RESUME": "allow",
    "WANDB_RUN_GROUP": "one",
    "WANDB_SWEEP_ID": "one",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A sweep of two losses and two rates, one of which makes Huber diverge, followed offline."""
    folder = tmp_path_factory.mktemp("sweep")
    rates = "trainer.learning_rate=1e-3,1e30"
    given = [*GRID, rates, "seed=1"]
    output = sweep(folder, *given, tracking="wandb", variables=OF_ONE_RUN, code=1)
    return folder, output


def recipes(path):
    with (path / "comparison.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_failed_trial_is_recorded_with_its_reason_and_the_sweep_goes_on(finished):
    folder, output = finished
    found = trials(folder)
    failed = [trial for trial in found if trial.state is TrialState.FAIL]
    assert len(found) == 4
    assert 1 <= len(failed) <= 2
    for trial in failed:
        assert trial.params["trainer.learning_rate"] == 1e30
        assert "diverged" in trial.user_attrs["outcome"]
        run = folder / "multirun" / "mine" / str(trial.number)
        assert "diverged" in (run / "failure.txt").read_text(encoding="utf-8")
        assert not (run / "report.json").exists()
    assert f"4 of 4 trials, {len(failed)} failed" in output
    comparison = (folder / "multirun" / "mine" / "comparison.md").read_text(encoding="utf-8")
    assert "diverged" in comparison


def test_what_is_missing_is_named(finished):
    folder, output = finished
    path = folder / "multirun" / "mine"
    failed = [trial for trial in trials(folder) if trial.state is TrialState.FAIL]
    listed = list(csv.DictReader((path / "missing.csv").read_text(encoding="utf-8").splitlines()))
    assert [int(line["trial"]) for line in listed] == [trial.number for trial in failed]
    said = output[output.index("error: ") :]
    assert f"error: {len(failed)} combination(s) of mine have no finished run" in said
    page = (path / "comparison.html").read_text(encoding="utf-8")
    markdown = (path / "comparison.md").read_text(encoding="utf-8").replace("\\", "")
    for trial, line in zip(failed, listed, strict=True):
        name = f"loss={trial.params['loss']} trainer.learning_rate=1e+30"
        assert line["name"] == name
        assert all(name in text for text in (said, page, markdown))
    assert f"; {len(failed)} combination" in markdown.splitlines()[0]


def test_the_sweep_leaves_its_comparison(finished):
    folder, _ = finished
    path = folder / "multirun" / "mine"
    rows = recipes(path)
    done = [t for t in trials(folder) if t.state is TrialState.COMPLETE]
    assert len(rows) == len(done)
    assert [float(row["val_mape"]) for row in rows] == sorted(
        load_report(path / str(t.number)).val.metrics.mape.value for t in done
    )
    assert "<html" in (path / "comparison.html").read_text(encoding="utf-8")
    assert (path / "optimization_results.yaml").exists()


def test_a_trial_returns_its_val_mape_and_names_its_folder(finished):
    folder, _ = finished
    for trial in trials(folder):
        run = folder / "multirun" / "mine" / str(trial.number)
        config = config_of(run)
        assert config["loss"]["name"] == trial.params["loss"]
        assert config["study"] == "mine"
        assert "storage" not in config
        if trial.state is TrialState.COMPLETE:
            report = json.loads((run / "report.json").read_text())
            assert trial.value == pytest.approx(
                report["splits"]["val"]["metrics"]["values"]["mape"]["value"]
            )


def test_test_rows_are_shown_for_the_chosen_recipe_only(finished):
    folder, output = finished
    path = folder / "multirun" / "mine"
    before, after = output.split("Recipes, best val MAPE first")
    # How many test products hold what training did not is no metric.
    lines = [line for line in before.splitlines() if " test: " not in line]
    assert not re.search(r"\btest\b(?! rows)", re.sub(r"\d+ test rows?", "", "\n".join(lines)))
    assert "Test metrics of the best recipe" in after
    best, *others = recipes(path)
    assert best["test_mape"]
    assert not any(row["test_mape"] for row in others)
    for trial in trials(folder):
        logged = read_run(path / str(trial.number))
        assert not [key for key in logged.summary if key.startswith("test")]
        assert not [key for row in logged.history for key in row if key.startswith("test")]
        if trial.state is TrialState.COMPLETE:
            report = json.loads((path / str(trial.number) / "report.json").read_text())
            assert set(report["splits"]) == {"val", "test"}


def test_what_was_done_once_is_not_done_again(finished):
    folder, output = finished
    seconds = [
        json.loads((run / "report.json").read_text())["seconds_before_first_step"]
        for t in trials(folder)
        if ((run := folder / "multirun" / "mine" / str(t.number)) / "report.json").exists()
    ]
    assert all(value > 0 for value in seconds)
    assert output.count("lsa: 400 rows") == 4
    assert output.count("reused") >= 3


def test_each_trial_is_a_run_of_the_studys_group_and_the_last_sums_up(finished):
    folder, _ = finished
    path = folder / "multirun" / "mine"
    for trial in trials(folder):
        logged = read_run(path / str(trial.number))
        assert logged.run.run_group == "mine"
        assert logged.config["loss"]["name"] == trial.params["loss"]
        assert f"loss={trial.params['loss']}" in logged.config["overrides"]
        assert f"loss={trial.params['loss']}" in logged.run.display_name
        assert "study=" not in logged.run.display_name
        failed = trial.state is TrialState.FAIL
        assert logged.exit_code == int(failed)
        if not failed:
            epochs = [row for row in logged.history if "val/mape" in row]
            assert [row["epoch"] for row in epochs] == [1, 2]
            assert logged.summary["val/mape"] == pytest.approx(trial.value)
            assert any("page/Signed error" in row for row in logged.history)
            cell = next(row["val/worst"] for row in logged.history if "val/worst" in row)
            worst = table(path / str(trial.number), cell)
            assert worst["columns"][:3] == ["product_id", "type", "true length (1/100 inch)"]
            assert len(worst["data"]) == 25
    summary = read_run(path)
    runs = [summary, *(read_run(path / str(trial.number)) for trial in trials(folder))]
    assert len({logged.run.run_id for logged in runs} - {"one"}) == len(runs)
    assert len({logged.run.display_name for logged in runs} - {"one"}) == len(runs)
    assert not any(logged.run.sweep_id for logged in runs)
    assert summary.run.run_group == "mine"
    assert summary.run.display_name == "mine: summary"
    cell = next(row["recipes"] for row in summary.history if "recipes" in row)
    shown = table(path, cell)
    assert len(shown["data"]) == len(recipes(path))
    assert any("comparison" in row for row in summary.history)
    assert summary.summary["best"]["val_mape"] == pytest.approx(float(recipes(path)[0]["val_mape"]))


def test_the_same_command_runs_what_is_missing_and_nothing_else(finished):
    folder, _ = finished
    before = trials(folder)
    done = [t.number for t in before if t.state is TrialState.COMPLETE]
    stamps = _stamps(folder, done)
    rates = "trainer.learning_rate=1e-3,1e30"
    output = sweep(folder, *GRID, rates, "seed=1", "tracking=none", code=1)
    assert f"{len(done)} of 4 trials are there" in output
    after = trials(folder)
    again = [t.params for t in after[len(before) :]]
    assert again == [t.params for t in before if t.state is TrialState.FAIL]
    assert _stamps(folder, done) == stamps


def _stamps(folder, numbers):
    reports = [folder / "multirun" / "mine" / str(number) / "report.json" for number in numbers]
    return [report.stat().st_mtime_ns for report in reports]


@pytest.mark.slow
def test_a_combination_that_can_run_now_is_no_longer_missing(tmp_path):
    text = "PRODUCT_ID,TITLE,BULLET_POINTS,DESCRIPTION,PRODUCT_TYPE_ID,PRODUCT_LENGTH\n"
    text += "".join(f"{i},shelf {i * i} cm,,,{i % 3},{100 + i}\n" for i in range(300))
    (tmp_path / "a.csv").write_text(text)
    words = ["sweep=losses", "data=amazon2023", "data.path=a.csv,b.csv", "seed=1"]
    words = [*words, "loss=mape", "features.use_log_target=true"]
    output = sweep(tmp_path, *words, demo=False, code=1)
    path = tmp_path / "multirun" / "mine"
    assert "  - data.path=b.csv" in output
    assert "data.path=b.csv" in (path / "missing.csv").read_text()
    stamps = _stamps(tmp_path, [t.number for t in trials(tmp_path) if t.value is not None])

    (tmp_path / "b.csv").write_text(text.replace("shelf", "board"))
    output = sweep(tmp_path, *words, demo=False)
    assert "without a finished run, run again (1): data.path=b.csv" in output
    found = trials(tmp_path)
    done = [t for t in found if t.state is TrialState.COMPLETE]
    assert sorted(t.params["data.path"] for t in done) == ["a.csv", "b.csv"]
    assert len(found) == 3
    assert _stamps(tmp_path, [done[0].number]) == stamps
    assert not (path / "missing.csv").exists()
    assert "(has finished in another folder)" in output

    (path / str(done[1].number) / "report.json").unlink()
    output = sweep(tmp_path, *words, demo=False)
    assert "Finished, but its folder is not here (1): data.path=b.csv" in output
    assert "Finished, but" in (path / "comparison.html").read_text()


def test_killed_in_mid_trial_it_goes_on_to_its_full_count(tmp_path):
    words = [*GRID, "seed=1,2", "trainer.max_epochs=3"]
    cache = {"PRODUCT_LENGTH_CACHE": str(tmp_path / "cache")}
    process = subprocess.Popen(
        command(*words),
        cwd=tmp_path,
        env=environment(**cache),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(tmp_path, "epoch 1/3", process, trial="1")
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    before = trials(tmp_path)
    done = [t.number for t in before if t.state is TrialState.COMPLETE]
    assert done == [0]
    reports = {n: (tmp_path / f"multirun/mine/{n}/report.json").stat().st_mtime_ns for n in done}

    sweep(tmp_path, *words)
    after = trials(tmp_path)
    complete = [t for t in after if t.state is TrialState.COMPLETE]
    points = {(t.params["loss"], t.params["seed"]) for t in complete}
    assert len(complete) == 4
    assert points == {(loss, seed) for loss in ("mape", "huber") for seed in (1, 2)}
    assert [t.number for t in after if t.state is TrialState.FAIL] == [1]
    for number, stamp in reports.items():
        path = tmp_path / f"multirun/mine/{number}/report.json"
        assert path.stat().st_mtime_ns == stamp
    assert [row["seeds"] for row in recipes(tmp_path / "multirun" / "mine")] == ["1;2", "1;2"]


@pytest.mark.parametrize("words", [GRID, ["loss=mape,huber", "study=null"]], ids=["study", "grid"])
def test_ctrl_c_ends_the_sweep_not_only_the_trial(tmp_path, words):
    process = subprocess.Popen(
        command(*words, "seed=1", "trainer.max_epochs=5000", "trainer.patience=5000"),
        cwd=tmp_path,
        env=environment(PRODUCT_LENGTH_CACHE=str(tmp_path / "cache")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    wait_for(tmp_path, "epoch 3/5000", process)
    process.send_signal(signal.SIGINT)
    output = process.stdout.read()
    process.stdout.close()
    assert process.wait() == 130
    assert "continue with trainer.resume=" in output
    assert "Traceback" not in output
    assert len(list((tmp_path / "multirun").glob("**/config.yaml"))) == 2  # and .hydra's
    if "sweep=losses" in words:
        states = [trial.state for trial in trials(tmp_path)]
        assert states == [TrialState.FAIL, TrialState.WAITING]


@pytest.mark.parametrize(
    "launcher",
    [
        ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
        pytest.param(
            ["hydra/launcher=submitit_local", "hydra.sweeper.n_jobs=2"], marks=pytest.mark.slow
        ),
    ],
    ids=["joblib", "submitit"],
)
def test_two_workers_share_a_cold_cache(tmp_path, launcher):
    started = time.time()
    output = sweep(tmp_path, *GRID, "seed=1", "features=knn", *launcher)
    output += "".join(path.read_text() for path in tmp_path.rglob(".submitit/**/*_log.*"))
    found = trials(tmp_path)
    assert [t.state for t in found] == [TrialState.COMPLETE] * 2
    # Two different processes ran at the same time, and each artefact was made once.
    for kind, count in {"catalogue": 1, "embeddings": 1, "neighbours": 1}.items():
        manifests = list((tmp_path / "cache" / kind).glob("*/manifest.json"))
        assert len(manifests) == count, kind
        assert all(path.stat().st_mtime >= started for path in manifests)
    rows = {
        number: json.loads((tmp_path / f"multirun/mine/{number}/report.json").read_text())["data"]
        for number in (0, 1)
    }
    assert rows[0]["fingerprint"] == rows[1]["fingerprint"]
    # One of them encodes and searches, the other finds both.
    assert (output.count(" texts encoded), "), output.count(" dimensions, reused, ")) == (1, 1)
    assert (output.count("neighbours: searched"), output.count("neighbours: reused")) == (1, 1)
    assert not list((tmp_path / "cache").rglob("*.partial"))


@pytest.mark.slow
def test_two_processes_work_on_one_study(tmp_path):
    words = [*GRID, "seed=1,2"]
    outputs = two_at_once(tmp_path, *words)
    found = trials(tmp_path)
    assert [trial.state for trial in found] == [TrialState.COMPLETE] * 4
    assert len({(trial.params["loss"], trial.params["seed"]) for trial in found}) == 4
    assert all("4 of 4 trials" in output for output in outputs)
    assert [row["seeds"] for row in recipes(tmp_path / "multirun" / "mine")] == ["1;2", "1;2"]


def test_runs_whose_database_is_gone_are_not_written_over(tmp_path):
    (tmp_path / "multirun" / "mine" / "0").mkdir(parents=True)
    (tmp_path / "multirun" / "mine" / "0" / "config.yaml").touch()
    output = sweep(tmp_path, *GRID, code=1)
    assert (
        "error: study=mine: its database holds no trials, but multirun/mine holds 1 run(s)"
        in output
    )
    assert not (tmp_path / "multirun" / "mine" / "1").exists()


@pytest.mark.slow
def test_a_plain_grid_is_compared_too(tmp_path):
    sweep(tmp_path, "loss=mape,huber", "study=null", "hydra.sweep.dir=grid")
    assert len(recipes(tmp_path / "grid")) == 2
    assert not (tmp_path / "multirun").exists()


@pytest.mark.slow
def test_a_sweep_that_cannot_succeed_ends_early(tmp_path):
    output = sweep(tmp_path, *GRID, "seed=1,2", "trainer.resume=/nowhere/last.ckpt", code=1)
    assert "error: the first 3 trials of mine failed: " in output
    assert "/nowhere/last.ckpt" in output
    assert len(trials(tmp_path)) == 3


def test_a_trial_that_has_no_configuration_is_recorded_and_the_sweep_goes_on(tmp_path):
    words = [
        "sweep=losses",
        "features.use_log_target=true",
        "loss=mape",
        "seed=1",
        "model=mlp,residual_mlp",
        "model.hidden=[8]",
    ]
    output = sweep(tmp_path, *words, traceback=True, code=1)
    assert "  - model=residual_mlp: " in output
    by_model = {trial.params["model"]: trial for trial in trials(tmp_path)}
    assert by_model["mlp"].state is TrialState.COMPLETE
    assert by_model["residual_mlp"].state is TrialState.FAIL
    assert "hidden" in by_model["residual_mlp"].user_attrs["outcome"]


@pytest.mark.slow
def test_a_histogram_is_swept_with_one_target_only(tmp_path):
    sweep(tmp_path, "sweep=losses", "loss=histogram,rmsle", "seed=1")
    run = {(t.params["loss"], t.params["features.use_log_target"]): t for t in trials(tmp_path)}
    assert len(run) == 4
    left_out = run.pop(("histogram", True))
    assert left_out.state is TrialState.PRUNED
    assert all(trial.state is TrialState.COMPLETE for trial in run.values())
    assert len(recipes(tmp_path / "multirun/mine")) == 3
