import pytest

from product_length.errors import UserError
from product_length.writing import write_text, write_whole


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


def test_errors_of_other_files_are_left_to_those_who_read_them(tmp_path):
    def fail(partial):
        (tmp_path / "missing.csv").read_text()

    with pytest.raises(FileNotFoundError, match=r"missing\.csv"):
        write_whole(tmp_path / "a.txt", fail)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"a\.txt: cannot be written \((Not a dir|File exists)"):
        write_text(tmp_path / "file" / "a.txt", "text")
