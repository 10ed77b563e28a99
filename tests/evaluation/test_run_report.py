import json
import math
import subprocess
from dataclasses import replace

import pytest
from pydantic import ValidationError
from run_folders import FINGERPRINT, write_run

import product_length
from product_length.catalogue.units import CatalogueUnit
from product_length.errors import UserError
from product_length.evaluation.bands import Bands
from product_length.evaluation.estimates import Estimate
from product_length.evaluation.quantity import Quantity
from product_length.evaluation.records import SCHEMA_VERSION, Report, Versions
from product_length.evaluation.report import (
    UnfinishedRunError,
    build_report,
    load_report,
    write_report,
)
from product_length.evaluation.summary import summary
from product_length.evaluation.versions import git_state, software_versions


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return folder, write_run(folder, overrides=["loss=mape", "seed=3"], seed=3, max_length=5000)


def edit(folder, tmp_path, change):
    content = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    change(content)
    (tmp_path / "report.json").write_text(json.dumps(content), encoding="utf-8")
    return tmp_path


def test_round_trip(run):
    folder, report = run
    assert load_report(folder) == report
    assert report.data.fingerprint == FINGERPRINT
    assert report.overrides == ["loss=mape", "seed=3"]
    assert report.val.metrics.rows == 400
    assert report.splits["test"].metrics.rows == 200
    assert set(report.val.baselines) == {"best_constant", "type_median", "tfidf_ridge"}
    assert report.truncated_shares == {"minilm": 0.031, "lsa": None}
    assert list(report.timings) == ["catalogue", "embeddings", "train"]


def test_file_is_plain_json_with_what_the_design_promises(run):
    content = json.loads((run[0] / "report.json").read_text(encoding="utf-8"))
    assert content["schema_version"] == SCHEMA_VERSION
    band = content["splits"]["val"]["metrics"]["bands"][2]
    assert band["band"] == "100–500"
    of_band = band["values"]["mape"]
    assert of_band["low"] < of_band["value"] < of_band["high"]
    assert "verdict" in content["splits"]["test"]["baselines"]["type_median"]["difference"]
    assert content["data"]["reading"]["dropped"]["no length"]["count"] == 2
    assert content["splits"]["val"]["oracle"]["difference"]["low"] > 0


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (None, None, "all lengths"),
        (None, 5000.0, "lengths ≤ 5000 (1/100 inch)"),
        (10.0, None, "lengths ≥ 10 (1/100 inch)"),
        (10.0, 5000.0, "10 ≤ lengths ≤ 5000 (1/100 inch)"),
    ],
)
def test_length_range(run, low, high, words):
    data = run[1].data.model_copy(update={"min_length": low, "max_length": high})
    assert run[1].model_copy(update={"data": data}).length_range == words


def test_missing_folder_file_and_unfinished_run(tmp_path):
    with pytest.raises(UserError, match="nowhere: no such run folder"):
        load_report(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file: is a file"):
        load_report(tmp_path / "file")
    with pytest.raises(UnfinishedRunError, match="not a finished run"):
        load_report(tmp_path)


def test_truncated_json_names_file_and_place(run, tmp_path):
    text = (run[0] / "report.json").read_text(encoding="utf-8")
    (tmp_path / "report.json").write_text(text[:1000], encoding="utf-8")
    with pytest.raises(UserError, match=r"report\.json: damaged, line \d+ column \d+") as caught:
        load_report(tmp_path)
    assert not isinstance(caught.value, UnfinishedRunError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"[]", b'"x"', b"null", b"{}"])
def test_what_is_no_report_is_named(tmp_path, content):
    (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(UserError, match=r"report\.json: (damaged|not a report)"):
        load_report(tmp_path)


def test_other_schema_version(run, tmp_path):
    folder = edit(run[0], tmp_path, lambda content: content.update(schema_version=99))
    with pytest.raises(UserError, match=r"report\.json: written in schema version 99.*version 3"):
        load_report(folder)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda c: c.pop("seed"), "seed"),
        (lambda c: c.update(colour="red"), "colour"),
        (
            lambda c: c["splits"]["val"]["metrics"]["values"]["mape"].update(value="much"),
            "splits.val.metr",
        ),
        (lambda c: c["data"].update(rows={"val": 1.5}), "data.rows.val"),
        (lambda c: c["splits"].pop("val"), "splits"),
        (lambda c: c["history"][0].update({"val/mape": "x"}), "history.0.val/mape"),
    ],
)
def test_wrong_fields_are_named(run, tmp_path, change, place):
    folder = edit(run[0], tmp_path, change)
    with pytest.raises(UserError, match=r"report\.json: damaged") as caught:
        load_report(folder)
    assert place in str(caught.value)
    assert "\n" not in str(caught.value)


def test_many_faults_are_cut(run, tmp_path):
    folder = edit(run[0], tmp_path, lambda c: c.pop("splits") and c.pop("data") and c.clear())
    (folder / "report.json").write_text(f'{{"schema_version": {SCHEMA_VERSION}}}')
    with pytest.raises(UserError, match=r"and \d+ more"):
        load_report(folder)


def rebuilt(report: Report, **changes):
    fields = {name: getattr(report, name) for name in Report.model_fields}
    for name in ("schema_version", "created", "versions", "target", "unit", "band_edges"):
        del fields[name]
    fields |= {"quantity": report.quantity, "bands": report.bands}
    return build_report(**(fields | changes))


def test_diverged_history_becomes_none_and_is_written(run, tmp_path):
    history = [{"epoch": 1, "train/loss": math.nan, "val/loss": math.inf, "val/mape": 2.0}]
    write_report(tmp_path, rebuilt(run[1], history=history))
    assert load_report(tmp_path).history == [
        {"epoch": 1, "train/loss": None, "val/loss": None, "val/mape": 2.0}
    ]


def test_build_report_refuses_wrong_splits_and_values(run):
    with pytest.raises(ValueError, match="must hold val"):
        rebuilt(run[1], splits={"test": run[1].splits["test"]})
    with pytest.raises(ValidationError, match=r"splits\.train"):
        rebuilt(run[1], splits={**run[1].splits, "train": run[1].val})
    with pytest.raises(ValidationError, match="parameters"):
        rebuilt(run[1], parameters=-1)
    assert rebuilt(run[1], timings={}).timings == {}


def test_writing_replaces_whole_and_leaves_nothing_beside(run, tmp_path):
    write_report(tmp_path, run[1])
    write_report(tmp_path, rebuilt(run[1], seed=77))
    assert load_report(tmp_path).seed == 77
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_a_failed_write_keeps_the_old_report(run, tmp_path):
    write_report(tmp_path, run[1])
    broken = run[1].model_copy(update={"timings": {"x": math.nan}})
    with pytest.raises(ValueError, match="JSON"):
        write_report(tmp_path, broken)
    assert load_report(tmp_path) == run[1]


def test_summary_shows_metrics_baselines_and_costs(run):
    text = summary(run[1])
    val = run[1].val.metrics
    assert f"{100 * val.mape.value:.1f}% ({100 * val.mape.low:.1f}–" in text
    assert "lengths ≤ 5000" in text
    assert "95% intervals" in text
    for label in ("RMSLE", "median APE", "MAPE, >5000", "type median", "oracle (best possible)"):
        assert label in text
    assert "Snapping to usual lengths (not applied)" in text
    assert "minilm: 3.1% of the texts are longer" in text
    assert "lsa:" not in text
    assert "Best epoch 5 of 6, 1,234,567 parameters, seed 3." in text
    assert text.count("better by") >= 6


def test_a_report_says_what_is_predicted_in_which_unit_and_bands_and_decided_for_what(tmp_path):
    weight = Quantity("weight_kg", CatalogueUnit.named("kg"))
    bands = Bands((0.5, 2.5))
    write_run(tmp_path, quantity=weight, bands=bands, decision="median", max_length=40)
    content = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (content["target"], content["unit"], content["decision"]) == (
        "weight_kg",
        "kg",
        "median",
    )
    assert content["band_edges"] == [0.5, 2.5]
    report = load_report(tmp_path)
    assert (report.quantity, report.bands) == (weight, bands)
    assert report.length_range == "values of weight_kg ≤ 40 kg"
    text = summary(report)
    assert text.startswith("weight_kg, in kg · values of weight_kg ≤ 40 kg · ")
    assert "decision: median, the typical value; MAPE prefers lower ones" in text
    for label in ("decision: median ", "MAPE ≥ 2.5 kg ", "MAPE, <0.5 kg ", "MAPE, 0.5–2.5 kg "):
        assert f"\n{label}" in text
    assert "\non the same rows, decision: mape " in text
    assert "inch" not in text


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (None, "decision: none, since the loss emits one length"),
        ("mape", "decision: mape, the value with the least expected MAPE"),
        ("rmsle", "decision: rmsle; see MAPE under its own decision below"),
    ],
)
def test_the_decision_is_said(run, decision, words):
    text = summary(run[1].model_copy(update={"decision": decision}))
    assert f"\n{words}\n" in text
    assert ("on the same rows, decision: mape" in text) == (decision == "rmsle")


def test_one_band_is_not_listed(tmp_path):
    text = summary(write_run(tmp_path, bands=Bands()))
    assert "[rows]" not in text
    assert "without short" not in text


def test_summary_shows_remarks_and_bears_a_missing_test_split(tmp_path):
    report = write_run(tmp_path, noise=3.0, test=False, oracle=False)
    text = summary(report)
    assert text.count("! val: The model does not beat the") == 3
    assert "oracle" not in text
    assert " test  " not in text


def test_versions():
    versions = software_versions()
    assert isinstance(versions, Versions)
    assert versions.product_length == product_length.__version__
    assert versions.torch[0].isdigit()
    assert versions.lightning[0].isdigit()


def test_commit_only_where_git_tracks_the_file(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"]
        subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True
        )

    tracked, untracked = tmp_path / "a.py", tmp_path / "b.py"
    tracked.write_text("1")
    untracked.write_text("1")
    assert git_state(tracked) == (None, None)
    git("init")
    git("add", "a.py")
    git("commit", "-m", "x", "--no-verify")
    commit, modified = git_state(tracked)
    assert len(commit) == 40
    assert modified is False
    assert git_state(untracked) == (None, None)
    tracked.write_text("2")
    assert git_state(tracked) == (commit, True)
    assert git_state(tmp_path / "nowhere" / "c.py") == (None, None)


def test_distributions_are_reported_under_their_own_decisions(tmp_path):
    report = write_run(tmp_path)
    assert report.val.own("rmsle") == report.val.metrics["rmsle"]  # a point loss has one decision
    assert "under its own decision" not in summary(report)
    assert "decisions" in json.loads((tmp_path / "report.json").read_text())["splits"]["val"]
    own = report.val.metrics
    better = replace(own, values={**own.values, "rmsle": Estimate(0.123, 0.1, 0.2)})
    val = report.val.model_copy(update={"decisions": {"rmsle": better}})
    decided = report.model_copy(update={"splits": {"val": val}})
    assert decided.val.own("rmsle").value == 0.123
    assert decided.val.own("mape") == report.val.metrics.mape
    text = summary(decided)
    (line,) = [line for line in text.splitlines() if line.startswith("RMSLE ") and "0.123" in line]
    assert line.split()[1] == "rmsle"
    again = Report.model_validate_json(decided.model_dump_json())
    assert again == decided
