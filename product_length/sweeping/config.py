"""Options of `sweep=`: what a sweep is called, and which recipe it is compared with."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from product_length.options import Options

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}")


def _checked_name(given: Any) -> str:
    # Hydra reads study=2026 as a number.
    name = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(
            "must be a name of letters (a to z), digits, '.', '_' and '-', at most 80 of them, "
            "beginning with a letter, a digit or '_'"
        )
    return name


# A folder under multirun/, a study in the database and a group in W&B are named so.
StudyName = Annotated[str, BeforeValidator(_checked_name)]


class PrunerOptions(Options):
    """When a trial is stopped in mid-training: its best val MAPE so far is not among the better
    `keep_percent` of what finished trials had at the same epoch.

    None is stopped before `startup_trials` have finished, nor in its first `warmup_epochs`.
    """

    keep_percent: Annotated[float, Field(gt=0, lt=100)] = 25.0
    startup_trials: Annotated[int, Field(ge=2)] = 3
    warmup_epochs: Annotated[int, Field(ge=1)] = 3


class SweepOptions(Options):
    """`reference`: overrides that name the recipe which others are compared with, beside the best.
    `without`: combinations of overrides that are no trials, such as a grid has.
    `pruner`: when hopeless trials are stopped; None trains every trial to its end.

    What is swept, by which sampler and how often, is Hydra's: `hydra.sweeper.*`.
    """

    name: StudyName
    without: tuple[tuple[str, ...], ...] = ()
    reference: tuple[str, ...] = ()
    pruner: PrunerOptions | None = None
