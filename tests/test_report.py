import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from run_folders import resolved, write_run

from product_length import report


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for name, noise in (("good", 0.4), ("poor", 0.8)):
        write_run(root / name, noise=noise, rows=120, overrides=[f"loss={name}"])
    (root / "killed").mkdir()
    (root / "killed" / "config.yaml").write_text("seed: 0")
    return root


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def error_of(capsys, *arguments):
    """The one line on stderr of a call that fails with exit code 1."""
    assert report.main([str(argument) for argument in arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.fullmatch(r"error: [^\n]+\n", printed.err)
    return printed.err


def test_compares_and_writes_three_files(root, tmp_path, capsys):
    assert report.main([str(root / "poor"), str(root / "good")]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^1  loss=good .* best ", out, flags=re.MULTILINE)
    assert re.search(r"^2  loss=poor .* worse by [\d.]+–[\d.]+ points ", out, flags=re.MULTILINE)
    folder = tmp_path / "outputs" / "comparison"
    assert sorted(path.name for path in folder.iterdir()) == [
        "comparison.csv",
        "comparison.html",
        "comparison.md",
    ]
    with (folder / "comparison.csv").open(encoding="utf-8", newline="") as file:
        assert [line["recipe"] for line in csv.DictReader(file)] == ["loss=good", "loss=poor"]
    assert "outputs/comparison/comparison.html" in out


def test_output_and_reference(root, tmp_path, capsys):
    arguments = [str(root / "good"), "--reference", str(root / "poor"), "--output", "here"]
    assert report.main(arguments) == 0
    out = capsys.readouterr().out
    assert "minus reference, points" in out
    assert "better by" in out
    assert (tmp_path / "here" / "comparison.md").is_file()
    assert not (tmp_path / "outputs").exists()


def test_reference_in_words(root, tmp_path, capsys):
    words = "loss=poor features.use_log_target=false"
    assert report.main([str(root), "--reference", words]) == 0
    out = capsys.readouterr().out
    assert "minus reference, points" in out
    assert "The reference is loss=poor, rank 2." in out
    assert report.main([str(root), "--reference", "loss=none"]) == 0
    out = capsys.readouterr().out
    assert "minus reference" not in out
    assert "No recipe matches the reference loss=none." in out


def test_a_second_comparison_replaces_the_first(root, tmp_path):
    assert report.main([str(root / "good"), "--output", "x"]) == 0
    assert report.main([str(root / "poor"), "--output", "x"]) == 0
    text = (tmp_path / "x" / "comparison.csv").read_text(encoding="utf-8")
    assert "loss=poor" in text
    assert "loss=good" not in text
    assert len(list((tmp_path / "x").iterdir())) == 3


def test_unfinished_runs_are_named_and_skipped(root, capsys):
    assert report.main([str(root)]) == 0
    out = capsys.readouterr().out
    assert f"Skipped, not finished (1): {root / 'killed'}." in out
    assert "loss=good" in out
    assert "loss=poor" in out


def test_patterns_that_the_shell_left_alone(root, capsys):
    assert report.main([str(root / "g*")]) == 0
    assert "loss=good" in capsys.readouterr().out
    assert "x*: no folder matches this pattern" in error_of(capsys, root / "x*")


def test_mistakes_are_one_line(root, tmp_path, capsys):
    assert "nowhere: no such run folder" in error_of(capsys, root / "nowhere")
    assert "no finished run" in error_of(capsys, root / "killed")
    assert "no finished run" in error_of(capsys, tmp_path)
    assert "is a file" in error_of(capsys, root / "good" / "report.json")
    assert "reference is not among" in error_of(
        capsys, root / "good", "--reference", root / "killed"
    )
    (tmp_path / "taken").write_text("")
    assert "taken" in error_of(capsys, root / "good", "--output", tmp_path / "taken")
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "report.json").write_text('{"schema_version": 1, "se')
    assert "report.json: damaged" in error_of(capsys, root / "good", bad)


@pytest.mark.parametrize("arguments", [[], ["--output"], ["x", "--colour"]])
def test_usage_errors_exit_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        report.main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m product_length.report" in capsys.readouterr().err


def run_python(*arguments, **options):
    environment = os.environ | {"PYTHONPATH": str(Path(report.__file__).parents[1])}
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


def test_the_command_from_anywhere(root, tmp_path):
    done = run_python("-m", "product_length.report", str(root / "good"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "Best on val: loss=good" in done.stdout
    failed = run_python("-m", "product_length.report", "nowhere", cwd=tmp_path)
    assert (failed.returncode, failed.stderr) == (1, "error: nowhere: no such run folder\n")


def test_a_sweeps_reference_and_pictures_are_found_again(tmp_path, capsys):
    for number, loss in enumerate(("mape", "huber")):
        config = resolved([f"loss={loss}"], 1) | {"sweep": {"reference": ["loss=huber"]}}
        noise = 0.4 * (number + 1)
        write_run(tmp_path / "sweep" / str(number), noise=noise, seed=1, config=config)
    picture = tmp_path / "sweep" / "comparison_which_settings_matter.png"
    picture.write_bytes(b"\x89PNG")
    assert report.main(["sweep"]) == 0
    assert "The reference is" in capsys.readouterr().out
    assert "Which settings matter" in Path("outputs/comparison/comparison.html").read_text("utf-8")
    assert Path("outputs/comparison", picture.name).read_bytes() == b"\x89PNG"
    assert report.main(["sweep/0", "sweep/1"]) == 0
    assert "Which settings matter" not in Path("outputs/comparison/comparison.md").read_text()


def test_a_closed_pipe_is_no_fault(root, tmp_path):
    command = (
        f"{sys.executable} -m product_length.report {root / 'good'} | true; exit ${{PIPESTATUS[0]}}"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(report.__file__).parents[1])}
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_heavy_libraries_are_imported_only_when_used():
    code = (
        "import sys, product_length.report, product_length.pages.run;"
        "heavy = {'matplotlib', 'plotly', 'jinja2', 'torch', 'hydra', 'wandb', 'optuna'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert run_python("-c", code).stdout == "[]\n"
