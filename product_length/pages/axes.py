"""Figures with the kit's fonts and axes; ticks that read well on a logarithmic axis."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from product_length.pages.colours import GRID, INK, LINE, SOFT

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif'
_LOG_RATIO = 4
_MOST_TICKS = 9


def plain(text: str) -> str:
    """A text from data as Plotly shows it as it stands: its labels know some HTML."""
    return html.escape(text, quote=False)


def empty_figure(*, legend: bool = False, left: int = 8, narrow_extra: int = 0) -> Figure:
    """A transparent figure without data; its legend, if any, stands above the plot.

    `left`: pixels beside the plot at least; `narrow_extra`: pixels of height more on a phone.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": _FONT, "size": 12.5, "color": INK},
        margin={"l": left, "r": 14, "t": 10, "b": 8},
        hoverlabel={"align": "left", "namelength": -1},
        showlegend=legend,
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.02,
            "yanchor": "bottom",
            "font": {"size": 12},
            "bgcolor": "rgba(0,0,0,0)",
        },
        meta={"narrow_extra": narrow_extra},
    )
    axis: dict[str, Any] = {
        "automargin": True,
        "gridcolor": GRID,
        "linecolor": LINE,
        "zeroline": False,
        "tickcolor": LINE,
        "tickfont": {"color": SOFT},
        "title": {"font": {"color": SOFT, "size": 12.5}, "standoff": 8},
    }
    figure.update_xaxes(**axis, showline=True, ticks="outside", ticklen=4)
    figure.update_yaxes(**axis)
    return figure


def set_axis(
    figure: Figure,
    which: str,
    title: str,
    values: Iterable[float | None],
    *,
    log: bool | None = None,
    sign: str = "",
) -> bool:
    """Give an axis ("x" or "y") its title, range and ticks for `values`; whether it is logarithmic.

    `log=None`: logarithmic where the positive values span far. `sign`: after each tick, "%".
    """
    known = [float(each) for each in values if each is not None and math.isfinite(each)]
    positive = [each for each in known if each > 0] or [1.0]
    low, high = min(positive), max(positive)
    is_log = high > _LOG_RATIO * low and min(known) >= 0 if log is None else log
    update = figure.update_xaxes if which == "x" else figure.update_yaxes
    text = plain(title) + (" · logarithmic" if is_log else "")
    if is_log:
        low, high = low / 1.12, high * 1.12
        ticks = log_ticks(low, high)
        update(
            type="log",
            range=[math.log10(low), math.log10(high)],
            tickvals=ticks,
            ticktext=[f"{number(tick)}{sign}" for tick in ticks],
            title_text=text,
        )
    else:
        update(title_text=text, ticksuffix=sign)
    return is_log


def log_ticks(low: float, high: float) -> list[float]:
    """Round values (1, 2, 5 times a power of ten) in [low, high], some four to nine; low > 0."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for factors in ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1, 3), (1,)):
        found = [float(f"{m * 10.0**k:.6g}") for k in powers for m in factors]
        found = [each for each in found if low <= each <= high]
        if len(found) <= _MOST_TICKS:
            return found
    return found[:: math.ceil(len(found) / _MOST_TICKS)]


def number(value: float) -> str:
    """A number in few characters: "0.05", "1,500", "1.9e9"."""
    if value and (abs(value) >= 1e7 or abs(value) < 1e-4):
        return f"{value:.3g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def log_edges(values: Sequence[float] | Any, bins: int) -> list[float]:
    """Edges (bins + 1,) of equal ratio around positive values."""
    known = np.asarray(values, dtype=np.float64)
    low, high = float(known.min()), float(known.max())
    if low == high:
        low, high = low / 1.5, high * 1.5
    edges = np.geomspace(low, high * (1 + 1e-9), bins + 1)
    return [float(edge) for edge in edges]
