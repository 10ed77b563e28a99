"""The runs of all folds of a recipe as one run, scored by what each predicted for its own fold.

In cross-validation (`data.split.folds`) the test rows of a run are its fold. The test predictions
of all folds together are out-of-fold predictions of every row: each product is predicted once, by
the model that did not see its fold. They stand in the place of val predictions, so that recipes
are ranked and paired on all rows as they otherwise are on val rows.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from product_length.comparison.recipe import recipe_names, recipe_overrides
from product_length.comparison.runs import Folds, Run, run_predictions
from product_length.errors import UserError
from product_length.evaluation.estimates import Estimate, MetricEstimates, estimate_metrics
from product_length.evaluation.metrics import absolute_percentage_errors
from product_length.evaluation.predictions import Predictions, load_predictions
from product_length.evaluation.records import Baseline, Report, SplitReport
from product_length.evaluation.remarks import remarks
from product_length.evaluation.resampling import Difference, verdict

OUT_OF_FOLD = "out_of_fold"
"""The folder, beside a comparison, of the predictions by folds."""
_SHOWN_IDS = 3


@dataclass(frozen=True)
class Incomplete:
    """A recipe and seed that lack the runs of some folds, numbered from 0, of `folds`."""

    name: str
    seed: int
    missing: tuple[int, ...]
    folds: int

    def __str__(self) -> str:
        """Which folds of what, as in `loss=mape, seed 0, lacks fold 3, 4 of 0–4`."""
        named = ", ".join(map(str, self.missing))
        return f"{self.name}, seed {self.seed}, lacks fold {named} of 0–{self.folds - 1}"


def fold_count(run: Run) -> int | None:
    """How many folds the rows of a run were split into; None for one that is no fold."""
    return _split(run).get("folds")


def pool(runs: Sequence[Run]) -> tuple[list[Run], list[Incomplete]]:
    """Runs with the folds of each recipe and seed as one, and what is left out for want of folds.

    Raises UserError when the predictions of folds do not hold each product once, or a file of
    theirs is missing or damaged.
    """
    whole: list[Run] = []
    found: dict[tuple[str, int, str], list[Run]] = defaultdict(list)
    for run in runs:
        if fold_count(run) is None:
            whole.append(run)
        else:
            found[run.recipe, run.report.seed, run.report.data.fingerprint].append(run)
    incomplete = []
    names = _names([some[0] for some in found.values()])
    for some, name in zip(found.values(), names, strict=True):
        folds = fold_count(some[0]) or 0
        by_fold, repeated = _newest(some)
        missing = tuple(fold for fold in range(folds) if fold not in by_fold)
        if missing:
            incomplete.append(Incomplete(name, some[0].report.seed, missing, folds))
        else:
            whole.append(_as_one([by_fold[fold] for fold in range(folds)], repeated))
    return whole, incomplete


def out_of_fold_table(run: Run) -> Any:
    """Out-of-fold predictions as a table, one row per product.

    It has the columns that the folds' own files share (see `predictions.write_predictions`), and
    `fold`, the number of the fold, from 0, that the product lies in.
    """
    assert run.folds is not None
    rows = run.folds.predictions
    columns = {
        "PRODUCT_ID": rows.product_ids,
        "PRODUCT_TYPE_ID": rows.types,
        "length": rows.lengths,
        "prediction": rows.predictions,
        "ape": absolute_percentage_errors(rows.lengths, rows.predictions),
        "fold": run.folds.numbers,
    }
    if rows.oracle is not None:
        columns["oracle"] = rows.oracle
    return pa.table(columns)


def _split(run: Run) -> dict[str, Any]:
    data = run.config.get("data")
    split = data.get("split") if isinstance(data, dict) else None
    return split if isinstance(split, dict) else {}


def _names(runs: Sequence[Run]) -> list[str]:
    if not runs:
        return []
    different = list(dict.fromkeys(tuple(recipe_overrides(run.report.overrides)) for run in runs))
    _, names = recipe_names(different)
    named = dict(zip(different, names, strict=True))
    return [named[tuple(recipe_overrides(run.report.overrides))] for run in runs]


def _newest(runs: Sequence[Run]) -> tuple[dict[int, Run], list[Path]]:
    """The last run of each fold, and the folders of older ones."""
    by_fold: dict[int, Run] = {}
    repeated = []
    for run in sorted(runs, key=lambda run: run.report.created):
        fold = int(_split(run)["fold"])
        if fold in by_fold:
            repeated.append(by_fold[fold].folder)
        by_fold[fold] = run
    return by_fold, repeated


def _as_one(runs: Sequence[Run], repeated: Sequence[Path]) -> Run:
    """One run of the runs of all folds, in their order."""
    # A fold may be empty where texts are few; its run has no test split then.
    scored = [run for run in runs if "test" in run.report.splits]
    parts = {int(_split(run)["fold"]): _of_fold(run) for run in scored}
    rows = _joined(list(parts.values()))
    _check_each_once(runs, rows)
    splits = [run.report.splits["test"] for run in scored]
    sizes = np.array([len(part.lengths) for part in parts.values()])
    covered = [split.intervals for split in splits if split.intervals is not None]
    coverage = None
    if covered and len(covered) == len(splits):
        shares = [each.overall.coverage for each in covered]
        coverage = float(np.average(np.array(shares, dtype=np.float64), weights=sizes))
    folds = Folds(
        runs=tuple(runs),
        predictions=rows,
        numbers=np.repeat(np.array(list(parts), dtype=np.int64), sizes),
        coverage=coverage,
        level=covered[0].level if coverage is not None else None,
        repeated=tuple(repeated),
    )
    first = runs[0]
    return replace(first, report=_report(runs, rows, splits), folds=folds)


def _of_fold(run: Run) -> Predictions:
    """What a run predicted for its fold, which holds none of the rows that chose its epoch."""
    predictions = run_predictions(run, "test")
    rows = run.report.data.rows["test"]
    if len(predictions.lengths) != rows:
        raise UserError(
            f"{run.folder}: its fold holds {rows:,} products, but {len(predictions.lengths):,} "
            "were predicted; run it again"
        )
    chosen_by = load_predictions(run.folder, "val").product_ids
    seen = set(predictions.product_ids.to_pylist()) & set(chosen_by.to_pylist())
    if seen:
        raise UserError(
            f"{run.folder}: {_some(seen)} of its fold chose its epoch too, so that it is not "
            "scored on products unseen; run it again"
        )
    return predictions


def _joined(parts: Sequence[Predictions]) -> Predictions:
    if not parts:
        raise UserError("no fold holds a product: there is nothing to compare")
    oracles = [part.oracle for part in parts if part.oracle is not None]
    return Predictions(
        product_ids=pa.concat_arrays([part.product_ids for part in parts]),
        types=pa.concat_arrays([part.types for part in parts]),
        lengths=np.concatenate([part.lengths for part in parts]),
        predictions=np.concatenate([part.predictions for part in parts]),
        oracle=np.concatenate(oracles) if len(oracles) == len(parts) else None,
    )


def _check_each_once(runs: Sequence[Run], rows: Predictions) -> None:
    """Raise UserError unless each product of the catalogue is predicted for one fold."""
    ids, times = np.unique(np.asarray(rows.product_ids.to_pylist(), np.str_), return_counts=True)
    sizes = {sum(run.report.data.rows.values()) for run in runs}
    if (times > 1).any() or sizes != {len(ids)}:
        faults = []
        if (times > 1).any():
            faults.append(f"{_some(ids[times > 1].tolist())} in several folds")
        if max(sizes) > len(ids):
            faults.append(f"{max(sizes) - len(ids):,} of {max(sizes):,} products in none")
        said = " and ".join(faults) or f"{len(ids):,} products where the runs read {min(sizes):,}"
        raise UserError(
            f"the folds in {', '.join(str(run.folder) for run in runs)} do not hold each product "
            f"once: {said}; a model may have seen what it is scored on. Run them again"
        )


def _some(ids: Sequence[str] | set[str]) -> str:
    named = ", ".join(sorted(ids)[:_SHOWN_IDS]) + (" …" if len(ids) > _SHOWN_IDS else "")
    return f"{len(ids):,} product{'s' if len(ids) > 1 else ''} ({named})"


def _report(runs: Sequence[Run], rows: Predictions, splits: Sequence[SplitReport]) -> Report:
    """The report of the first fold with the figures of all; what is of one model only goes."""
    first = runs[0].report
    (metrics,) = estimate_metrics(
        rows.lengths, [rows.predictions], first.bands, **first.resampling.model_dump()
    )
    shared = [
        name for name in splits[0].baselines if all(name in each.baselines for each in splits)
    ]
    baselines = {name: _over_folds([each.baselines[name] for each in splits]) for name in shared}
    oracles = [each.oracle for each in splits if each.oracle is not None]
    pooled = SplitReport(
        metrics=metrics,
        baselines=baselines,
        oracle=_over_folds(oracles) if len(oracles) == len(splits) else None,
        remarks=remarks(metrics, baselines),
    )
    stages = dict.fromkeys(stage for run in runs for stage in run.report.timings)
    return first.model_copy(
        update={
            "created": max(run.report.created for run in runs),
            "overrides": recipe_overrides(first.overrides),
            "history": [],
            "timings": {
                stage: sum(run.report.timings.get(stage, 0.0) for run in runs) for stage in stages
            },
            "features": [],
            "seconds_before_first_step": None,
            "truncated_shares": {},
            "snap": None,
            "splits": {"val": pooled},
        }
    )


def _over_folds(found: Sequence[Baseline]) -> Baseline:
    """A baseline over all folds: its MAPE and the difference to it, weighted by the folds' rows.

    Runs keep no predictions of their baselines, so rows cannot be resampled again here. Folds share
    no rows: the distances from their differences to the ends of their intervals add up as the roots
    of their weighted squares. Source: Zou & Donner, Statistics in Medicine 27 (2008).
    """
    sizes = np.array([each.difference.rows for each in found])
    weights = sizes / sizes.sum()
    mapes = np.array([each.metrics.mape.value for each in found], dtype=np.float64)
    differences = [each.difference for each in found]
    values = np.array([each.value for each in differences])
    value = float(weights @ values)
    lows = [each.low for each in differences if each.low is not None]
    highs = [each.high for each in differences if each.high is not None]
    low = high = None
    if len(lows) == len(highs) == len(found):
        low = value - float(np.sqrt(np.sum((weights * (values - np.array(lows))) ** 2)))
        high = value + float(np.sqrt(np.sum((weights * (np.array(highs) - values)) ** 2)))
    rows = int(sizes.sum())
    return Baseline(
        metrics=MetricEstimates(rows, {"mape": Estimate(float(weights @ mapes))}, []),
        difference=Difference(rows, value, low, high, verdict(low, high)),
    )
