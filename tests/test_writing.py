import os
import re
import signal
import subprocess
import sys
import time

import pytest

from product_length.errors import UserError
from product_length.writing import refuse_input, write_text, write_whole


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = write_text(tmp_path / "new" / "a.txt", "old\r\n")

    def fail(partial, error):
        partial.write_text("half")
        raise error

    with pytest.raises(RuntimeError):
        write_whole(path, lambda partial: fail(partial, RuntimeError("killed")))
    with pytest.raises(UserError, match=r"a\.txt: cannot be written \(No space left"):
        write_whole(path, lambda partial: fail(partial, OSError(28, "No space left on device")))
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]
    assert path.read_bytes() == b"old\r\n"


def test_the_suffix_is_kept_for_writers_that_look_at_it(tmp_path):
    seen = []
    write_whole(tmp_path / "a.png", lambda partial: seen.append(partial.suffix) or partial.touch())
    assert seen == [".png"]


def start_writing(path):
    """Another process that has begun to write `path`, and its unfinished file."""
    program = (
        "import sys\nfrom pathlib import Path\nfrom product_length.writing import write_whole\n"
        "def fill(partial):\n"
        "    partial.write_text('half')\n    print(partial, flush=True)\n    sys.stdin.read()\n"
        "write_whole(Path(sys.argv[1]), fill)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", program, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return writer, writer.stdout.readline().strip()


def end(writer):
    writer.stdin.close()
    writer.stdout.close()
    return writer.wait()


@pytest.mark.parametrize("name", ["a.csv", "a[1]*.csv.gz"])
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path, name, caplog):
    caplog.set_level("INFO")
    path = tmp_path / name
    writer, left = start_writing(path)
    os.kill(writer.pid, signal.SIGKILL)
    assert end(writer) == -signal.SIGKILL
    others = {"a-0123abcd.csv", ".a-x.partial.csv", ".b-0123abcd.partial.csv", f".{name}.partial"}
    for other in others:
        (tmp_path / other).touch()
    assert os.path.exists(left)  # noqa: PTH110
    write_text(path, "whole")
    assert {each.name for each in tmp_path.iterdir()} == {name, *others}
    assert re.search(r"removed, left unfinished by a process that was killed", caplog.text)


def test_two_processes_may_write_the_same_file_at_once(tmp_path):
    path = tmp_path / "a.csv"
    writer, partial = start_writing(path)
    write_text(path, "mine")
    assert os.path.exists(partial)  # noqa: PTH110
    assert path.read_text() == "mine"
    assert end(writer) == 0
    assert path.read_text() == "half"  # the last one to end
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.slow
def test_many_processes_that_write_one_file_harm_none_of_each_other(tmp_path):
    program = (
        "import sys\nfrom pathlib import Path\nfrom product_length.writing import write_text\n"
        "for _ in range(300):\n    write_text(Path(sys.argv[1]), sys.argv[2] * 1000)\n"
    )
    path = tmp_path / "a.csv"
    command = [sys.executable, "-c", program, path]
    writers = [subprocess.Popen([*command, letter]) for letter in "abcd"]
    deadline = time.monotonic() + 120
    while any(writer.poll() is None for writer in writers):
        assert time.monotonic() < deadline
        if path.exists():
            assert len(path.read_text()) == 1000
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0]
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("kind", ["itself", "symbolic link", "hard link", "relative", "link to it"])
def test_an_output_that_is_an_input_is_refused(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    source = write_text(tmp_path / "in" / "x.csv", "rows")
    output, given = tmp_path / "y.csv", source
    if kind == "itself":
        output = source
    elif kind == "symbolic link":
        output.symlink_to(source)
    elif kind == "hard link":
        output.hardlink_to(source)
    elif kind == "relative":
        output = tmp_path.relative_to(tmp_path) / "in" / ".." / "in" / "x.csv"
    else:
        given = tmp_path / "z.csv"
        given.symlink_to(source)
        output = source
    with pytest.raises(UserError, match=r"same file as data\.path="):
        refuse_input(output, f"output={output}", {"a": tmp_path / "no", "data.path": given})
    assert source.read_text() == "rows"
    refuse_input(tmp_path / "new.csv", "output=new.csv", {"data.path": source})


def test_errors_of_other_files_are_left_to_those_who_read_them(tmp_path):
    def fail(partial):
        (tmp_path / "missing.csv").read_text()

    with pytest.raises(FileNotFoundError, match=r"missing\.csv"):
        write_whole(tmp_path / "a.txt", fail)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"a\.txt: cannot be written \((Not a dir|File exists)"):
        write_text(tmp_path / "file" / "a.txt", "text")
