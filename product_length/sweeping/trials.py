"""Which trials of a study count, what each is called, and which combinations are missing."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from product_length.comparison.compare import Missing
from product_length.evaluation.report import REPORT_FILE

OUTCOME = "outcome"
"""The user attribute of a trial that says how it ended."""
UNDER_WAY = "under way; if the trial has failed, it was killed"
TOTAL = "total"
"""The user attribute of a study that says how many trials it is to have."""
_REPLACES = "replaces"
_OF_RETRIES = ("failed_trial", "retry_history")
_RANK = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def settled(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Trials that count: finished, failed or left out, and not queued again since.

    A point of a grid counts once, however often it was tried.
    """
    replaced = {
        number
        for trial in trials
        for number in (*trial.system_attrs.get("retry_history", ()), *_replaces(trial))
    }
    ended = [t for t in trials if t.state.is_finished() and t.number not in replaced]
    ended.sort(key=lambda trial: _RANK.index(trial.state))
    by_point: dict[object, FrozenTrial] = {}
    for trial in ended:
        point = trial.system_attrs.get("grid_id", f"trial {trial.number}")
        by_point.setdefault(point, trial)
    return sorted(by_point.values(), key=lambda trial: trial.number)


def queued_again(trial: FrozenTrial) -> FrozenTrial:
    """A trial that waits to be run, of the same parameters and in the place of the given one."""
    tried = [*_replaces(trial), *trial.system_attrs.get("retry_history", ()), trial.number]
    return optuna.create_trial(
        state=TrialState.WAITING,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs={**trial.user_attrs, _REPLACES: tried},
        system_attrs={k: v for k, v in trial.system_attrs.items() if k not in _OF_RETRIES},
    )


def missing(trials: Sequence[FrozenTrial], total: int) -> list[Missing]:
    """The combinations that have no finished run, of `total` that there are to be."""
    count = settled(trials)
    found = [
        Missing(name_of(trial), reason_of_failure(trial), trial.number)
        for trial in count
        if trial.state is TrialState.FAIL
    ]
    grid: dict[str, list[Any]] = next(
        (t.system_attrs["search_space"] for t in trials if "grid_id" in t.system_attrs), {}
    )
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    if grid and len(points) == total:
        tried = {name_of(trial) for trial in count}
        names = [trial_name(point) for point in points]
        return found + [Missing(name, "not run yet") for name in names if name not in tried]
    left = total - len(count)
    return found + [Missing(f"{left} more of {total}", "not run yet")] * (left > 0)


def elsewhere(trials: Sequence[FrozenTrial], folder: Path) -> list[str]:
    """Finished trials whose run folders are not in the sweep's: deleted, or of another machine."""
    return [
        f"{name_of(trial)} (trial {trial.number})"
        for trial in trials
        if trial.state is TrialState.COMPLETE
        and not (folder / str(trial.number) / REPORT_FILE).is_file()
    ]


def name_of(trial: FrozenTrial) -> str:
    """The overrides that a trial has of its own; one that never got so far has its number."""
    return trial_name(trial.params) if trial.params else f"trial {trial.number}"


def reason_of_failure(trial: FrozenTrial) -> str:
    """Why a trial failed."""
    said = trial.user_attrs.get(OUTCOME, UNDER_WAY)
    return "killed before it ended" if said == UNDER_WAY else str(said)


def trial_name(params: Mapping[str, Any]) -> str:
    """Overrides as one text; empty where there are none."""
    # By key: a grid keeps its keys so, trials as they were given.
    words = ((key, params[key]) for key in sorted(params))
    return " ".join(
        f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in words
    )


def _replaces(trial: FrozenTrial) -> Sequence[int]:
    numbers: Sequence[int] = trial.user_attrs.get(_REPLACES, ())
    return numbers
