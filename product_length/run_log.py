"""What goes into a run's log file alone, since the console shows it in another way."""

import logging


def log_to_file(
    logger: logging.Logger, level: int, message: str, error: BaseException | None = None
) -> None:
    """Log to the files that the root logger writes; the traceback of `error`, if given, too."""
    trace = None if error is None else (type(error), error, error.__traceback__)
    record = logger.makeRecord(logger.name, level, __file__, 0, message, (), trace)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler) and level >= handler.level:
            handler.handle(record)
