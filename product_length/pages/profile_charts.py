"""Charts of a profile: counts by bins that are known, pairs of bars, types by their spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from product_length.pages.axes import empty_figure, number, plain, set_axis, shortened
from product_length.pages.colours import MODEL, Look
from product_length.pages.series import Line, Series, add_lines, name_rows, pale

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_LONGEST_NAME = 60


def binned(
    edges: Sequence[float],
    counts: Sequence[int],
    title: str,
    *,
    counted: str,
    lines: Sequence[Line] = (),
    look: Look = MODEL,
) -> Figure:
    """Counts of bins of equal ratio; `edges`, one more than `counts`, positive and ascending."""
    import plotly.graph_objects as go

    figure = empty_figure()
    hover = [
        f"{number(low)} to {number(high)}<br>{count:,} {counted}"
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    # Steps as one filled line: bars leave seams on a logarithmic axis.
    figure.add_trace(
        go.Scatter(
            x=np.repeat(edges, 2),
            y=np.concatenate([[0], np.repeat(counts, 2), [0]]),
            fill="tozeroy",
            fillcolor=pale(look),
            line={"color": look.colour, "width": 1.2},
            text=["", *np.repeat(hover, 2).tolist(), ""],
            hoverinfo="text",
            mode="lines",
        )
    )
    set_axis(figure, "x", title, edges, log=True)
    set_axis(figure, "y", counted, counts, log=False)
    figure.update_yaxes(rangemode="tozero")
    add_lines(figure, lines, "x")
    return figure


def paired_bars(
    names: Sequence[str], series: Sequence[Series], title: str, *, labels: Sequence[Sequence[str]]
) -> Figure:
    """Bars of each series side by side for each name, the first one on top, in percent.

    `labels`: of each series, what stands at the ends of its bars.
    """
    import plotly.graph_objects as go

    figure = empty_figure(legend=True, narrow_extra=20)
    width = 0.8 / len(series)
    for at, (one, shown) in enumerate(zip(series, labels, strict=True)):
        figure.add_trace(
            go.Bar(
                x=list(one.values),
                y=[row - 0.4 + width * (at + 0.5) for row in range(len(names))],
                width=0.9 * width,
                orientation="h",
                name=plain(shortened(one.name, _LONGEST_NAME)),
                marker={"color": one.look.colour},
                text=[plain(label) for label in shown],
                textposition="outside",
                cliponaxis=False,
                hovertext=[
                    f"{plain(name)}<br>{plain(one.name)}: {plain(label)}"
                    for name, label in zip(names, shown, strict=True)
                ],
                hoverinfo="text",
            )
        )
    name_rows(figure, names)
    top = max((value or 0.0 for one in series for value in one.values), default=0.0)
    set_axis(figure, "x", title, [0.0, top], log=False, sign="%")
    figure.update_xaxes(range=[0, 1.18 * top if top else 1])
    return figure
