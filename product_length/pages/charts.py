"""Charts that pages share: each takes plain numbers and gives a Plotly figure for `page.Chart`.

Axis titles name the unit. Names and texts from data are escaped here (`axes.plain`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from product_length.evaluation.wording import shortened
from product_length.pages.axes import (
    empty_figure,
    number,
    plain,
    set_axis,
)
from product_length.pages.colours import INK, MODEL, SOFT, Look
from product_length.pages.series import (
    Line,
    Series,
    add_lines,
    at_row,
    error_bars,
    in_words,
    name_rows,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_NEARLY_ZERO = 1e-9
MOST_POINTS = 3000
"""Products that a scatter shows at most; of more a sample is shown."""


def bars(
    names: Sequence[str],
    values: Sequence[float],
    title: str,
    *,
    look: Look = MODEL,
    labels: Sequence[str] = (),
    sign: str = "",
    lines: Sequence[Line] = (),
) -> Figure:
    """One horizontal bar for each name, the first one on top; `labels`: what stands at its end."""
    import plotly.graph_objects as go

    figure = empty_figure()
    shown = list(labels) or [f"{number(value)}{sign}" for value in values]
    figure.add_trace(
        go.Bar(
            x=list(values),
            y=list(range(len(names))),
            orientation="h",
            width=0.38,
            marker={"color": look.colour},
            text=[plain(label) for label in shown],
            textposition="outside",
            cliponaxis=False,
            textfont={"color": INK},
            hovertext=[f"{plain(n)}<br>{plain(s)}" for n, s in zip(names, shown, strict=True)],
            hoverinfo="text",
        )
    )
    name_rows(figure, names)
    set_axis(figure, "x", title, values, log=False, sign=sign)
    top = max([*values, 0.0])
    figure.update_xaxes(range=[min([*values, 0.0]), 1.18 * top if top else 1], rangemode="tozero")
    add_lines(figure, lines, "x")
    return figure


def ranked(
    names: Sequence[str],
    series: Series,
    title: str,
    *,
    looks: Sequence[Look] = (),
    points: Sequence[Sequence[float]] = (),
    point_names: Sequence[Sequence[str]] = (),
    labels: Sequence[str] = (),
    lines: Sequence[Line] = (),
    sign: str = "%",
) -> Figure:
    """One row for each name, the first one on top: a value with its interval.

    `looks`: of each row; `points`: single values below it (seeds), `point_names`: what they are;
    `labels`: the value and its interval in words, on hovering.
    """
    import plotly.graph_objects as go

    figure = empty_figure()
    seen: list[float | None] = [line.value for line in lines]
    for at, name in enumerate(names):
        look = looks[at] if looks else series.look
        value, low, high = series.values[at], at_row(series.low, at), at_row(series.high, at)
        some = list(points[at]) if points else []
        seen += [value, low, high, *some]
        said = plain(labels[at]) if labels else f"{number(value or 0)}{sign}"
        if low is not None and high is not None:
            line = {"color": look.colour, "width": 3}
            low = max(low, _NEARLY_ZERO)  # a logarithmic axis has no place for 0: it runs off it
            figure.add_trace(
                go.Scatter(x=[low, high], y=[at, at], mode="lines", line=line, hoverinfo="skip")
            )
        figure.add_trace(
            go.Scatter(
                x=[value],
                y=[at],
                mode="markers",
                marker={"color": look.colour, "symbol": look.symbol, "size": 11},
                text=[f"{plain(name)}<br>{said}"],
                hoverinfo="text",
            )
        )
        if some:
            figure.add_trace(
                go.Scatter(
                    x=some,
                    y=[at + 0.22] * len(some),
                    mode="markers",
                    marker={"color": look.colour, "size": 5, "opacity": 0.8},
                    text=[plain(each) for each in point_names[at]] if point_names else None,
                    hoverinfo="text" if point_names else "x",
                )
            )
    name_rows(figure, names)
    set_axis(figure, "x", title, seen, sign=sign)
    add_lines(figure, lines, "x")
    return figure


def by_category(
    categories: Sequence[str],
    series: Sequence[Series],
    x_title: str,
    y_title: str,
    *,
    sign: str = "%",
    log: bool | None = None,
    sizes: Sequence[str] = (),
) -> Figure:
    """Several series side by side in each category, with intervals; `sizes`: under its name."""
    import plotly.graph_objects as go

    figure = empty_figure(legend=len(series) > 1, narrow_extra=12 * len(series))
    offsets = np.linspace(-0.32, 0.32, len(series)) if len(series) > 1 else np.zeros(1)
    seen: list[float | None] = []
    for offset, one in zip(offsets, series, strict=True):
        seen += [*one.values, *one.low, *one.high]
        figure.add_trace(
            go.Scatter(
                x=[at + float(offset) for at in range(len(categories))],
                y=list(one.values),
                name=plain(shortened(one.name, 60)),
                mode="markers",
                marker={"color": one.look.colour, "symbol": one.look.symbol, "size": 9},
                error_y=error_bars(one),
                text=[
                    f"{plain(one.name)}<br>{plain(category)}: {in_words(one, at, sign)}"
                    for at, category in enumerate(categories)
                ],
                hoverinfo="text",
            )
        )
    for edge in range(1, len(categories)):
        figure.add_vline(edge - 0.5, line={"color": SOFT, "width": 0.5, "dash": "dot"})
    under = sizes or [""] * len(categories)
    figure.update_xaxes(
        tickvals=list(range(len(categories))),
        ticktext=[
            f"{plain(name)}<br>{plain(size)}" if size else plain(name)
            for name, size in zip(categories, under, strict=True)
        ],
        range=[-0.5, len(categories) - 0.5],
        tickangle=0 if max(map(len, [*categories, *under])) <= 11 else None,
        title_text=plain(x_title),
        showgrid=False,
    )
    set_axis(figure, "y", y_title, seen, log=log, sign=sign)
    return figure


def curves(
    series: Sequence[Series],
    x_title: str,
    y_title: str,
    *,
    lines: Sequence[Line] = (),
    sign: str = "%",
    log: bool | None = None,
    marked_x: Line | None = None,
) -> Figure:
    """Lines over x, such as learning curves; `lines` are levels to compare with (baselines)."""
    import plotly.graph_objects as go

    shown = [each for each in series if any(value is not None for value in each.values)]
    figure = empty_figure(legend=True, narrow_extra=14 * (len(shown) + len(lines)))
    for one in shown:
        few = len(one.x) <= 40 and not one.faint
        figure.add_trace(
            go.Scatter(
                x=list(one.x),
                y=list(one.values),
                name=plain(shortened(one.name, 60)),
                mode="lines+markers" if few else "lines",
                opacity=0.35 if one.faint else 1,
                showlegend=not one.faint,
                line={
                    "color": one.look.colour,
                    "dash": "solid" if one.faint else one.look.dash,
                    "width": 1 if one.faint else 2,
                },
                marker={"symbol": one.look.symbol, "size": 6},
                hovertemplate="%{y:.4~g}" + sign + "<extra>%{fullData.name}, %{x}</extra>",
            )
        )
    seen = [value for one in shown for value in one.values] + [line.value for line in lines]
    ends = [x for one in shown for x in one.x] or [0.0, 1.0]
    for line in lines:
        look = line.look or MODEL
        figure.add_trace(
            go.Scatter(
                x=[min(ends), max(ends)],
                y=[line.value] * 2,
                name=plain(f"{line.name}: {number(line.value)}{sign}"),
                mode="lines",
                line={"color": look.colour, "dash": look.dash, "width": 1.6},
                hoverinfo="name+y",
            )
        )
    figure.update_xaxes(title_text=plain(x_title), showgrid=False)
    set_axis(figure, "y", y_title, seen, log=log, sign=sign)
    if marked_x is not None:
        add_lines(figure, [marked_x], "x")
    return figure
