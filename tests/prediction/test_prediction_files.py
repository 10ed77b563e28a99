"""What is wrong with the files of a prediction is told before any work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from product_length.composition import CONF
from product_length.errors import ConfigError, UserError
from product_length.experiment import from_config
from product_length.prediction.config import PredictionJob
from product_length.prediction.files import (
    check_no_part,
    check_output,
    checked_files,
    ending_of,
    find_checkpoint,
)


def job(*overrides):
    with initialize_config_dir(str(CONF)):
        return from_config(compose("predict", overrides=list(overrides)), PredictionJob)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to be in, with a catalogue, two runs in a sweep, and an unfinished run."""
    monkeypatch.chdir(tmp_path)
    for run in ("sweep/0", "sweep/1"):
        (tmp_path / run / "checkpoints").mkdir(parents=True)
        (tmp_path / run / "checkpoints" / "best.ckpt").write_text("weights")
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "config.yaml").touch()
    (tmp_path / "x.csv").write_text("PRODUCT_ID,TITLE\n1,a\n")
    return tmp_path


def checked(**changes):
    given = {"checkpoint": "sweep/0", "data.path": "x.csv", "output": "s.csv", **changes}
    return checked_files(job(*(f"{key}={value}" for key, value in given.items())))[0]


def test_a_runs_folder_stands_for_its_best_checkpoint(here):
    best = [f"sweep/{run}/checkpoints/best.ckpt" for run in (0, 1)]
    for given in ("sweep/0", "sweep/0/checkpoints", best[0]):
        assert [str(path) for path in checked(checkpoint=given).checkpoint] == best[:1]
    both = checked(checkpoint="[sweep/0,sweep/1/checkpoints]").checkpoint
    assert [str(path) for path in both] == best


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("sweep", r"a folder of 2 runs, and one .*: give sweep/0, sweep/1; or several"),
        (".", r"a folder of 2 runs"),
        ("unfinished", r"it has neither checkpoints/best\.ckpt nor best\.ckpt"),
        ("nowhere", r"nowhere: there is no such checkpoint \(from /"),
        ("[sweep/0,sweep/0/checkpoints/best.ckpt]", "is named twice"),
        ("[sweep/0,unfinished]", r"checkpoint=unfinished: no run's folder"),
        ("x.csv/best.ckpt", "no such checkpoint"),
        ("a" * 300, "File name too long"),
    ],
)
def test_what_is_wrong_with_a_checkpoint(here, given, said):
    with pytest.raises(UserError, match=said):
        checked(checkpoint=given)


def test_many_runs_are_named_as_far_as_a_line_has_room(here):
    for run in range(12):
        (here / "many" / str(run) / "checkpoints").mkdir(parents=True)
        (here / "many" / str(run) / "checkpoints" / "best.ckpt").touch()
    with pytest.raises(UserError, match=r"of 12 runs.*many/0, .*, …;"):
        find_checkpoint(here / "many")


def made(here, kind, target):
    """A name of `target` of some kind."""
    name = here / f"{kind}.csv"
    if kind == "symbolic link":
        name.symlink_to(target)
    elif kind == "hard link":
        name.hardlink_to(target)
    elif kind == "relative":
        return os.path.relpath(here / "sweep" / ".." / target.relative_to(here))
    elif kind == "link to its folder":
        (here / "link").symlink_to(target.parent)
        return here / "link" / target.name
    else:
        return target
    return name


@pytest.mark.parametrize(
    "kind", ["itself", "symbolic link", "hard link", "relative", "link to its folder"]
)
@pytest.mark.parametrize("victim", ["x.csv", "sweep/0/checkpoints/best.ckpt"])
def test_an_output_that_is_one_of_the_inputs_is_refused(here, kind, victim):
    target = here / victim
    before = target.read_bytes()
    output = made(here, kind, target)
    with pytest.raises(UserError, match=r"is the same file as (data\.path|checkpoint\.1)="):
        checked(output=f"'{output}'", checkpoint="[sweep/1,sweep/0]")
    assert target.read_bytes() == before


def test_the_catalogue_may_be_named_by_a_link_too(here):
    (here / "y.csv").symlink_to("x.csv")
    with pytest.raises(UserError, match=r"output=x\.csv: is the same file as data\.path=y\.csv"):
        checked(output="x.csv", **{"data.path": "y.csv"})


def test_an_encoders_folder_is_no_place_for_an_output(here):
    (here / "model").mkdir()
    with pytest.raises(UserError, match=r"lies in the model's folder encoders\.minilm="):
        checked(output="model/s.csv", **{"+encoders.minilm": "model"})
    checked(**{"+encoders.minilm": "sentence-transformers/all-MiniLM-L6-v2"})


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("s.csv", ".csv"),
        ("S.CSV", ".csv"),
        ("s.csv.GZ", ".csv.gz"),
        ("a.b.Parquet", ".parquet"),
        ("s.jsonl", ".jsonl"),
        ("s.jsonl.gz", ".jsonl.gz"),
        ("s.XLSX", ".xlsx"),
    ],
)
def test_endings_that_are_written(here, name, ending):
    assert ending_of(here / name) == ending
    checked(output=name)


@pytest.mark.parametrize("name", ["s", "s.gz", "s.csv.zip", "s.tsv", "s.json", "s.xls", "csv"])
def test_other_endings_are_refused(here, name):
    with pytest.raises(UserError, match=r"end it with \.csv, .*\.jsonl\.gz or \.xlsx"):
        checked(output=name)


def test_an_output_that_is_one_of_many_parts_is_refused(here):
    (here / "parts").mkdir()
    parts = [("data.path", here / "parts" / f"{number}.csv") for number in range(3)]
    for _, part in parts:
        part.touch()
    with pytest.raises(UserError, match=r"2\.csv: is the same file as data\.path=.*2\.csv"):
        check_output(here / "parts" / ".." / "parts" / "2.csv", parts, {})
    check_output(here / "parts" / "3.csv", parts, {})


@pytest.mark.parametrize(
    ("output", "table", "is_part"),
    [
        ("parts/new.csv", "parts", True),
        ("parts/../parts/new.parquet", "parts", True),
        ("parts/deep/new.csv", "parts", False),
        ("new.csv", "parts", False),
        ("parts/new.csv", "parts/*.csv", True),
        ("parts/new.csv", "sweep/../parts/n*.csv", True),
        ("parts/new.xlsx", "parts/*.csv", False),
        ("parts/deep/new.csv", "parts/*.csv", False),
        ("parts/deep/er/new.csv", "parts/**/*.csv", True),
        ("parts/new.csv", "x.csv", False),
    ],
)
def test_an_output_that_would_become_a_part_is_refused(here, output, table, is_part):
    (here / "parts").mkdir()
    if not is_part:
        check_no_part(Path(output), Path(table))
        return
    with pytest.raises(UserError, match=r"would be read as a part of data\.path=.* next time;"):
        check_no_part(Path(output), Path(table))


def test_a_workbook_needs_a_package(here, monkeypatch):
    checked(output="s.xlsx")
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(UserError, match=r"output=s\.xlsx: .*pip install 'product_length\[excel\]'"):
        checked(output="s.xlsx")


def test_outputs_that_cannot_be_written(here):
    with pytest.raises(UserError, match=r"sweep: is a folder; give output= the name of a file"):
        checked(output="sweep")
    with pytest.raises(UserError, match=r"x\.csv/s\.csv: cannot be written \(.*x\.csv is a file"):
        checked(output="x.csv/s.csv")
    os.mkfifo(here / "pipe.csv")
    with pytest.raises(UserError, match="not a regular file"):
        checked(output="pipe.csv")
    with pytest.raises(UserError, match="File name too long"):
        checked(output="a" * 300 + ".csv")


def test_another_file_is_replaced_and_that_is_said(here, caplog):
    caplog.set_level("INFO")
    checked(output="new/folder/s.csv")
    assert caplog.text == ""
    (here / "s.csv").write_text("old")
    checked()
    assert "s.csv: is there already, and is replaced as a whole" in caplog.text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("90", r"interval=90: must be a share below 1; 90% is interval=0\.9$"),
        ("99.5", r"99\.5% is interval=0\.995$"),
        ("90%", r"interval=90%: must be a share below 1; 90% is interval=0\.9$"),
        ("0.5%", r"0\.5% is interval=0\.005$"),
        ("1", r"interval=1: must be less than 1"),
        ("-90", "greater than 0"),
        ("wide", r"interval=wide: .*number"),
    ],
)
def test_an_interval_is_a_share(given, said):
    with pytest.raises(ConfigError, match=said):
        job("checkpoint=a", "data.path=b", "output=c", f"interval={given}")


def test_sound_intervals():
    for given, value in [("0.9", 0.9), ("null", None)]:
        chosen = job("checkpoint=a", "data.path=b", "output=c", f"interval={given}")
        assert chosen.interval == value


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["checkpoint=nowhere", "output=s.csv"], "nowhere: there is no such checkpoint"),
        (["checkpoint=sweep/0", "output=x.csv"], "is the same file as data.path=x.csv"),
    ],
)
def test_faults_are_told_before_torch_is_imported(here, arguments, said):
    program = (
        "import sys\nfrom product_length.predict import PredictionJob, predict, run_command\n"
        "sys.argv = ['predict', 'data.path=x.csv', *sys.argv[1:]]\n"
        "try:\n    run_command('predict', PredictionJob, predict)\n"
        "except SystemExit as end:\n"
        "    print(end.code, sorted({'torch', 'sklearn', 'lightning'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1 []"
    assert said in done.stderr
    assert (here / "x.csv").read_text() == "PRODUCT_ID,TITLE\n1,a\n"
