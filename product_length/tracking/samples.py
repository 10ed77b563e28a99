"""Which few products are shown out of a split, and a picture of them."""

import numpy as np
from numpy.typing import NDArray

from product_length.evaluation.metrics import FloatArray
from product_length.evaluation.quantity import Quantity

RowArray = NDArray[np.intp]


def best_rows(errors: FloatArray, count: int) -> RowArray:
    """Row numbers of the `count` smallest errors, best first; of equal ones the first rows."""
    return np.argsort(errors, kind="stable")[:count]


def worst_rows(errors: FloatArray, count: int) -> RowArray:
    """Row numbers of the `count` largest errors, worst first; of equal ones the first rows."""
    return np.argsort(-errors, kind="stable")[:count]


def scatter(
    lengths: FloatArray, predictions: FloatArray, title: str, quantity: Quantity
) -> NDArray[np.uint8]:
    """Predicted against true lengths on logarithmic axes, uint8 (height, width, 4), RGBA.

    Lengths and predictions: float64 (rows,), of `quantity`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 5.6), dpi=120, layout="constrained", facecolor="white")
    axes = figure.subplots()
    low = min(lengths.min(), predictions.min()) / 1.3
    high = max(lengths.max(), predictions.max()) * 1.3
    axes.scatter(lengths, predictions, s=12, alpha=0.4, color="#0072B2", linewidths=0)
    axes.plot([low, high], [low, high], color="black", linewidth=1, label="exact")
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(low, high),
        ylim=(low, high),
        xlabel=quantity.labelled("true"),
        ylabel=quantity.labelled("predicted"),
        title=title,
    )
    axes.legend(loc="upper left")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.array(canvas.buffer_rgba(), dtype=np.uint8)  # type: ignore[no-untyped-call]
