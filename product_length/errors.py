"""Faults that a person can mend, told in one message and without a traceback."""


class UserError(Exception):
    """Something outside the code is wrong; the message says what, where and what to do."""

    exit_code = 1


class ConfigError(UserError):
    """The configuration is wrong; raised before any work starts."""

    exit_code = 2


class InterruptedFitError(UserError):
    """Someone stopped the fit; the message says how to continue it."""

    exit_code = 130


FAILURE_FILE = "failure.txt"
"""In the folder of a sweep's run that failed: why."""
