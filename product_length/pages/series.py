"""What charts are made of: series of values with intervals, lines to compare with, named rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from product_length.evaluation.wording import shortened
from product_length.pages.axes import plain
from product_length.pages.colours import INK, LIGHT, PALE, Look

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_LONGEST_NAME = 52


@dataclass(frozen=True)
class Line:
    """A named value that a chart marks by a line, such as a median or a baseline."""

    value: float
    name: str
    look: Look | None = None


@dataclass(frozen=True)
class Series:
    """Named values, one for each category or x; `low` and `high` are ends of intervals.

    None where there is no value. `x`: where they stand, for lines; `faint`: a thin line that has no
    name in the legend (a single seed).
    """

    name: str
    values: Sequence[float | None]
    look: Look
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    x: Sequence[float] = ()
    faint: bool = False


def pale(look: Look) -> str:
    """The pale fill of a look."""
    return next((LIGHT[f"p{i}"] for i in range(4) if LIGHT[f"s{i}"] == look.colour), PALE[0])


def at_row(values: Sequence[float | None], at: int) -> float | None:
    """One of the values; None where there are none at all."""
    return values[at] if values else None


def in_words(one: Series, at: int, sign: str) -> str:
    """A value with its interval: "51.8% (51.2–52.4%)"."""
    value, low, high = one.values[at], at_row(one.low, at), at_row(one.high, at)
    if value is None:
        return "–"
    said = f"{value:.4g}{sign}"
    return said if low is None or high is None else f"{said} ({low:.4g}–{high:.4g}{sign})"


def error_bars(one: Series) -> Mapping[str, object] | None:
    """Error bars from a value to both ends of its interval."""
    if not one.low:
        return None

    def part(ends: Sequence[float | None]) -> list[float]:
        return [
            0.0 if value is None or end is None else abs(max(end, 1e-6 * value) - value)
            for value, end in zip(one.values, ends, strict=True)
        ]

    return {
        "array": part(one.high),
        "arrayminus": part(one.low),
        "symmetric": False,
        "color": one.look.colour,
        "thickness": 1.8,
        "width": 3,
    }


def name_rows(figure: Figure, names: Sequence[str]) -> None:
    """Names of rows 0, 1, …, the first one on top, each above what its row shows.

    Beside the plot they would leave no room for it on a phone.
    """
    figure.update_yaxes(
        showticklabels=False, range=[len(names) - 0.45, -0.75], showgrid=False, fixedrange=True
    )
    for at, name in enumerate(names):
        figure.add_annotation(
            x=0,
            xref="paper",
            xanchor="left",
            y=at - 0.36,
            text=plain(shortened(name, _LONGEST_NAME)),
            hovertext=plain(name),
            showarrow=False,
            bgcolor=LIGHT["card"],  # so that no line goes through a name
            font={"size": 12, "color": INK},
        )


def height_of_rows(rows: int) -> int:
    """CSS pixels that a chart of so many named rows takes."""
    return 44 * rows + 96


def add_lines(figure: Figure, lines: Sequence[Line], which: str) -> None:
    """Named lines across the plot, their names above it."""
    if lines and which == "x":
        figure.update_layout(margin_t=18 + 16 * len(lines))
        # A legend stands above the names: each takes about so much of the plot's height.
        figure.update_layout(legend_y=1.02 + 0.07 * len(lines))
    for at, line in enumerate(lines):
        colour, dash = (line.look.colour, line.look.dash) if line.look else (INK, "dash")
        figure.add_vline(line.value, line={"color": colour, "width": 1.6, "dash": dash})
        figure.add_annotation(
            x=_placed(figure, line.value),
            y=1,
            yref="paper",
            yanchor="bottom",  # above the plot, where no line goes through a name
            yshift=2 + 16 * at,
            text=plain(line.name),
            showarrow=False,
            font={"size": 12, "color": colour},
        )


def _placed(figure: Figure, value: float) -> float:
    """Where an annotation stands: on a logarithmic axis by the logarithm."""
    return float(np.log10(value)) if figure.layout.xaxis.type == "log" else value
