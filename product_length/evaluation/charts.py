"""Geometry of the comparison page's charts: ranked intervals, learning curves, error by band."""

from product_length.evaluation.compare import Group, Ranked
from product_length.evaluation.metrics import BANDS
from product_length.evaluation.svg import (
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
from product_length.evaluation.wording import name_in_words, percent, percent_with_range, row_count

_MOST_ROWS = 40
_LONGEST = 36


def ranking_chart(group: Group) -> Chart:
    """Val MAPE of each run with its interval, best first, and the best baseline as a line."""
    shown = group.runs[:_MOST_ROWS]
    pitch, top = 46, 34
    bottom = top + pitch * len(shown)
    left_out = len(group.runs) - len(shown)
    chart = Chart(
        "Val MAPE with intervals",
        "One row per run, best first."
        + (f" The {left_out} runs behind these are left out." if left_out else ""),
        bottom + 44,
    )
    values = [100 * value for run in shown for value in _ends(run)]
    baseline = _best_baseline(group)
    if baseline is not None:
        values.append(100 * baseline[1])
    scale = scale_of(values, 16, WIDTH - 16)
    x_axis(chart, scale, top - 8, bottom, "val MAPE")
    if baseline is not None:
        x = scale(100 * baseline[1])
        chart.strokes.append(Stroke(f"{x},{top - 8} {x},{bottom}", "baseline"))
        label = f"best baseline: {baseline[0]}, {percent(baseline[1])}"
        anchor = "end" if x > WIDTH / 2 else "start"
        chart.texts.append(Text(x, top - 16, label, anchor, "small"))
    for i, ranked in enumerate(shown):
        y = top + pitch * i
        name = f"{ranked.rank}. {ranked.recipe}"
        chart.texts.append(Text(16, y + 14, _cut(name), kind="name", whole=name))
        label = percent_with_range(ranked.run.mape)
        chart.texts.append(Text(WIDTH - 16, y + 14, label, "end", "value"))
        _interval(chart, scale, ranked, i, y + 30)
    return chart


def learning_chart(group: Group) -> Chart | None:
    """Val MAPE per epoch, runs overlaid; None when no run noted it."""
    curves = []
    for i, ranked in enumerate(group.runs):
        curve = [
            (entry.get("epoch") or epoch, 100 * value)
            for epoch, entry in enumerate(ranked.run.report.history, start=1)
            if (value := entry.get("val/mape"))
        ]
        if curve:
            curves.append((i, ranked, curve))
    if not curves:
        return None
    top, bottom, left = 16, 300, 66
    chart = Chart("Learning curves", "Val MAPE after each epoch.", bottom + 52)
    y_scale = scale_of([value for *_, curve in curves for _, value in curve], bottom, top)
    last = max(epoch for *_, curve in curves for epoch, _ in curve)
    x_scale = Scale(1, max(last, 2), left + 8, WIDTH - 20, logarithmic=False)
    y_axis(chart, y_scale, left)
    for tick in x_scale.ticks():
        if tick == round(tick):
            chart.texts.append(Text(x_scale(tick), bottom + 20, f"{tick:g}", "middle"))
    chart.texts.append(Text((left + WIDTH) / 2, bottom + 42, "epoch", "middle", "axis"))
    for i, ranked, curve in reversed(curves):
        points = " ".join(f"{x_scale(epoch)},{y_scale(value)}" for epoch, value in curve)
        chart.strokes.append(Stroke(points, f"curve {_series_class(i)}"))
        epoch, value = min(curve, key=lambda point: point[1])
        tip = f"{ranked.recipe}: lowest {value:.1f}% after epoch {epoch:g}"
        chart.marks.append(_mark(x_scale(epoch), y_scale(value), i, tip))
    chart.legend = _legend(group)
    return chart


def band_chart(group: Group) -> Chart:
    """Val MAPE with its interval per band of true length, the first runs side by side."""
    shown = group.runs[:SERIES]
    top, bottom, left = 16, 300, 66
    chart = Chart(
        "Error by true length",
        "Val MAPE with intervals by true length (1/100 inch)."
        + (f" The first {SERIES} runs only." if len(group.runs) > SERIES else ""),
        bottom + 74,
    )
    sizes = {band.band: band.rows for band in group.best.run.report.val.metrics.bands}
    names = [band.name for band in BANDS if sizes.get(band.name)]
    series = [
        {
            band.band: band.mape
            for band in ranked.run.report.val.metrics.bands
            if band.mape.value is not None
        }
        for ranked in shown
    ]
    values = [
        100 * value
        for mapes in series
        for mape in mapes.values()
        for value in (mape.value, mape.low, mape.high)
        if value
    ]
    y_scale = scale_of(values or [1.0], bottom, top)
    y_axis(chart, y_scale, left)
    width = (WIDTH - left - 8) / len(names)
    for column, name in enumerate(names):
        middle = left + width * (column + 0.5)
        chart.texts.append(Text(middle, bottom + 20, name, "middle"))
        chart.texts.append(Text(middle, bottom + 38, row_count(sizes[name]), "middle", "small"))
        if column:
            x = round(left + width * column, 1)
            chart.strokes.append(Stroke(f"{x},{top} {x},{bottom}", "grid"))
        for i, mapes in enumerate(series):
            mape = mapes.get(name)
            if mape is None or not mape.value:
                continue
            x = round(middle + (i - (len(series) - 1) / 2) * min(13.0, width * 0.9 / SERIES), 1)
            if mape.low and mape.high:
                ends = f"{x},{y_scale(100 * mape.low)} {x},{y_scale(100 * mape.high)}"
                chart.strokes.append(Stroke(ends, f"interval {_series_class(i)}"))
            tip = f"{shown[i].recipe}, {name}: {percent_with_range(mape)}"
            chart.marks.append(_mark(x, y_scale(100 * mape.value), i, tip))
    label = "true length (1/100 inch)"
    chart.texts.append(Text((left + WIDTH) / 2, bottom + 62, label, "middle", "axis"))
    chart.legend = _legend(group)
    return chart


def _mark(x: float, y: float, rank: int, tip: str) -> Mark:
    series = rank if rank < SERIES else -1
    return Mark(x, y, series, tip, shape(max(series, 0), x, y, 6 if series >= 0 else 3.5))


def _series_class(rank: int) -> str:
    return f"s{rank}" if rank < SERIES else "rest"


def _interval(chart: Chart, scale: Scale, ranked: Ranked, rank: int, y: float) -> None:
    mape = ranked.run.mape
    if mape.low is not None and mape.high is not None:
        ends = f"{scale(100 * mape.low)},{y} {scale(100 * mape.high)},{y}"
        chart.strokes.append(Stroke(ends, f"interval {_series_class(rank)}"))
    if mape.value is not None:
        tip = f"{ranked.recipe}: {percent_with_range(mape)}"
        chart.marks.append(_mark(scale(100 * mape.value), y, rank, tip))


def _ends(ranked: Ranked) -> list[float]:
    mape = ranked.run.mape
    return [value for value in (mape.low, mape.value, mape.high) if value is not None]


def _best_baseline(group: Group) -> tuple[str, float] | None:
    baselines = [
        (name_in_words(name), rival.metrics.mape.value)
        for name, rival in group.best.run.report.val.baselines.items()
        if rival.metrics.mape.value is not None
    ]
    return min(baselines, key=lambda item: item[1], default=None)


def _legend(group: Group) -> list[tuple[int, str]]:
    named = [(i, _cut(f"{run.rank}. {run.recipe}")) for i, run in enumerate(group.runs[:SERIES])]
    rest = len(group.runs) - SERIES
    return [*named, (-1, f"{rest} more")] if rest > 0 else named


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
