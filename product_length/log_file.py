"""The log file of a run: what goes into it alone, and a disk that becomes full."""

import logging
import sys
from typing import Any

from typing_extensions import override

from product_length.errors import UserError
from product_length.shortage import cannot_write


def log_to_file(
    logger: logging.Logger, level: int, message: str, error: BaseException | None = None
) -> None:
    """Log to the files that the root logger writes; the traceback of `error`, if given, too."""
    trace = None if error is None else (type(error), error, error.__traceback__)
    record = logger.makeRecord(logger.name, level, __file__, 0, message, (), trace)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler) and level >= handler.level:
            handler.handle(record)


def replace_log_files() -> None:
    """Put a `LogFile` in the place of each log file that Hydra has opened for this run."""
    root = logging.getLogger()
    for old in list(root.handlers):
        if type(old) is logging.FileHandler:
            new = LogFile(old.baseFilename, encoding=old.encoding)
            new.setFormatter(old.formatter)
            new.setLevel(old.level)
            root.removeHandler(old)
            root.addHandler(new)
            old.close()


class LogFile(logging.FileHandler):
    """Says once that it cannot be written; the standard one prints a traceback for each line."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._failed = False

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._failed:
            self._failed = True
            fault: UserError = cannot_write(self.baseFilename, error)
            sys.stderr.write(f"warning: {fault}; lines of this log are lost\n")

    @override
    def close(self) -> None:
        try:
            super().close()
        except OSError as error:  # what the disk did not take is still in the buffer
            if not self._failed:
                self._failed = True
                sys.stderr.write(f"warning: {cannot_write(self.baseFilename, error)}\n")
