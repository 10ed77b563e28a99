"""A run's log on a full disk."""

import logging

import pytest

from product_length.log_file import LogFile, replace_log_files


def test_a_full_disk_is_said_once_and_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    plain = logging.FileHandler("/dev/full")
    plain.setFormatter(logging.Formatter("here: %(message)s"))
    root = logging.getLogger()
    root.addHandler(plain)
    replace_log_files()
    (handler,) = (each for each in root.handlers if isinstance(each, LogFile))
    assert plain not in root.handlers
    assert handler.formatter is plain.formatter
    try:
        logging.getLogger("one").warning("one")
        logging.getLogger("two").warning("two")
    finally:
        root.removeHandler(handler)
        handler.close()
    said = capsys.readouterr().err
    assert said == (
        "warning: /dev/full: cannot be written (No space left on device); free some space; "
        "lines of this log are lost\n"
    )
