"""Geometry of the comparison page's charts: ranked intervals, learning curves, error by band."""

from collections.abc import Sequence

from product_length.comparison.compare import Group, Recipe
from product_length.comparison.runs import Run
from product_length.comparison.svg import (
    SERIES,
    WIDTH,
    Chart,
    Mark,
    Scale,
    Stroke,
    Text,
    scale_of,
    shape,
    x_axis,
    y_axis,
)
from product_length.evaluation.estimates import Estimate
from product_length.evaluation.metrics import MAPE, Metric
from product_length.evaluation.wording import metric_with_range, percent, row_count

_MOST_ROWS = 40
_LONGEST = 36
_LONGEST_LEGEND = 70
_DOT = 2.6

Curve = dict[float, float]
"""Val MAPE (percent) by epoch."""


def ranking_chart(group: Group) -> Chart:
    """MAPE of each recipe with its interval and seeds, best first, and the best baseline."""
    shown = group.recipes[:_MOST_ROWS]
    pitch, top = 46, 34
    bottom = top + pitch * len(shown)
    left_out = len(group.recipes) - len(shown)
    several = any(len(recipe.runs) > 1 for recipe in shown)
    chart = Chart(
        f"{group.scored_on.capitalize()} MAPE with intervals",
        "One row per recipe, best first."
        + (" Small dots are single seeds." if several else "")
        + (f" The {left_out} recipes behind these are left out." if left_out else ""),
        bottom + 44,
    )
    values = [100 * value for recipe in shown for value in _ends(recipe)]
    baseline = _best_baseline(group)
    if baseline is not None:
        values.append(100 * baseline[1])
    scale = scale_of(values, 16, WIDTH - 16)
    x_axis(chart, scale, top - 8, bottom, f"{group.scored_on} MAPE")
    if baseline is not None:
        x = scale(100 * baseline[1])
        chart.strokes.append(Stroke(f"{x},{top - 8} {x},{bottom}", "baseline"))
        label = f"best baseline: {baseline[0]}, {percent(baseline[1])}"
        anchor = "end" if x > WIDTH / 2 else "start"
        chart.texts.append(Text(x, top - 16, label, anchor, "small"))
    for i, recipe in enumerate(shown):
        y = top + pitch * i
        name = f"{recipe.rank}. {recipe.name}"
        chart.texts.append(Text(16, y + 14, _label(recipe), kind="name", whole=name))
        label = metric_with_range(MAPE, recipe.mape)
        chart.texts.append(Text(WIDTH - 16, y + 14, label, "end", "value"))
        _interval(chart, scale, recipe, i, y + 30)
    return chart


def learning_chart(group: Group) -> Chart | None:
    """Val MAPE per epoch, recipes overlaid; None when no run noted it."""
    curves: list[tuple[int, Recipe, list[Curve]]] = []
    for i, recipe in enumerate(group.recipes):
        seeds = [curve for run in recipe.runs if (curve := _curve(run))]
        if seeds:
            curves.append((i, recipe, seeds))
    if not curves:
        return None
    top, bottom, left = 16, 300, 66
    several = any(len(seeds) > 1 for *_, seeds in curves)
    chart = Chart(
        "Learning curves",
        "Val MAPE after each epoch."
        + (" Means over seeds while all of them train; thin lines are single seeds." * several),
        bottom + 52,
    )
    values = [value for *_, seeds in curves for curve in seeds for value in curve.values()]
    y_scale = scale_of(values, bottom, top)
    last = max(epoch for *_, seeds in curves for curve in seeds for epoch in curve)
    x_scale = Scale(1, max(last, 2), left + 8, WIDTH - 20, logarithmic=False)
    y_axis(chart, y_scale, left, "MAPE", "%")
    for tick in x_scale.ticks():
        if tick == round(tick):
            chart.texts.append(Text(x_scale(tick), bottom + 20, f"{tick:g}", "middle"))
    chart.texts.append(Text((left + WIDTH) / 2, bottom + 42, "epoch", "middle", "axis"))

    def draw(curve: Curve, kind: str) -> None:
        points = " ".join(f"{x_scale(epoch)},{y_scale(value)}" for epoch, value in curve.items())
        chart.strokes.append(Stroke(points, f"curve {kind}"))

    for i, _, seeds in reversed(curves):
        if len(seeds) > 1 and i < SERIES:  # grey ones would only be noise
            for curve in seeds:
                draw(curve, f"{_series_class(i)} seed")
    for i, recipe, seeds in reversed(curves):
        mean = _mean_curve(seeds)
        draw(mean, _series_class(i))
        epoch = min(mean, key=lambda key: mean[key])
        tip = f"{recipe.name}: lowest {mean[epoch]:.1f}% after epoch {epoch:g}"
        chart.marks.append(_mark(x_scale(epoch), y_scale(mean[epoch]), i, tip))
    chart.legend = _legend(group)
    return chart


def band_chart(group: Group, metric: Metric) -> Chart:
    """A val metric with its interval per band of true length, the first recipes side by side."""
    shown = group.recipes[:SERIES]
    top, bottom, left = 16, 300, 66
    noun, label = group.quantity.noun, group.quantity.labelled("true")
    title = f"{'Error' if metric is MAPE else metric.title} by true {noun}"
    chart = Chart(
        title,
        f"{group.scored_on.capitalize()} {metric.title} with intervals by {label}."
        + (f" The first {SERIES} recipes only." if len(group.recipes) > SERIES else ""),
        bottom + 74,
    )
    factor = 100 if metric.is_percentage else 1
    filled = [i for i, band in enumerate(group.best.val.metrics.bands) if band.rows]
    series = [[recipe.in_band(metric, i, group.bands) for i in filled] for recipe in shown]
    ends = [end for row in series for each in row for end in (each.value, each.low, each.high)]
    y_scale = scale_of([factor * end for end in ends if end] or [1.0], bottom, top)
    y_axis(chart, y_scale, left, metric.title, "%" if metric.is_percentage else "")
    width = (WIDTH - left - 8) / len(filled)
    for column, number in enumerate(filled):
        band = group.best.val.metrics.bands[number]
        middle = left + width * (column + 0.5)
        chart.texts.append(Text(middle, bottom + 20, band.band, "middle", "band"))
        chart.texts.append(Text(middle, bottom + 38, row_count(band.rows), "middle", "band"))
        if column:
            x = round(left + width * column, 1)
            chart.strokes.append(Stroke(f"{x},{top} {x},{bottom}", "grid"))
        for i, row in enumerate(series):
            x = round(middle + (i - (len(series) - 1) / 2) * min(13.0, width * 0.9 / SERIES), 1)
            tip = f"{shown[i].name}, {band.band}: {metric_with_range(metric, row[column])}"
            _vertical_interval(chart, y_scale, x, row[column], factor, i, tip)
    chart.texts.append(Text((left + WIDTH) / 2, bottom + 62, label, "middle", "axis"))
    chart.legend = _legend(group)[:SERIES]
    return chart


def _vertical_interval(
    chart: Chart, scale: Scale, x: float, estimate: Estimate, factor: float, rank: int, tip: str
) -> None:
    if not estimate.value:
        return
    if estimate.low is not None and estimate.high is not None:
        ends = f"{x},{scale(factor * estimate.low)} {x},{scale(factor * estimate.high)}"
        chart.strokes.append(Stroke(ends, f"interval {_series_class(rank)}"))
    chart.marks.append(_mark(x, scale(factor * estimate.value), rank, tip))


def _mark(x: float, y: float, rank: int, tip: str) -> Mark:
    series = rank if rank < SERIES else -1
    return Mark(x, y, series, tip, shape(max(series, 0), x, y, 6 if series >= 0 else 3.5))


def _series_class(rank: int) -> str:
    return f"s{rank}" if rank < SERIES else "rest"


def _curve(run: Run) -> Curve:
    """Val MAPE (percent) by epoch, as far as it was noted."""
    return {
        entry.get("epoch") or epoch: 100 * value
        for epoch, entry in enumerate(run.report.history, start=1)
        if (value := entry.get("val/mape"))
    }


def _mean_curve(seeds: Sequence[Curve]) -> Curve:
    """The mean over seeds, at epochs that all of them noted; else the seed that noted most.

    Where one seed has stopped, the mean of the others would jump.
    """
    shared = [epoch for epoch in seeds[0] if all(epoch in curve for curve in seeds)]
    if not shared:
        return max(seeds, key=len)
    return {epoch: sum(curve[epoch] for curve in seeds) / len(seeds) for epoch in shared}


def _interval(chart: Chart, scale: Scale, recipe: Recipe, rank: int, y: float) -> None:
    mape = recipe.mape
    if mape.low is not None and mape.high is not None:
        ends = f"{scale(100 * mape.low)},{y} {scale(100 * mape.high)},{y}"
        chart.strokes.append(Stroke(ends, f"interval {_series_class(rank)}"))
    if mape.value is not None:
        tip = f"{recipe.name}: {metric_with_range(MAPE, mape)}"
        chart.marks.append(_mark(scale(100 * mape.value), y, rank, tip))
    if len(recipe.runs) < 2:
        return
    for seed, value in zip(recipe.seeds, recipe.seed_mapes, strict=True):
        if value is not None:
            x = scale(100 * value)
            tip = f"{recipe.name}, seed {seed}: {percent(value)}"
            series = rank if rank < SERIES else -1
            # Below the line, so that seeds close to the mean are not hidden by its mark.
            dot = shape(0, x, y + 9, _DOT)
            chart.marks.append(Mark(x, y + 9, series, tip, dot, seed=True))


def _ends(recipe: Recipe) -> list[float]:
    values = [recipe.mape.low, recipe.mape.value, recipe.mape.high, *recipe.seed_mapes]
    return [value for value in values if value is not None]


def _best_baseline(group: Group) -> tuple[str, float] | None:
    for name, baseline in group.best.val.compared_with():
        if baseline is not group.best.val.oracle and baseline.metrics.mape.value is not None:
            return name, baseline.metrics.mape.value
    return None


def _legend(group: Group) -> list[tuple[int, str]]:
    first = group.recipes[:SERIES]
    named = [(i, _label(recipe, _LONGEST_LEGEND)) for i, recipe in enumerate(first)]
    rest = len(group.recipes) - SERIES
    return [*named, (-1, f"{rest} more")] if rest > 0 else named


def _label(recipe: Recipe, longest: int = _LONGEST) -> str:
    """Rank and overrides without their groups, cut: so that what differs is left to see."""
    words = []
    for word in recipe.name.split():
        key, sign, value = word.partition("=")
        words.append(f"{key.rpartition('.')[2]}{sign}{value}" if sign else word)
    text = f"{recipe.rank}. {' '.join(words)}"
    return text if len(text) <= longest else text[: longest - 1] + "…"
