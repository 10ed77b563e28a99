"""Faults that a person can fix, reported in one message and without a traceback."""


class UserError(Exception):
    """Something outside the code is wrong; the message says what, where and what to do."""

    exit_code = 1


class ConfigError(UserError):
    """The configuration is wrong; raised before any work starts."""

    exit_code = 2


class InterruptedFitError(UserError):
    """Someone stopped the fit; the message says how to continue it."""

    exit_code = 130


def first_line(error: BaseException) -> str:
    """The first line of what an error says, or its name where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def whole_text(error: BaseException) -> str:
    """All that an error says, on one line, or its name where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def reason_of(error: BaseException) -> str:
    """What went wrong, in words: a person's mistake speaks for itself, a fault gets its name."""
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"


FAILURE_FILE = "failure.txt"
"""In the folder of a sweep's run that failed: why."""
