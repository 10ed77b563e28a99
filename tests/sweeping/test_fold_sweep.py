"""`sweep=folds` as a person starts it: real trainings, killed and taken up again."""

import csv
import json
import re
import signal
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from builders import job
from optuna.trial import TrialState
from sweeping.sweep_runs import command, config_of, environment, sweep, trials

from product_length import pipeline
from product_length.artefacts import ArtefactStore
from product_length.catalogue import prepare
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.split import TEST, assign_splits
from product_length.comparison.compare import compare
from product_length.comparison.runs import find_run_folders, load_runs
from product_length.errors import UserError
from product_length.experiment import Experiment

FOLDS = 3
WORDS = ["sweep=folds", f"data.split.folds={FOLDS}", "loss=mape,histogram", "data.rows=300"]
WORDS += ["data.types=6", "trainer.max_epochs=1", "evaluation.baselines=true"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A sweep of two recipes by three folds, killed in its third run: its folder, both outputs."""
    folder = tmp_path_factory.mktemp("folds")
    process = subprocess.Popen(
        command(*WORDS, demo=False),
        cwd=folder,
        env=environment(PRODUCT_LENGTH_CACHE=str(folder / "cache")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    before = ""
    for line in process.stdout:
        before += line
        if "3 of 6: fold" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("report.json")}
    after = sweep(folder, *WORDS, demo=False)
    return folder, before, after, stamps


@pytest.mark.slow
def test_a_killed_sweep_goes_on_to_all_folds(finished):
    folder, _, after, stamps = finished
    assert len(stamps) == 2
    assert "2 of 6 trials are there" in after
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    done = [trial for trial in trials(folder) if trial.state is TrialState.COMPLETE]
    assert sorted((t.params["loss"], t.params["data.split.fold"]) for t in done) == [
        (loss, fold) for loss in ("histogram", "mape") for fold in range(FOLDS)
    ]


@pytest.mark.slow
def test_the_console_says_which_fold_of_which_recipe_and_how_long(finished):
    _, before, after, _ = finished
    lines = re.findall(r"(\d) of 6: fold (\d) of 0–2, (loss=\w+)", before + after)
    assert [number for number, *_ in lines] == ["1", "2", "3", "3", "4", "5", "6"]
    assert len({(fold, loss) for _, fold, loss in lines}) == 6
    assert re.search(r"4 of 6 trials; about .* left", after)
    assert "best val MAPE" not in after  # of one fold, it says nothing
    assert not list(finished[0].rglob("optimization_results.yaml"))
    assert not list(finished[0].glob("multirun/mine/*.png"))  # nothing was searched


@pytest.mark.slow
def test_each_row_is_predicted_by_the_model_that_did_not_see_its_fold(finished):
    folder, *_ = finished
    path = folder / "multirun" / "mine"
    run = config_of(path / "0")
    words = ["data=demo", "data.rows=300", "data.types=6"]
    experiment = job("train", Experiment, *words)
    catalogue = open_catalogue(experiment.data, ArtefactStore(folder / "elsewhere"))
    ids = catalogue.product_ids.to_pylist()
    split = experiment.data.split.model_copy(update={"folds": FOLDS})
    fold_of = {}
    for fold in range(FOLDS):
        here = assign_splits(catalogue.text_keys, split.model_copy(update={"fold": fold})) == TEST
        fold_of |= {ids[row]: fold for row in np.flatnonzero(here)}
    assert run["data"]["split"]["folds"] == FOLDS
    assert len(fold_of) == catalogue.lengths.size == 300
    with (path / "comparison.csv").open(newline="") as file:
        recipes = {line["recipe"]: line for line in csv.DictReader(file)}
    for loss in ("mape", "histogram"):
        kept = pq.read_table(path / "out_of_fold" / f"loss={loss}_seed0.parquet").to_pydict()
        assert dict(zip(kept["PRODUCT_ID"], kept["fold"], strict=True)) == fold_of
        by_fold = {}
        for number in recipes[f"loss={loss}"]["runs"].split(";"):
            config = config_of(folder / number)
            assert config["loss"]["name"] == loss
            rows = pq.read_table(folder / number / "predictions_test.parquet").to_pydict()
            by_fold[config["data"]["split"]["fold"]] = dict(
                zip(rows["PRODUCT_ID"], rows["prediction"], strict=True)
            )
        truth = dict(zip(kept["PRODUCT_ID"], kept["length"], strict=True))
        errors = [abs(by_fold[fold_of[i]][i] - truth[i]) / truth[i] for i in ids]
        assert float(recipes[f"loss={loss}"]["out_of_fold_mape"]) == pytest.approx(
            np.mean(errors), rel=1e-6
        )


@pytest.mark.slow
def test_coverage_and_baselines_are_of_all_rows(finished):
    folder, *_ = finished
    path = folder / "multirun" / "mine"
    with (path / "comparison.csv").open(newline="") as file:
        recipes = {line["recipe"]: line for line in csv.DictReader(file)}
    assert recipes["loss=mape"]["coverage"] == ""
    reports = [
        json.loads((folder / run / "report.json").read_text())["splits"]["test"]
        for run in recipes["loss=histogram"]["runs"].split(";")
    ]
    parts = [report["intervals"]["overall"] for report in reports]
    held = sum(round(part["coverage"] * part["rows"]) for part in parts)
    assert sum(part["rows"] for part in parts) == 300
    assert float(recipes["loss=histogram"]["coverage"]) == pytest.approx(held / 300)
    text = (path / "comparison.md").read_text().replace("\\", "")
    assert f"{100 * held / 300:.1f}%" in text
    constant = sum(
        report["baselines"]["constant"]["metrics"]["values"]["mape"]["value"] * part["rows"]
        for report, part in zip(reports, parts, strict=True)
    )
    assert f"| constant | {constant / 3:.1f}% |" in text


@pytest.mark.slow
def test_the_report_of_its_folder_is_the_same(finished):
    folder, *_ = finished
    done = subprocess.run(
        [sys.executable, "-m", "product_length.report", "multirun/mine", "--output", "again"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = folder / "multirun" / "mine", folder / "again"
    for name in ("comparison.md", "comparison.csv", "comparison.html"):
        assert (first / name).read_text() == (second / name).read_text()
    names = sorted(path.name for path in (first / "out_of_fold").iterdir())
    assert sorted(path.name for path in (second / "out_of_fold").iterdir()) == names


@pytest.mark.slow
def test_folds_that_overlap_are_caught(tmp_path, monkeypatch):
    """The bug that cross-validation fears: rows that one model is scored on, another was, too."""

    def overlapping(keys, options):
        split = assign_splits(keys, options)
        split[:20] = TEST
        return split

    monkeypatch.setattr(prepare, "assign_splits", overlapping)
    for fold in range(2):
        words = [
            *["data.rows=200", "data.types=5", "embeddings.encoders.lsa.dimensions=8"],
            *["model.hidden=[8]", "trainer=cpu", "trainer.max_epochs=1", "tracking=none"],
            *["trainer.progress=false", "evaluation.resamples=100", f"cache_dir={tmp_path / 'c'}"],
            *["data.split.folds=2", f"data.split.fold={fold}"],
        ]
        pipeline.run(job("train", Experiment, *words), tmp_path / "runs" / str(fold), words)
    with pytest.raises(UserError, match=r"20 products \(.*\) in several folds"):
        compare(load_runs(find_run_folders([tmp_path / "runs"]))[0])


@pytest.mark.slow
def test_a_fold_that_fails_is_named_and_its_recipe_left_out(tmp_path):
    words = ["sweep=folds", "data.split.folds=2", "trainer.learning_rate=1e-3,1e30", "loss=huber"]
    output = sweep(tmp_path, *words, "features.use_log_target=true", code=1)
    assert "combination(s) of mine have no finished run" in output
    assert "  - data.split.fold=0 trainer.learning_rate=1e+30: training diverged" in output
    page = (tmp_path / "multirun/mine/comparison.html").read_text()
    assert "Missing, no finished run" in page
    with (tmp_path / "multirun/mine/comparison.csv").open(newline="") as file:
        (only,) = csv.DictReader(file)
    assert "trainer.learning_rate=0.001" in only["overrides"]
