"""A folder of parts becomes a folder of predicted parts, as one file would be predicted."""

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from builders import job, predict_by, submission
from finished_runs import QUICK
from prediction.parts_of_products import names_in, read_parts, write_parts

from product_length.errors import ConfigError, UserError
from product_length.experiment import Experiment
from product_length.pipeline import run as train
from product_length.prediction.parts import NOTE


@pytest.fixture(scope="module")
def parts(catalogue, tmp_path_factory):
    return write_parts(catalogue, tmp_path_factory.mktemp("by_parts") / "parts")


def test_parts_are_those_of_one_file(distributed, parts, tmp_path, caplog):
    caplog.set_level("INFO")
    words = ["interval=0.9", "keep=[TITLE]", "reasons=true", "snap=true"]
    out = predict_by(distributed, parts, tmp_path / "out", *words)
    assert names_in(out) == names_in(parts)
    for name in names_in(parts):
        found, given = pq.read_table(out / name), pq.read_table(parts / name)
        assert found["PRODUCT_ID"].equals(given["PRODUCT_ID"])
        assert found["TITLE"].to_pylist() == [each or None for each in given["TITLE"].to_pylist()]
    whole = pq.read_table(predict_by(distributed, parts, tmp_path / "one.parquet", *words))
    found = read_parts(out)
    assert found.schema.equals(whole.schema, check_metadata=True)
    assert found["REASONS"].equals(whole["REASONS"])
    for name in ("PRODUCT_LENGTH", "LOWER", "UPPER"):
        np.testing.assert_allclose(found[name], whole[name], rtol=1e-5)
    assert f"{out}: 4 part(s), 600 rows of PRODUCT_LENGTH in 1/100 inch" in caplog.text
    # Once of all parts, once of the one file.
    assert caplog.messages.count(f"{parts}: 600 rows, nothing unknown") == 2
    assert caplog.messages.count(f"{parts}: 4 files") == 2


def test_a_part_that_is_there_is_skipped(point, parts, tmp_path, caplog):
    caplog.set_level("INFO")
    out = predict_by(point, parts, tmp_path / "out")
    before = read_parts(out)
    _, second, *_ = sorted(out.glob("part-*.parquet"))
    stamps = {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    second.unlink()
    caplog.clear()
    predict_by(point, parts, out)
    after = {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    assert {path for path in stamps if after[path] != stamps[path]} == {second}
    assert read_parts(out).equals(before)
    (line,) = [line for line in caplog.messages if "skipped" in line]
    assert "skipped: 3 parts (part-0.snappy.parquet, part-2.snappy.parquet, " in line
    assert line.endswith(" of 4")
    caplog.clear()
    predict_by(point, parts, out)
    assert caplog.messages[-1] == f"{out}: nothing is left to predict"


def test_a_part_that_changed_is_predicted_again(point, parts, tmp_path, caplog):
    caplog.set_level("INFO")
    mine = shutil.copytree(parts, tmp_path / "parts")
    out = predict_by(point, mine, tmp_path / "out")
    changed = mine / "part-1.snappy.parquet"
    pq.write_table(pq.read_table(changed).slice(0, 5), changed)
    later = (out / changed.name).stat().st_mtime + 10
    os.utime(changed, (later, later))
    predict_by(point, mine, out)
    assert pq.read_table(out / changed.name).num_rows == 5
    assert "older than its part of data.path, predicted again: 1 part (part-1." in caplog.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("snap=true", "another snap; choose another folder"),
        ("keep=[TITLE]", "another keep;"),
        ("data.columns.title=null", "another data.columns;"),
    ],
)
def test_parts_that_were_predicted_otherwise_are_kept(point, parts, tmp_path, change, said):
    out = predict_by(point, parts, tmp_path / "out")
    with pytest.raises(UserError, match=said):
        predict_by(point, parts, out, change)


def test_parts_of_another_checkpoint_are_kept(point, distributed, parts, tmp_path):
    out = predict_by(point, parts, tmp_path / "out")
    with pytest.raises(UserError, match="another checkpoint; choose"):
        predict_by(distributed, parts, out)
    (out / NOTE).write_text("{")
    with pytest.raises(UserError, match="is damaged, and it is not known what"):
        predict_by(point, parts, out)


def test_a_fault_before_the_first_part_binds_to_nothing(point, parts, tmp_path):
    with pytest.raises(UserError, match="needs a predicted distribution"):
        predict_by(point, parts, tmp_path / "out", "interval=0.9")
    predict_by(point, parts, tmp_path / "out")


def test_parts_without_rows_and_strange_files_are_said(point, parts, tmp_path, caplog):
    caplog.set_level("INFO")
    mine = shutil.copytree(parts, tmp_path / "parts")
    empty = pq.read_table(mine / "part-0.snappy.parquet").slice(0, 0)
    pq.write_table(empty, mine / "part-9.snappy.parquet")
    out = predict_by(point, mine, tmp_path / "out")
    assert names_in(out) == names_in(parts)
    assert "without rows, not written: 1 part (part-9.snappy.parquet)" in caplog.text
    (mine / "part-2.snappy.parquet").unlink()
    predict_by(point, mine, out)
    assert "holds also what is no part of" in caplog.text
    assert "1 file (part-2.snappy.parquet)" in caplog.text


def test_csv_parts_keep_their_format_and_share_their_decimal_mark(tmp_path):
    """In one part alone `1.500` would be read another way than beside `2,5`."""
    numbers = {"a": ["1.500", "1.250"], "b": ["2,5", "1.000,5"]}
    rows = "name;width;PRODUCT_LENGTH\n" + "".join(f"box {i};{i},5;{i}\n" for i in range(1, 300))
    (tmp_path / "train.csv").write_text(rows)
    words = ["data=file", f"data.path={tmp_path / 'train.csv'}", "data.unit=cm"]
    words += ["data.columns.title=name", "data.columns.numbers=[width]"]
    words += ["data.columns.length=PRODUCT_LENGTH", f"cache_dir={tmp_path / 'cache'}"]
    train(job("train", Experiment, *QUICK[1:], *words, "features=numbers"), tmp_path / "run", [])
    parts = tmp_path / "parts"
    parts.mkdir()
    for name, widths in numbers.items():
        lines = "".join(f"box {width};{width}\n" for width in widths)
        (parts / f"{name}.csv").write_text("name;width\n" + lines)
    out = predict_by(tmp_path / "run", parts, tmp_path / "out")
    assert names_in(out) == ["a.csv", "b.csv"]
    whole = predict_by(tmp_path / "run", parts, tmp_path / "one.csv").read_text().splitlines()
    found = [line for name in "ab" for line in (out / f"{name}.csv").read_text().splitlines()[1:]]
    lengths = [float(line.split(",")[1]) for line in found]
    assert lengths == pytest.approx([float(line.split(",")[1]) for line in whole[1:]], rel=1e-5)
    # Rows without an id are numbered in each part.
    assert [line.split(",")[0] for line in found] == ["1", "2", "1", "2"]


def make_places(tmp_path, parts):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    (tmp_path / "file").touch()
    for number in range(2):
        folder = tmp_path / "deep" / str(number)
        folder.mkdir(parents=True)
        shutil.copy(parts / "part-3.snappy.parquet", folder)
    (tmp_path / "tsv").mkdir()
    (tmp_path / "tsv" / "a.tsv").write_text("TITLE\nbox\n")


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (["output=full"], UserError, r"holds 1 file \(mine\.txt\), written by no prediction"),
        (["output=file"], UserError, "file: is a file; give output= the name of a folder"),
        (["output=PARTS"], UserError, "would be read as a part of data.path"),
        (["output=RUN/checkpoints/best.ckpt/x"], UserError, "is a file, not a folder"),
        (["data.path=deep/**/*.parquet"], UserError, "2 parts have the name part-3"),
        (["data.path=tsv"], UserError, "the ending of a.tsv is of no format that is written"),
        (["data.path=PARTS/part-3.snappy.parquet"], UserError, "the ending says the format"),
        (["engine=ray", "output=x.csv"], ConfigError, "engine=ray: writes a part for each part"),
        (
            ["engine=ray", "data.path=PARTS/part-3.snappy.parquet"],
            ConfigError,
            "engine=ray: shares out the parts of a folder",
        ),
        (["engine=ray", "device=cuda:1"], ConfigError, "each worker has a GPU of its own"),
        (["ray_address=h:1"], ConfigError, "ray_address=h:1 needs engine=ray"),
        (["engine=ray", "ray_address=127.0.0.1:1"], UserError, "^ray_address=127.0.0.1:1: no Ray"),
    ],
)
def test_what_cannot_be_is_refused(point, parts, tmp_path, monkeypatch, words, kind, said):
    make_places(tmp_path, parts)
    monkeypatch.chdir(tmp_path)
    words = [word.replace("PARTS", str(parts)).replace("RUN", str(point)) for word in words]
    with pytest.raises(kind, match=said):
        predict_by(point, parts, tmp_path / "out", *words)
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_ray_that_is_not_installed_is_reported(point, parts, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"^engine=ray: Ray Data is not installed; pip install"):
        predict_by(point, parts, tmp_path / "out", "engine=ray")


def kill_at_first_part(run, parts, out, *words):
    """The command, killed when its first part is there; the names of what it has left."""
    module = [sys.executable, "-m", "product_length.predict"]
    given = [f"checkpoint={run}", f"data.path={parts}", f"output={out}", f"cache_dir={out}-cache"]
    process = subprocess.Popen(
        [*module, *given, "device=cpu", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    while not list(out.glob("part-*.parquet")):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    return names_in(out)


def test_a_killed_run_leaves_no_half_part_and_goes_on(point, catalogue, tmp_path, caplog):
    caplog.set_level("INFO")
    parts = write_parts(catalogue, tmp_path / "parts", parts=9)
    out = tmp_path / "out"
    left = kill_at_first_part(point, parts, out, "batch_rows=20")
    done = [name for name in left if not name.startswith(".")]  # one under way has a hidden name
    assert 1 <= len(done) < 9
    for name in done:
        assert pq.read_table(out / name).num_rows == pq.read_table(parts / name).num_rows
    predict_by(point, parts, out)
    assert f"skipped: {len(done)} part" in caplog.text
    assert names_in(out) == names_in(parts)
    ids, lengths = submission(predict_by(point, catalogue / "test.csv", tmp_path / "one.csv"))
    found = read_parts(out)
    assert list(map(str, found["PRODUCT_ID"].to_pylist())) == ids
    np.testing.assert_allclose(found["PRODUCT_LENGTH"], lengths, rtol=1e-5)
