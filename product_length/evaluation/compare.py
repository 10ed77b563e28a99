"""Which of several runs is best, and whether the others differ from it by more than luck.

Only runs on the same rows are compared: they are grouped by the fingerprint of their data and by
track. Within a group they rank by val MAPE; a run is paired with the reference (the best one,
unless another is asked for) row by row, when both were scored on the same products.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from product_length.errors import UserError
from product_length.evaluation import metrics
from product_length.evaluation.assess import is_better
from product_length.evaluation.bootstrap import Difference, Estimate, paired_differences
from product_length.evaluation.predictions import (
    Predictions,
    load_predictions,
    predictions_path,
)
from product_length.evaluation.records import Report
from product_length.evaluation.report import REPORT_FILE, UnfinishedRunError, load_report

# What a run is called leaves these out: they say where and how often it ran, not which recipe.
_NOT_RECIPE = ("seed", "cache_dir", "tracking", "hydra")
_RUN_MARKS = (REPORT_FILE, "config.yaml")


@dataclass(frozen=True)
class Run:
    """A finished run on disk."""

    folder: Path
    report: Report

    @property
    def mape(self) -> Estimate:
        """Val MAPE (fraction) with its interval."""
        return self.report.val.metrics.mape

    @property
    def seconds(self) -> float:
        """Time of all its stages."""
        return sum(self.report.timings.values())


@dataclass(frozen=True)
class Ranked:
    """A run in its group: `recipe` tells it from the others, `label` is its folder, shortened.

    `difference` is its val MAPE minus the reference's on the same rows; None for the reference
    itself and for a run on other rows (`same_rows` False).
    """

    rank: int
    run: Run
    recipe: str
    label: str
    is_reference: bool
    same_rows: bool
    difference: Difference | None


@dataclass(frozen=True)
class Group:
    """Runs on the same data and track, best val MAPE first.

    `shared_overrides` are those of every run; recipes are named by the others.
    """

    fingerprint: str
    track: str
    shared_overrides: list[str]
    runs: list[Ranked]

    @property
    def best(self) -> Ranked:
        """The run with the lowest val MAPE."""
        return self.runs[0]

    @property
    def reference(self) -> Ranked:
        """The run that the others are paired with."""
        return next(ranked for ranked in self.runs if ranked.is_reference)

    @property
    def confidence(self) -> float:
        """Confidence of the paired intervals."""
        return self.reference.run.report.resampling.confidence

    @property
    def undistinguished(self) -> list[Ranked]:
        """Runs whose difference to the reference may be nothing but the choice of rows."""
        return [
            ranked
            for ranked in self.runs
            if ranked.difference is not None
            and not is_better(ranked.difference)
            and not (ranked.difference.low is not None and ranked.difference.low > 0)
        ]


@dataclass(frozen=True)
class Comparison:
    """Groups that are not comparable with each other, and what was left out."""

    groups: list[Group]
    unfinished: list[Path]


def find_run_folders(paths: Iterable[Path]) -> list[Path]:
    """Run folders under the given folders, each once, in order.

    A folder that is no run itself but holds runs (a sweep's) stands for all of them. Raises
    UserError when a folder is missing; one that holds no run at all is returned as it is.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such run folder")
        inside = [path]
        if path.is_dir() and not any((path / mark).exists() for mark in _RUN_MARKS):
            files = (file for mark in _RUN_MARKS for file in path.rglob(mark))
            inside = sorted({file.parent for file in files if ".hydra" not in file.parts}) or [path]
        for folder in inside:
            found.setdefault(folder.resolve(), folder)
    return list(found.values())


def load_runs(folders: Iterable[Path]) -> tuple[list[Run], list[Path]]:
    """The finished runs, and the folders that hold no report.

    Raises UserError for a missing folder or a damaged report, and when no finished run is left.
    """
    loaded = [(folder, _load_run(folder)) for folder in folders]
    runs = [run for _, run in loaded if run is not None]
    unfinished = [folder for folder, run in loaded if run is None]
    if not runs:
        named = ", ".join(map(str, unfinished)) or "none given"
        raise UserError(f"no finished run to compare: no {REPORT_FILE} in {named}")
    return runs, unfinished


def compare(
    runs: Sequence[Run], *, reference: Path | None = None, unfinished: Sequence[Path] = ()
) -> Comparison:
    """Group, rank and pair runs.

    `reference` is the folder of the run to pair with; groups without it use their best run.
    Raises UserError when it is not among the runs, or a run's predictions are missing, damaged or
    do not belong to its report.
    """
    wanted = None if reference is None else reference.resolve()
    if wanted is not None and all(run.folder.resolve() != wanted for run in runs):
        raise UserError(f"{reference}: the reference is not among the finished runs")
    labels = short_labels([run.folder for run in runs])
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, run in enumerate(runs):
        members[run.report.data.fingerprint, run.report.track].append(i)
    groups = []
    for (fingerprint, track), indices in members.items():
        indices.sort(key=lambda i: _mape(runs[i]))
        chosen = next((i for i in indices if runs[i].folder.resolve() == wanted), indices[0])
        differences = _pair([runs[i] for i in indices], runs[chosen])
        shared, recipes = recipe_names([runs[i].report.overrides for i in indices])
        ranked = [
            Ranked(
                rank=rank,
                run=runs[i],
                recipe=recipes[rank - 1],
                label=labels[i],
                is_reference=i == chosen,
                same_rows=i == chosen or difference is not None,
                difference=difference,
            )
            for rank, (i, difference) in enumerate(zip(indices, differences, strict=True), start=1)
        ]
        groups.append(Group(fingerprint, track, shared, ranked))
    groups.sort(key=lambda group: -len(group.runs))
    return Comparison(groups, list(unfinished))


def recipe_names(overrides: Sequence[Sequence[str]]) -> tuple[list[str], list[str]]:
    """Overrides that all runs share, and a name for each run from those that they do not.

    Seed, tracking and folders are no part of a recipe. Runs of one recipe get one name.
    """
    recipes = [
        [text for text in dict.fromkeys(run) if _key(text).split(".")[0] not in _NOT_RECIPE]
        for run in overrides
    ]
    shared = [text for text in recipes[0] if all(text in recipe for recipe in recipes)]
    if all(len(recipe) == len(shared) for recipe in recipes):
        shared = []  # one recipe only: its overrides are its name
    names = [
        " ".join(text for text in recipe if text not in shared)
        or ("only the shared overrides" if shared else "defaults")
        for recipe in recipes
    ]
    return shared, names


def short_labels(folders: Sequence[Path]) -> list[str]:
    """The shortest ends of the folders' paths that tell them apart."""
    parts = [folder.resolve().parts for folder in folders]
    for size in range(1, max(map(len, parts), default=0) + 1):
        labels = ["/".join(part[-size:]) for part in parts]
        if len(set(labels)) == len(labels):
            return labels
    return [str(folder) for folder in folders]


def align(reference: Predictions, other: Predictions) -> NDArray[np.float64] | None:
    """The other run's predictions (rows,), 1/100 inch, in the order of the reference's rows.

    None when they are not of the same products with the same true lengths.
    """
    if len(reference.product_ids) != len(other.product_ids):
        return None
    if not reference.product_ids.equals(other.product_ids):
        order = np.argsort(_as_array(reference), kind="stable")
        other_order = np.argsort(_as_array(other), kind="stable")
        if not np.array_equal(_as_array(reference)[order], _as_array(other)[other_order]):
            return None
        positions = np.empty(order.size, dtype=np.int64)
        positions[order] = other_order
    else:
        positions = np.arange(len(reference.product_ids))
    if not np.array_equal(reference.lengths, other.lengths[positions]):
        return None
    return other.predictions[positions]


def _load_run(folder: Path) -> Run | None:
    try:
        return Run(folder, load_report(folder))
    except UnfinishedRunError:
        return None


def _pair(runs: Sequence[Run], reference: Run) -> list[Difference | None]:
    """Each run's MAPE minus the reference's; None for the reference and for other rows."""
    if len(runs) == 1:
        _load(reference)
        return [None]
    base = _load(reference)
    aligned = {
        str(i): predictions
        for i, run in enumerate(runs)
        if run is not reference and (predictions := align(base, _load(run))) is not None
    }
    # Paired the other way round (reference minus run) so that all runs share the draws.
    differences = paired_differences(
        base.lengths, base.predictions, aligned, **reference.report.resampling.model_dump()
    )
    return [
        differences[str(i)].reversed() if str(i) in differences else None for i in range(len(runs))
    ]


def _load(run: Run) -> Predictions:
    predictions = load_predictions(run.folder, "val")
    measured = metrics.mape(predictions.lengths, predictions.predictions)
    if not np.isclose(measured, _mape(run), rtol=1e-6, atol=0):
        raise UserError(
            f"{predictions_path(run.folder, 'val')}: does not belong to {REPORT_FILE} beside it "
            f"(MAPE {measured:.6f} against {_mape(run):.6f}); run it again"
        )
    return predictions


def _mape(run: Run) -> float:
    return float("inf") if run.mape.value is None else run.mape.value


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0].partition("@")[0].replace("/", ".")


def _as_array(rows: Predictions) -> NDArray[np.str_]:
    return np.asarray(rows.product_ids.to_pylist(), dtype=np.str_)
