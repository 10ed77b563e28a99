"""A run's log on a full disk."""

import logging

import pytest

from product_length.log_file import LogFile


def test_a_full_disk_is_said_once_and_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    handler = LogFile("/dev/full")
    logger = logging.getLogger("test_log_file")
    logger.addHandler(handler)
    try:
        logger.warning("one")
        logger.warning("two")
    finally:
        logger.removeHandler(handler)
        handler.close()
    said = capsys.readouterr().err
    assert said == (
        "warning: /dev/full: cannot be written (No space left on device); free some space; "
        "lines of this log are lost\n"
    )
