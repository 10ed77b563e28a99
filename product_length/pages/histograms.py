"""Counts by bins of length, as filled steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from product_length.pages.axes import empty_figure, log_edges, number, set_axis
from product_length.pages.colours import MODEL, Look
from product_length.pages.series import Line, add_lines, pale

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def histogram(
    values: ArrayLike,
    title: str,
    *,
    counted: str = "products",
    bins: int = 60,
    log: bool = True,
    lines: Sequence[Line] = (),
    look: Look = MODEL,
    sign: str = "",
) -> Figure:
    """How values float (n,) spread: counts by bins of equal ratio (`log`), or of equal width."""
    known = np.asarray(values, dtype=np.float64)
    edges = np.asarray(log_edges(known, bins) if log else np.histogram_bin_edges(known, bins))
    counts, _ = np.histogram(known, edges)
    return binned(edges, counts, title, counted=counted, log=log, lines=lines, look=look, sign=sign)


def binned(
    edges: ArrayLike,
    counts: ArrayLike,
    title: str,
    *,
    counted: str,
    log: bool = True,
    lines: Sequence[Line] = (),
    look: Look = MODEL,
    sign: str = "",
) -> Figure:
    """Counts int (n,) of bins; `edges` (n + 1,), ascending, with `log` positive."""
    import plotly.graph_objects as go

    bounds, rows = np.asarray(edges, dtype=np.float64), np.asarray(counts)
    hover = [
        f"{number(low)} to {number(high)}{sign}<br>{count:,} {counted}"
        for low, high, count in zip(bounds[:-1], bounds[1:], rows, strict=True)
    ]
    figure = empty_figure()
    # Steps as one filled line: bars of unequal width leave seams on a logarithmic axis.
    figure.add_trace(
        go.Scatter(
            x=np.repeat(bounds, 2),
            y=np.concatenate([[0], np.repeat(rows, 2), [0]]),
            fill="tozeroy",
            fillcolor=pale(look),
            line={"color": look.colour, "width": 1.2},
            text=["", *np.repeat(hover, 2).tolist(), ""],
            hoverinfo="text",
            mode="lines",
        )
    )
    set_axis(figure, "x", title, bounds, log=log, sign=sign)
    set_axis(figure, "y", counted, rows, log=False)
    figure.update_yaxes(rangemode="tozero")
    add_lines(figure, lines, "x")
    return figure
