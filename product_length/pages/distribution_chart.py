"""The predicted distribution of one product's length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from product_length.pages.axes import empty_figure, number, plain, set_axis
from product_length.pages.colours import LIGHT, MODEL
from product_length.pages.series import Line, add_lines, pale

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_STEPS = 72
_OUTSIDE = 0.004
"""Of the probability, what may lie outside of the chart at each end."""


def distribution(
    probabilities: NDArray[np.float64],
    edges: NDArray[np.float64],
    title: str,
    *,
    length: float,
    ends: tuple[float, float] | None,
    interval_name: str = "",
) -> Figure:
    """Probabilities (cells,) of cells between `edges` (cells + 1,), ln of lengths, as steps.

    In steps of equal ratio, so that no narrow cell stands out. `length`: what is predicted, and
    `ends`: of its interval, in the unit that `title` names; the interval is filled.
    """
    import plotly.graph_objects as go

    marks = np.log([length, *(ends or ())])
    steps, shares = _in_steps(probabilities, edges, marks)
    heights = shares / np.diff(steps)
    figure = empty_figure()
    inside = np.ones(len(shares), np.bool_)
    if ends is not None:
        middles = (steps[:-1] + steps[1:]) / 2
        inside = (middles > marks[1]) & (middles < marks[2])
    for filled in (False, True):
        y = np.repeat(np.where(inside == filled, heights, 0.0), 2)
        figure.add_trace(
            go.Scatter(
                x=np.repeat(np.exp(steps), 2),
                y=[0, *y.tolist(), 0],
                mode="lines",
                line={"color": MODEL.colour if filled else LIGHT["rest"], "width": 1.2},
                fill="tozeroy",
                fillcolor=pale(MODEL) if filled else LIGHT["grid"],
                hoverinfo="skip",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=np.exp((steps[:-1] + steps[1:]) / 2),
            y=heights,
            mode="markers",
            marker={"size": 10, "opacity": 0},
            text=[
                f"{number(a)} to {number(b)}<br>{100 * share:.1f}%"
                for a, b, share in zip(np.exp(steps[:-1]), np.exp(steps[1:]), shares, strict=True)
            ],
            hoverinfo="text",
        )
    )
    set_axis(figure, "x", title, np.exp(steps[[0, -1]]).tolist(), log=True)
    set_axis(figure, "y", "how likely", heights.tolist(), log=False)
    figure.update_yaxes(rangemode="tozero", showticklabels=False)  # areas count, not heights
    named = f"predicted: {number(length)}"
    if ends is not None:
        named += f"; {plain(interval_name)}: {number(ends[0])} to {number(ends[1])}"
    add_lines(figure, [Line(length, named, MODEL)], "x")
    return figure


def _in_steps(
    probabilities: NDArray[np.float64], edges: NDArray[np.float64], marks: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Edges (n + 1,) of steps of equal width, ln of lengths, and the probability of each (n,).

    `marks`: what is to be seen, the length and the ends of its interval if there is one, where
    steps begin.
    """
    below = np.concatenate([[0.0], np.cumsum(probabilities)])
    below /= below[-1]
    shown = [float(np.interp(level, below, edges)) for level in (_OUTSIDE, 1 - _OUTSIDE)]
    low, high = min(shown[0], *marks) - 0.02, max(shown[1], *marks) + 0.02
    steps = np.unique(np.concatenate([np.linspace(low, high, _STEPS + 1), marks[1:]]))
    return steps, np.diff(np.interp(steps, edges, below))
