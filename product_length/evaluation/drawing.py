"""Figures, axes and files, drawn with matplotlib's object API: its global state is not used."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 150


def empty_figure(width: float, height: float) -> "Figure":
    """A white figure of so many inches that finds room for its labels."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained", facecolor="white")


def styled(axes: "Axes") -> "Axes":
    """The same axes with a light grid and open above and at the right."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#e4e6e8", linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def save(draw: "Callable[[], Figure]", path: Path) -> None:
    """Draw a figure into a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = draw()
    FigureCanvasAgg(figure)
    # Once; savefig would lay it out twice and draw it twice, which is most of its time.
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.execute(figure)
        figure.set_layout_engine(None)
    figure.savefig(path, format="png")


def plain_log_axis(axes: "Axes", which: str, sign: str) -> None:
    """Plain numbers beside a logarithmic axis, each with a sign such as "%" or "" after it."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = sorted(axes.get_xlim() if which == "x" else axes.get_ylim())
    narrow = low > 0 and np.log10(high / low) < 2.6
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}{sign}"))
    axis.set_minor_formatter(NullFormatter())
