"""Charts of predictions beside the truth: the scatter, and how often intervals hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from product_length.pages.axes import empty_figure, plain, set_axis
from product_length.pages.colours import INK, LIGHT, LINE, MODEL, SOFT, Look
from product_length.pages.series import Series

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def predicted_against_true(
    true: ArrayLike,
    predicted: ArrayLike,
    x_title: str,
    y_title: str,
    *,
    texts: Sequence[str] = (),
    look: Look = MODEL,
) -> Figure:
    """One dot for each product, both axes logarithmic, with lines for exact, twice and half.

    `true`, `predicted`: positive, float (n,), one unit, already sampled; `texts`: what is
    shown of each product on hovering.
    """
    import plotly.graph_objects as go

    x, y = np.asarray(true, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    low, high = float(min(x.min(), y.min())) / 1.2, float(max(x.max(), y.max())) * 1.2
    figure = empty_figure(legend=True)
    for factor, name, dash in (
        (1.0, "exact", "solid"),
        (2.0, "twice or half", "dot"),
        (0.5, "", "dot"),
    ):
        figure.add_trace(
            go.Scatter(
                x=[low, high],
                y=[factor * low, factor * high],
                mode="lines",
                name=name,
                showlegend=bool(name),
                line={"color": INK if factor == 1 else SOFT, "width": 1.2, "dash": dash},
                hoverinfo="skip",
            )
        )
    shown = [f"true {a:,.5g}, predicted {b:,.5g}" for a, b in zip(x, y, strict=True)]
    if texts:
        shown = [f"{plain(text)}<br>{one}" for text, one in zip(texts, shown, strict=True)]
    figure.add_trace(
        go.Scatter(
            x=x,
            y=y,
            mode="markers",
            name="products",
            marker={"color": look.colour, "size": 5, "opacity": 0.45},
            text=shown,
            hoverinfo="text",
        )
    )
    set_axis(figure, "x", x_title, [low, high], log=True)
    set_axis(figure, "y", y_title, [low, high], log=True)
    return figure


def calibration(
    series: Sequence[Series],
    x_title: str = "share that the interval aims at",
    y_title: str = "share of products that it holds",
    *,
    rows: int,
    calibration_rows: int | None = None,
) -> Figure:
    """Shares that intervals hold against what they aim at, in percent, beside the luck of the rows.

    The band is 1.96 standard errors of a share of `rows`, and of `calibration_rows` where intervals
    were calibrated on so many others.
    """
    import plotly.graph_objects as go

    figure = empty_figure(legend=True)
    aim = np.linspace(0, 1, 51)
    spread = aim * (1 - aim) * (1 / rows + (1 / calibration_rows if calibration_rows else 0))
    luck = 1.96 * np.sqrt(spread)
    low, high = 100 * (aim - luck).clip(0, 1), 100 * (aim + luck).clip(0, 1)
    figure.add_trace(
        go.Scatter(
            x=np.concatenate([100 * aim, 100 * aim[::-1]]),
            y=np.concatenate([high, low[::-1]]),
            fill="toself",
            fillcolor=LIGHT["grid"],
            line={"color": LINE, "width": 0.5},
            name="luck of the rows (95%)",
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[0, 100],
            y=[0, 100],
            mode="lines",
            name="as aimed at",
            line={"color": INK, "width": 1.2},
            hoverinfo="skip",
        )
    )
    for one in series:
        figure.add_trace(
            go.Scatter(
                x=list(one.x),
                y=list(one.values),
                mode="lines+markers",
                name=plain(one.name),
                line={"color": one.look.colour, "dash": one.look.dash, "width": 2},
                marker={"symbol": one.look.symbol, "size": 8},
                hovertemplate="aim %{x:.4~g}%, holds %{y:.4~g}%<extra>%{fullData.name}</extra>",
            )
        )
    set_axis(figure, "x", x_title, [0, 100], log=False, sign="%")
    set_axis(figure, "y", y_title, [0, 100], log=False, sign="%")
    figure.update_xaxes(range=[0, 100])
    figure.update_yaxes(range=[0, 100])
    return figure
