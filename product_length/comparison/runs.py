"""Finished runs on disk: found, read, and brought to one order of rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import yaml
from numpy.typing import NDArray

from product_length.comparison.recipe import CONFIG_FILE, Config, identity, load_config
from product_length.errors import FAILURE_FILE, UserError
from product_length.evaluation.estimates import Estimate
from product_length.evaluation.metrics import mape
from product_length.evaluation.predictions import (
    Predictions,
    load_predictions,
    predictions_path,
)
from product_length.evaluation.records import Report
from product_length.evaluation.report import REPORT_FILE, UnfinishedRunError, load_report

STOPPED_FILE = "stopped.txt"
"""In the folder of a sweep's run that was stopped in mid-training beside better ones: when, why."""
_RUN_MARKS = (REPORT_FILE, CONFIG_FILE)
_NO_RUNS = {".hydra", ".submitit", "wandb"}  # folders in which others keep files of such names


@dataclass(frozen=True)
class Run:
    """A finished run on disk; `config` is its resolved configuration, empty where none is kept.

    The runs of all folds of a recipe and seed together are one run too, with `folds`: its report's
    val split holds the out-of-fold figures, its folder is that of the first fold (`folds.pool`).
    """

    folder: Path
    report: Report
    config: Config = field(default_factory=dict)
    folds: "Folds | None" = None

    @property
    def trainings(self) -> Sequence["Run"]:
        """The runs that were trained: one for each fold, or this one."""
        return (self,) if self.folds is None else self.folds.runs

    @property
    def mape(self) -> Estimate:
        """Val MAPE (fraction) with its interval over rows."""
        return self.report.val.metrics.mape

    @property
    def seconds(self) -> float:
        """Time of all its stages."""
        return sum(self.report.timings.values())

    @property
    def recipe(self) -> str:
        """What runs of the same recipe share (see `recipe.identity`)."""
        return identity(self.config, self.report.overrides)


@dataclass(frozen=True)
class Folds:
    """What a run by folds is made of: a run for each fold, in their order.

    `predictions` are those of all rows, each by the run that left out its fold; `numbers` int64
    (rows,) are those folds. `coverage`: the share of rows (a fraction) that their run's intervals
    of level `level` hold, None without intervals. `repeated`: folders of older runs of a fold.
    """

    runs: tuple[Run, ...]
    predictions: Predictions
    numbers: NDArray[np.int64]
    coverage: float | None
    level: float | None
    repeated: tuple[Path, ...] = ()


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
            inside = sorted({file.parent for file in files if not _NO_RUNS & set(file.parts)}) or [
                path
            ]
        for folder in inside:
            found.setdefault(folder.resolve(), folder)
    return list(found.values())


def load_runs(folders: Iterable[Path]) -> tuple[list[Run], list[Path]]:
    """The finished runs, and the folders that hold no report.

    Raises UserError for a missing folder, a damaged report or config, and when no finished run is
    left.
    """
    loaded = [(folder, _load_run(folder)) for folder in folders]
    runs = [run for _, run in loaded if run is not None]
    unfinished = [folder for folder, run in loaded if run is None]
    if not runs:
        named = ", ".join(map(str, unfinished)) or "none given"
        raise UserError(f"no finished run to compare: no {REPORT_FILE} in {named}")
    return runs, unfinished


def why_unfinished(folder: Path) -> str | None:
    """Why a sweep's run failed; None for one that was killed, or still goes on."""
    return _text_of(folder / FAILURE_FILE)


def why_stopped(folder: Path) -> str | None:
    """Why a sweep stopped a run in mid-training; None for one that it did not stop."""
    return _text_of(folder / STOPPED_FILE)


def given_overrides(folder: Path) -> list[str] | None:
    """The overrides of a run that may not have finished; None where Hydra left none."""
    try:
        found = yaml.safe_load((folder / ".hydra" / "overrides.yaml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    return list(map(str, found)) if isinstance(found, list) else None


def run_predictions(run: Run, split: Literal["val", "test"]) -> Predictions:
    """What the run predicted for one split.

    Of a run by folds, val is what was predicted out of fold. Raises UserError when the file is
    missing, damaged or does not belong to the run's report.
    """
    if run.folds is not None and split == "val":
        return run.folds.predictions
    predictions = load_predictions(run.folder, split)
    measured = mape(predictions.lengths, predictions.predictions)
    reported = run.report.splits[split].metrics.mape.value
    if reported is None or not np.isclose(measured, reported, rtol=1e-6, atol=0):
        shown = "none" if reported is None else f"{reported:.6f}"
        raise UserError(
            f"{predictions_path(run.folder, split)}: does not belong to {REPORT_FILE} beside it "
            f"(MAPE {measured:.6f} against {shown}); run it again"
        )
    return predictions


def short_labels(folders: Sequence[Path]) -> list[str]:
    """The shortest ends of the folders' paths that tell them apart."""
    parts = [folder.resolve().parts for folder in folders]
    for size in range(1, max(map(len, parts), default=0) + 1):
        labels = ["/".join(part[-size:]) for part in parts]
        if len(set(labels)) == len(labels):
            return labels
    return [str(folder) for folder in folders]


def align(reference: Predictions, other: Predictions) -> NDArray[np.float64] | None:
    """The other run's predictions (rows,), catalogue's unit, in the order of the reference's rows.

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
        return Run(folder, load_report(folder), load_config(folder))
    except UnfinishedRunError:
        return None


def _text_of(path: Path) -> str | None:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def _as_array(rows: Predictions) -> NDArray[np.str_]:
    return np.asarray(rows.product_ids.to_pylist(), dtype=np.str_)
