"""The charts of a comparison: ranked intervals, learning curves, error by band of true length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from product_length.comparison.compare import Group, Recipe
from product_length.comparison.runs import Run
from product_length.evaluation.metrics import MAPE, Metric
from product_length.evaluation.wording import metric_with_range, percent, row_count
from product_length.pages.charts import by_category, curves, ranked
from product_length.pages.colours import SERIES, SOFT, Look, of_baseline, series
from product_length.pages.page import Chart
from product_length.pages.series import Line, Series, height_of_rows

_MOST_ROWS = 40

Curve = Mapping[float, float]
"""Val MAPE (percent) by epoch."""


def label(recipe: Recipe) -> str:
    """A recipe's rank and overrides without their groups, so that what differs is left to see."""
    words = []
    for word in recipe.name.split():
        key, sign, value = word.partition("=")
        words.append(f"{key.rpartition('.')[2]}{sign}{value}" if sign else word)
    return f"{recipe.rank}. {' '.join(words)}"


def beside_recipes(name: str) -> Look:
    """The look of a baseline where recipes have the colours: grey, with its own open symbol."""
    look = of_baseline(name)
    return Look(SOFT, f"{look.symbol}-open", look.dash)


def ranking_chart(group: Group) -> Chart:
    """MAPE of each recipe with its interval and seeds, best first, and the best baseline."""
    shown = group.recipes[:_MOST_ROWS]
    several = any(len(recipe.runs) > 1 for recipe in shown)
    left_out = len(group.recipes) - len(shown)
    note = "One row for each recipe, best first." + " Small dots are single seeds." * several
    if left_out:
        note += f" The {left_out} recipes behind these are left out."
    seeds = [
        [(seed, 100 * value) for seed, value in _seeds(recipe) if value is not None]
        for recipe in shown
    ]
    figure = ranked(
        [label(recipe) for recipe in shown],
        Series(
            "MAPE",
            [_percent(recipe.mape.value) for recipe in shown],
            series(0),
            [_percent(recipe.mape.low) for recipe in shown],
            [_percent(recipe.mape.high) for recipe in shown],
        ),
        f"{group.scored_on} MAPE",
        looks=[series(at) for at in range(len(shown))],
        points=[[value for _, value in each] if len(each) > 1 else [] for each in seeds],
        point_names=[[f"seed {seed}: {value:.1f}%" for seed, value in each] for each in seeds],
        labels=[metric_with_range(MAPE, recipe.mape) for recipe in shown],
        lines=_best_baseline(group),
    )
    title = f"{group.scored_on.capitalize()} MAPE with intervals"
    return Chart(figure, title, note, height=height_of_rows(len(shown)))


def learning_chart(group: Group) -> Chart | None:
    """Val MAPE of each epoch, the first recipes, single seeds faint; None when no run noted it."""
    lines: list[Series] = []
    for at, recipe in enumerate(group.recipes[:SERIES]):
        found = [curve for run in recipe.runs if (curve := _curve(run))]
        if len(found) > 1:
            lines += [_line(label(recipe), each, at, faint=True) for each in found]
        if found:
            lines.append(_line(label(recipe), _mean(found), at))
    if not lines:
        return None
    several = any(each.faint for each in lines)
    note = "Val MAPE after each epoch." + _first_only(group)
    note += " Means over seeds while all of them train; faint lines are single seeds." * several
    best = [
        Line(100 * value, name, beside_recipes(name))
        for name, baseline in group.best.val.compared_with()
        if (value := baseline.metrics.mape.value) is not None
    ]
    return Chart(curves(lines, "epoch", "MAPE", lines=best), "Learning curves", note, height=480)


def band_chart(group: Group, metric: Metric) -> Chart:
    """A val metric by band of true length: the first recipes, and the best one's baselines."""
    filled = [at for at, band in enumerate(group.best.val.metrics.bands) if band.rows]
    bands = [group.best.val.metrics.bands[at] for at in filled]
    factor = 100 if metric.is_percentage else 1

    def scaled(value: float | None) -> float | None:
        return None if value is None else factor * value

    found: list[Series] = []
    for at, recipe in enumerate(group.recipes[:SERIES]):
        estimates = [recipe.in_band(metric, number, group.bands) for number in filled]
        found.append(
            Series(
                label(recipe),
                [scaled(each.value) for each in estimates],
                series(at),
                [scaled(each.low) for each in estimates],
                [scaled(each.high) for each in estimates],
            )
        )
    baselines = [
        (name, baseline.metrics.bands)
        for name, baseline in group.best.val.compared_with()
        if len(baseline.metrics.bands) == len(group.best.val.metrics.bands)
    ]
    for name, of_bands in baselines:
        values = [scaled(of_bands[number][metric.name].value) for number in filled]
        found.append(Series(name, values, beside_recipes(name)))
    by = group.quantity.labelled("true")
    figure = by_category(
        [band.band for band in bands],
        found,
        by,
        metric.title,
        sign="%" if metric.is_percentage else "",
        sizes=[row_count(band.rows) for band in bands],
    )
    where = group.scored_on.capitalize()
    note = f"{where} {metric.title} with intervals by {by}." + _first_only(group)
    if not baselines:  # those of folds are pooled over all lengths only
        note += " No baseline is known by band."
    title = "Error" if metric is MAPE else metric.title
    return Chart(figure, f"{title} by true {group.quantity.noun}", note, height=480)


def _first_only(group: Group) -> str:
    more = len(group.recipes) > SERIES
    return f" The first {SERIES} recipes only." if more else ""


def _seeds(recipe: Recipe) -> list[tuple[int, float | None]]:
    return list(zip(recipe.seeds, recipe.seed_mapes, strict=True))


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _best_baseline(group: Group) -> list[Line]:
    for name, baseline in group.best.val.compared_with():
        value = baseline.metrics.mape.value
        if baseline is not group.best.val.oracle and value is not None:
            said = f"best baseline: {name}, {percent(value)}"
            return [Line(100 * value, said, beside_recipes(name))]
    return []


def _curve(run: Run) -> Curve:
    """Val MAPE (percent) by epoch, as far as it was noted."""
    return {
        entry.get("epoch") or float(epoch): 100 * value
        for epoch, entry in enumerate(run.report.history, start=1)
        if (value := entry.get("val/mape"))
    }


def _mean(seeds: Sequence[Curve]) -> Curve:
    """The mean over seeds, at epochs that all of them noted; else the seed that noted most.

    Where one seed has stopped, the mean of the others would jump.
    """
    shared = [epoch for epoch in seeds[0] if all(epoch in curve for curve in seeds)]
    if not shared:
        return max(seeds, key=len)
    return {epoch: sum(curve[epoch] for curve in seeds) / len(seeds) for epoch in shared}


def _line(name: str, curve: Curve, at: int, *, faint: bool = False) -> Series:
    return Series(name, list(curve.values()), series(at), x=list(curve), faint=faint)
