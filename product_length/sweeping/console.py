"""What a person sees of a sweep: where it stands, in 100 columns; all the rest is in its log."""

import logging
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path

from tqdm import tqdm
from typing_extensions import override

from product_length.log_file import LogFile

WIDTH = 100
LOG_FILE = "sweep.log"
"""In a sweep's folder: all that Hydra, Optuna and the sweep say, on the console or not."""

_ROOM = "product_length.sweeping"
_OURS = tuple(f"{_ROOM}.{name}" for name in ("finish", "pictures", "study", "sweeper", "watch"))
_THEIRS = ("hydra", "hydra_plugins", "optuna")
IN_LOG_ONLY = {"console": False}
"""As `extra` of a line: it goes into the log file alone."""


@contextmanager
def sweep_console(folder: Path) -> Iterator[None]:
    """While a sweep into `folder` runs its own lines are shown, those of Hydra and Optuna kept."""
    file = _SweepLog(folder / LOG_FILE, encoding="utf-8", delay=True)
    file.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    levels = dict.fromkeys(_OURS, logging.INFO) | dict.fromkeys(_THEIRS, logging.WARNING)
    before = []
    for name, level in levels.items():
        logger = logging.getLogger(name)
        before.append((logger, logger.handlers, logger.propagate, logger.level))
        logger.handlers = [ConsoleLines(level), file]
        logger.propagate = False
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger, handlers, propagate, level in before:
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
        file.close()


def only_warnings_on_console() -> None:
    """Of a sweep's run, whose own log has all of its lines, show warnings alone."""
    root = logging.getLogger()
    for old in list(root.handlers):
        if isinstance(old, logging.StreamHandler) and not isinstance(old, logging.FileHandler):
            root.removeHandler(old)
            root.addHandler(ConsoleLines(logging.WARNING))


class ConsoleLines(logging.Handler):
    """Writes to stdout, beside a bar if there is one, in lines that fit."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, unless it is for the log alone."""
        if not getattr(record, "console", True):
            return
        try:
            tqdm.write(fitted(self.format(record)))
            sys.stdout.flush()  # it may be a pipe, which someone reads as it goes
        except Exception:  # as any handler: a line that cannot be written ends no sweep
            self.handleError(record)


def fitted(text: str) -> str:
    """A text in lines of at most 100 columns; what goes on has the margin of its line, and more."""
    return "\n".join(line if len(line) <= WIDTH else _wrapped(line) for line in text.splitlines())


def _wrapped(line: str) -> str:
    margin = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(line, WIDTH, subsequent_indent=margin, break_on_hyphens=False)


class _SweepLog(LogFile):
    """Makes its folder with its first line: a sweep that is refused leaves none."""

    @override
    def _open(self) -> TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()
