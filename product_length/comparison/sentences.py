"""What a comparison of recipes says, in sentences."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from product_length.comparison.compare import Comparison, Group
from product_length.comparison.folds import OUT_OF_FOLD
from product_length.comparison.recipe import recipe_and_seed
from product_length.comparison.runs import given_overrides, why_stopped, why_unfinished
from product_length.evaluation.metrics import MAPE
from product_length.evaluation.wording import (
    count,
    decision_in_words,
    duration,
    metric_with_range,
)

_ROWS_ONLY = (
    "Intervals are over rows: they hold the luck of which products were scored, not that of the "
    "training seed. One seed cannot show that a recipe is better, only that these runs are."
)
_ROWS_AND_SEEDS = (
    "Intervals hold the luck of which products were scored and that of the training seed; from "
    "two or three seeds they are wide."
)
_MIXED = (
    "Where a recipe has one seed, its intervals are over rows only, and its verdicts say no more "
    "than that."
)


def headline(group: Group) -> list[str]:
    """What the group shows."""
    best = group.best
    several = any(len(recipe.runs) > 1 for recipe in group.recipes)
    tried = _counted(len(group.runs), "run")
    where = "on val" if group.folds is None else "out-of-fold"
    lead = f"Best {where}"
    if len(group.recipes) > 1:
        lead = f"Best of {len(group.recipes)} recipes, {tried}, {where}"
    elif several or group.folds is not None:
        lead = f"One recipe, {tried}, {where}"
    seeds = f", {_counted(len(best.runs), 'seed')}" if several else ""
    says = [f"{lead}: {best.name}, MAPE {metric_with_range(MAPE, best.mape)}{seeds}."]
    says += _decisions(group)
    says += _close(group)
    says += _by_folds(group)
    if group.reference is not None:
        where = "the best one" if group.reference is best else f"rank {group.reference.rank}"
        says.append(f"The reference is {group.reference.name}, {where}.")
    if group.shared_overrides:
        says.append(f"All recipes share: {' '.join(group.shared_overrides)}.")
    others = sum(recipe.rows != best.rows for recipe in group.recipes)
    if others:
        says.append(
            f"{others} of {len(group.recipes)} recipes were scored on other {group.scored_on} "
            "rows than the best: not paired with it."
        )
    others = sum(recipe.bands != group.bands for recipe in group.recipes)
    if others:
        says.append(
            f"{others} of {len(group.recipes)} recipes have other bands of {group.quantity.noun} "
            "than the best: left out where errors are shown by band."
        )
    if group.repeated:
        named = ", ".join(map(str, group.repeated))
        says.append(
            f"Left out, a newer run has the same recipe and seed ({len(group.repeated)}): {named}."
        )
    return says + best.val.remarks


def lacks(comparison: Comparison) -> list[str]:
    """What of a sweep is not in its comparison."""
    says = []
    if comparison.missing:
        named = "; ".join(f"{each.name} ({each.reason})" for each in comparison.missing)
        says.append(
            f"Missing, no finished run ({len(comparison.missing)}): {named}. The sweep's command "
            "runs what is missing when it is given again."
        )
    if comparison.incomplete:
        says.append(
            f"Left out, not all folds are there ({len(comparison.incomplete)}): "
            f"{'; '.join(map(str, comparison.incomplete))}."
        )
    if comparison.elsewhere:
        says.append(
            f"Finished, but its folder is not here ({len(comparison.elsewhere)}): "
            f"{'; '.join(comparison.elsewhere)}. It was deleted, or lies on another machine."
        )
    return says


def notes(comparison: Comparison) -> list[str]:
    """What holds for the whole comparison."""
    says = []
    groups = comparison.groups
    if len(groups) > 1:
        says.append(
            f"The runs form {len(groups)} groups on different data or length ranges; figures "
            "of different groups are not comparable."
        )
    units = list(dict.fromkeys(str(group.quantity.unit) for group in groups))
    if len(units) > 1:
        says.append(f"They are in different units ({', '.join(units)}): never in one table.")
    finished = {_what(run.report.overrides) for group in groups for run in group.runs}
    stopped = [folder for folder in comparison.unfinished if why_stopped(folder)]
    if stopped:
        named = "; ".join(_unfinished(folder, finished) for folder in stopped)
        says.append(
            f"Stopped early by the sweep's pruner, hence not ranked ({len(stopped)}): {named}."
        )
    others = [folder for folder in comparison.unfinished if folder not in stopped]
    if others:
        named = "; ".join(_unfinished(folder, finished) for folder in others)
        says.append(f"Skipped, not finished ({len(others)}): {named}.")
    says += _before_first_step(comparison)
    if comparison.reference is not None:
        without = sum(group.reference is None for group in groups)
        if without == len(groups):
            says.append(f"No recipe matches the reference {comparison.reference}.")
        elif without:
            says.append(
                f"No recipe matches the reference {comparison.reference} in {without} of "
                f"{len(groups)} groups."
            )
    levels = {run.report.resampling.confidence for group in groups for run in group.runs}
    if len(levels) > 1:
        named = ", ".join(f"{100 * level:g}%" for level in sorted(levels))
        says.append(f"The runs' own intervals are of different confidence: {named}.")
    sizes = [len(recipe.runs) for group in groups for recipe in group.recipes]
    if max(sizes) == 1:
        return [*says, _ROWS_ONLY]
    return [*says, _ROWS_AND_SEEDS, *([_MIXED] if min(sizes) == 1 else [])]


def title(comparison: Comparison) -> str:
    """How much is compared: "Comparison of 16 recipes, 48 runs"."""
    recipes = sum(len(group.recipes) for group in comparison.groups)
    runs = sum(len(group.runs) for group in comparison.groups)
    missing = len(comparison.missing)
    lacking = f"; {_counted(missing, 'combination')} missing" if missing else ""
    return f"Comparison of {_counted(recipes, 'recipe')}, {_counted(runs, 'run')}{lacking}"


def group_title(group: Group) -> str:
    """Data, length range and size of a group."""
    rows = group.best.val.metrics.rows
    data = group.best.runs[0].report.data
    what = f"{group.quantity.in_words}, {group.length_range}"
    fingerprint = group.fingerprint[:12]
    kind = f"{group.scored_on} rows" if group.folds is None else f"rows by {group.folds} folds"
    return f"{data.source}, {what}, {count(rows)} {kind} (data {fingerprint})"


def _decisions(group: Group) -> list[str]:
    """What predictions are decided for, where it is known."""
    found = list(dict.fromkeys(each.decision for each in group.recipes if each.decision))
    if len(found) > 1:
        return [
            f"Recipes are decided for different metrics ({', '.join(found)}): compare each metric "
            "under its own decision."
        ]
    return [f"{decision_in_words(each)[0].upper()}{decision_in_words(each)[1:]}." for each in found]


def _close(group: Group) -> list[str]:
    """Whether luck may have put the best recipe first."""
    pairs = [recipe for recipe in group.recipes if recipe.to_best is not None]
    close = [recipe.name for recipe in group.undistinguished]
    one_seed = any(len(recipe.runs) == 1 for recipe in (group.best, *pairs))
    if close:
        named = ", ".join(close[:5]) + (f" and {len(close) - 5} more" if len(close) > 5 else "")
        what = "These rows" if one_seed else "These rows and seeds"
        return [f"{what} cannot distinguish it from {named}."]
    if not pairs or len(pairs) < len(group.recipes) - 1:
        return []
    if one_seed:
        return [
            "Every other recipe is worse by more than the choice of rows explains; another seed "
            "may say otherwise."
        ]
    return ["Every other recipe is worse by more than the choice of rows and seeds explains."]


def _by_folds(group: Group) -> list[str]:
    """What out-of-fold figures are, and what they are not."""
    if group.folds is None:
        return []
    says = [
        f"Figures are out-of-fold: each of {count(group.best.val.metrics.rows)} rows was predicted "
        f"once, by that one of {group.folds} models which did not see its fold. The predictions "
        f"are in {OUT_OF_FOLD}/, a file for each recipe and seed."
    ]
    if len(group.recipes) > 1:
        says.append(
            "The comparison is fair to every recipe, but the best was chosen by these same rows: "
            "on new products expect a somewhat higher MAPE of it than here."
        )
    return says


def _unfinished(folder: Path, finished: set[tuple[str, ...]]) -> str:
    overrides = given_overrides(folder)
    if overrides is not None and _what(overrides) in finished:
        return f"{folder} (has finished in another folder)"
    reason = why_stopped(folder) or why_unfinished(folder)
    own = [
        word
        for word in recipe_and_seed(overrides or [])
        if not all(word in other for other in finished)
    ]
    said = ": ".join(each for each in (" ".join(own), reason) if each)
    return f"{folder} ({said})" if said else f"{folder}"


def _what(overrides: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(recipe_and_seed(overrides)))


def _before_first_step(comparison: Comparison) -> list[str]:
    """What reading, encoding and neighbour search cost the first run, and the others."""
    runs = [run for group in comparison.groups for run in group.runs]
    seconds = [
        run.report.seconds_before_first_step
        for run in sorted(runs, key=lambda run: run.report.created)
        if run.report.seconds_before_first_step is not None
    ]
    if len(seconds) < 2:
        return []
    return [
        f"Before its first step the run that ended first took {duration(seconds[0])}, the others "
        f"{duration(median(seconds[1:]))} (median)."
    ]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
