"""Bars of several series side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from product_length.evaluation.wording import shortened
from product_length.pages.axes import empty_figure, plain, set_axis
from product_length.pages.series import Series, name_rows
from product_length.profiling.wording import share

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_LONGEST_NAME = 60


def paired_bars(names: Sequence[str], series: Sequence[Series], title: str) -> Figure:
    """Bars of each series side by side for each name, the first one on top; values are shares."""
    import plotly.graph_objects as go

    figure = empty_figure(legend=True, narrow_extra=20)
    width = 0.8 / len(series)
    for at, one in enumerate(series):
        shares = [value or 0.0 for value in one.values]
        shown = [share(each) for each in shares]
        figure.add_trace(
            go.Bar(
                x=[100 * each for each in shares],
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
    top = 100 * max((value or 0.0 for one in series for value in one.values), default=0.0)
    set_axis(figure, "x", title, [0.0, top], log=False, sign="%")
    figure.update_xaxes(range=[0, 1.18 * top if top else 1])
    return figure
