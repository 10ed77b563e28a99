"""Pictures of one run as PNG files, for paper and screen."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from product_length.decision.config import Decision
from product_length.evaluation.drawing import empty_figure, plain_log_axis, save, styled
from product_length.evaluation.estimates import MetricEstimates
from product_length.evaluation.metrics import MAPE, METRICS, Metric, absolute_percentage_errors
from product_length.evaluation.predictions import Predictions
from product_length.evaluation.quantity import Quantity
from product_length.evaluation.records import IntervalReport, Report, SplitReport
from product_length.evaluation.wording import count, percent, row_count
from product_length.writing import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito (2008), for any of the usual colour deficiencies. Markers differ as well.
MODEL_COLOUR = "#0072B2"
BASELINE_COLOURS = ("#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_MARKERS = ("s", "^", "D", "v", "P", "X")
_GREY = "#5f6368"


def write_plots(folder: Path, report: Report, predictions: Mapping[str, Predictions]) -> list[Path]:
    """Draw a finished run into `folder/plots/` and return the files.

    `predictions` holds the rows of each split of the report that is to be drawn ("val", "test").
    Raises UserError when a file cannot be written.
    """
    figures: dict[str, Callable[[], Figure]] = {}
    for split, rows in predictions.items():
        intervals = report.splits["val" if split == "val" else "test"].intervals
        figures[f"predicted_vs_true_{split}"] = partial(scatter, rows, split, report.quantity)
        figures[f"error_by_band_{split}"] = partial(error_by_band, report, split)
        decided = report.decision
        figures[f"error_distribution_{split}"] = partial(distribution, rows, split, decided)
        if intervals is not None:
            figures[f"reliability_{split}"] = partial(reliability, intervals, split)
    if report.history:
        figures["learning_curves"] = partial(learning_curves, report)
    return [
        write_whole(folder / "plots" / f"{name}.png", partial(save, draw))
        for name, draw in figures.items()
    ]


def scatter(rows: Predictions, split: str, quantity: Quantity) -> "Figure":
    """Predicted against true lengths of every row, both logarithmic; colour counts the products."""
    from matplotlib.colors import LogNorm

    figure = empty_figure(6.4, 5.6)
    axes = styled(figure.add_subplot())
    low = min(rows.lengths.min(), rows.predictions.min()) / 1.3
    high = max(rows.lengths.max(), rows.predictions.max()) * 1.3
    # A hexagon is a share of the plot: with few products small ones would be invisible specks.
    cells = int(np.clip(np.sqrt(rows.lengths.size) * 0.8, 18, 70))
    hexagons = axes.hexbin(
        rows.lengths,
        rows.predictions,
        xscale="log",
        yscale="log",
        gridsize=cells,
        mincnt=1,
        norm=LogNorm(vmin=1),
        cmap="viridis_r",
        linewidths=0.1,
        extent=(np.log10(low), np.log10(high), np.log10(low), np.log10(high)),
    )
    ends = np.array([low, high])
    axes.plot(ends, ends, color="black", linewidth=1, label="exact")
    axes.plot(ends, 2 * ends, color="black", linewidth=0.8, linestyle=":", label="twice, half")
    axes.plot(ends, ends / 2, color="black", linewidth=0.8, linestyle=":")
    axes.set(
        xlim=(low, high),
        ylim=(low, high),
        xlabel=quantity.labelled("true"),
        ylabel=quantity.labelled("predicted"),
        title=f"Predicted and true {quantity.noun}, {count(rows.lengths.size)} {split} products",
    )
    for which in "xy":
        plain_log_axis(axes, which, "")
    axes.legend(loc="upper left")
    figure.colorbar(hexagons, ax=axes, label="products", pad=0.02)
    return figure


def error_by_band(report: Report, split: str) -> "Figure":
    """Metrics per band of true length: the model with its intervals, beside the baselines.

    The model is decided for the metric, as the baselines are.
    """
    banded = [metric for metric in METRICS if metric.by_band]
    figure = empty_figure(8.4, 5.0 * len(banded))
    for i, metric in enumerate(banded, start=1):
        axes = styled(figure.add_subplot(len(banded), 1, i))
        _draw_bands(axes, metric, report, report.splits["val" if split == "val" else "test"])
        axes.set_title(f"Error by true {report.quantity.noun}, {split} products")
    return figure


def _draw_bands(axes: "Axes", metric: Metric, report: Report, own: SplitReport) -> None:
    filled = [i for i, band in enumerate(own.metrics.bands) if band.rows]
    factor = 100 if metric.is_percentage else 1
    at = np.arange(len(filled))
    bands = [own.metrics.bands[i] for i in filled]

    def values(estimates: MetricEstimates, end: str = "value") -> NDArray[np.float64]:
        found = [estimates.bands[i][metric.name] for i in filled]
        return np.array([_or(getattr(each, end), each.value, factor) for each in found])

    series = own.compared_with()
    spread = np.linspace(-0.3, 0.3, len(series) + 1)
    scored = own.under(metric.decision)
    model = values(scored)
    reach = [model - values(scored, "low"), values(scored, "high") - model]
    named = "model" if scored is own.metrics else f"model, decision: {metric.decision}"
    axes.errorbar(
        at + spread[0],
        model,
        yerr=np.clip(reach, 0, None),
        fmt="o",
        color=MODEL_COLOUR,
        markersize=7,
        capsize=4,
        linewidth=1.8,
        label=f"{named} ({100 * report.resampling.confidence:g}% interval)",
        zorder=3,
    )
    for i, (label, baseline) in enumerate(series):
        marker, color = _MARKERS[i % len(_MARKERS)], BASELINE_COLOURS[i % len(BASELINE_COLOURS)]
        shown = values(baseline.metrics)
        axes.plot(at + spread[i + 1], shown, marker, color=color, markersize=6, label=label)
    for edge in at[1:] - 0.5:
        axes.axvline(edge, color="#d0d3d6", linewidth=0.8, zorder=0)
    axes.set_yscale("log")
    if metric.is_percentage:
        plain_log_axis(axes, "y", "%")
    axes.set_xticks(at, [f"{band.band}\n{row_count(band.rows)}" for band in bands])
    axes.set(
        xlim=(-0.5, len(filled) - 0.5),
        xlabel=report.quantity.labelled("true"),
        ylabel=f"{metric.title} ({'%, ' if metric.is_percentage else ''}logarithmic)",
    )
    axes.grid(visible=False, axis="x")
    _legend_below(axes)


def _legend_below(axes: "Axes") -> None:
    """A legend under the plot, the model first."""
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        [handles[-1], *handles[:-1]],  # matplotlib puts what has error bars last: the model
        [labels[-1], *labels[:-1]],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.2),
        ncols=3,
        frameon=False,
    )


def learning_curves(report: Report) -> "Figure":
    """Loss on train and val, and MAPE on val, per epoch; the best epoch is marked."""
    from matplotlib.ticker import MaxNLocator

    figure = empty_figure(9.6, 4.4)
    left, right = (styled(figure.add_subplot(1, 2, column)) for column in (1, 2))
    epochs = [entry.get("epoch") or i for i, entry in enumerate(report.history, start=1)]
    curves = (
        (left, "train/loss", "train", "o--", BASELINE_COLOURS[0]),
        (left, "val/loss", "val", "s-", MODEL_COLOUR),
        (right, "val/mape", "val", "s-", MODEL_COLOUR),
    )
    for target, key, label, style, colour in curves:
        factor = 100 if key == "val/mape" else 1
        values = [_or(entry.get(key), None, factor) for entry in report.history]
        if np.isfinite(values).any():
            shown = style if len(epochs) <= 40 else style[1:]  # markers of few epochs only
            target.plot(epochs, values, shown, markersize=4, color=colour, label=label)
    mapes = [value for entry in report.history if (value := entry.get("val/mape"))]
    if mapes and max(mapes) > 20 * min(mapes):  # a wild first epoch would flatten the others
        right.set_yscale("log")
    for target in (left, right):
        target.axvline(
            report.best_epoch, color=_GREY, linestyle=":", label=f"best epoch, {report.best_epoch}"
        )
        target.xaxis.set_major_locator(MaxNLocator(integer=True))
        target.set_xlabel("epoch")
        target.legend()
    left.set(ylabel="loss (its own unit)", title="Loss")
    decided = "" if report.decision in (None, MAPE.decision) else f", decision: {MAPE.decision}"
    right.set(ylabel="MAPE (%)", title=f"MAPE on val products{decided}")
    return figure


def distribution(rows: Predictions, split: str, decision: Decision | None) -> "Figure":
    """How absolute percentage errors spread, on a logarithmic axis, with median and mean.

    `decision`: what the predictions are decided for.
    """
    figure = empty_figure(7.6, 4.6)
    axes = styled(figure.add_subplot())
    errors = 100 * absolute_percentage_errors(rows.lengths, rows.predictions)
    smallest = 0.01
    shown = np.clip(errors, smallest, None)  # an exact hit has no place on a logarithmic axis
    edges = np.geomspace(smallest, max(1000.0, shown.max() * 1.01), 61)
    share = np.full(shown.shape, 100 / shown.size)
    axes.hist(shown, bins=edges.tolist(), weights=share, color=MODEL_COLOUR, alpha=0.85)
    marks = (
        (float(np.median(errors)), "median", "-", BASELINE_COLOURS[0]),
        (float(errors.mean()), "mean (MAPE)", "--", "black"),
    )
    for value, label, style, colour in marks:
        said = f"{label} {percent(value / 100)}"
        at = max(value, smallest)
        axes.axvline(at, color=colour, linestyle=style, linewidth=1.8, label=said)
    axes.set_xscale("log")
    plain_log_axis(axes, "x", "%")
    decided = "" if decision is None else f", decision: {decision}"
    axes.set(
        xlabel=f"absolute percentage error (%, logarithmic; {smallest:g}% or less at the left)",
        ylabel="share of products (%)",
        title=f"Distribution of errors, {count(errors.size)} {split} products{decided}",
    )
    axes.legend(loc="upper left")
    return figure


def reliability(intervals: IntervalReport, split: str) -> "Figure":
    """The share of rows that intervals hold, against the share that they aim at."""
    figure = empty_figure(6.0, 5.6)
    axes = styled(figure.add_subplot())
    rows = intervals.overall.rows
    aim = np.linspace(0, 1, 101)
    luck = 1.96 * np.sqrt(aim * (1 - aim) * (1 / rows + 1 / intervals.calibration_rows))
    low, high = 100 * (aim - luck).clip(0, 1), 100 * (aim + luck).clip(0, 1)
    axes.fill_between(100 * aim, low, high, color="#d0d3d6", label="luck of the rows (95%)")
    axes.plot([0, 100], [0, 100], color="black", linewidth=1, label="as aimed at")
    at = [100 * each.level for each in intervals.reliability]
    for label, values, marker, colour in (
        ("calibrated", [e.coverage for e in intervals.reliability], "o", MODEL_COLOUR),
        ("as predicted", [e.uncalibrated for e in intervals.reliability], "s", BASELINE_COLOURS[0]),
    ):
        shares = [100 * value for value in values]
        axes.plot(at, shares, marker=marker, color=colour, markersize=5, label=label)
    axes.set(
        xlim=(0, 100),
        ylim=(0, 100),
        xlabel="aim of the central interval (%)",
        ylabel="products whose length it holds (%)",
        title=f"Reliability of intervals, {count(rows)} {split} products",
    )
    axes.legend(loc="upper left")
    return figure


def _or(value: float | None, otherwise: float | None, factor: float = 100) -> float:
    chosen = otherwise if value is None else value
    return float("nan") if chosen is None else factor * chosen
