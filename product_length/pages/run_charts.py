"""The charts of a run: each of one report or of the predictions of its val rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from product_length.evaluation.estimates import MetricEstimates
from product_length.evaluation.examples import sampled_rows
from product_length.evaluation.groups import ErrorGroup, by_statement, by_type_rows
from product_length.evaluation.metrics import MAPE, METRICS, Metric, absolute_percentage_errors
from product_length.evaluation.predictions import Predictions
from product_length.evaluation.records import IntervalReport, Report
from product_length.evaluation.wording import count, percent, row_count
from product_length.pages.axes import number
from product_length.pages.charts import MOST_POINTS, by_category, curves
from product_length.pages.colours import MODEL, TRAIN, VAL, Look, of_baseline
from product_length.pages.histograms import histogram
from product_length.pages.page import Chart
from product_length.pages.prediction_charts import calibration, predicted_against_true
from product_length.pages.series import Line, Series

_SMALLEST_RATIO, _GREATEST_RATIO = 0.05, 20.0


def scatter_chart(found: Predictions, report: Report) -> Chart:
    """Predicted against true lengths."""
    rows = sampled_rows(len(found.lengths), MOST_POINTS)
    quantity = report.quantity
    ids = found.product_ids.take(rows).to_pylist()
    types = found.types.take(rows).to_pylist()
    figure = predicted_against_true(
        found.lengths[rows],
        found.predictions[rows],
        quantity.labelled("true"),
        quantity.labelled("predicted"),
        texts=[
            f"{one}, type {kind}" if kind else one for one, kind in zip(ids, types, strict=True)
        ],
    )
    some = f"A sample of {count(len(rows))}. " if len(rows) < len(found.lengths) else ""
    return Chart(
        figure,
        f"Predicted against true {quantity.noun}",
        f"{some}Lines beside the middle one: twice and half the true {quantity.noun}."
        f"{_decided(report)}",
        height=440,
    )


def ratio_chart(found: Predictions, report: Report) -> Chart:
    """Signed error: how predictions divided by the truth spread."""
    ratios = found.predictions / found.lengths
    shown = ratios.clip(_SMALLEST_RATIO, _GREATEST_RATIO)
    middle = float(np.median(ratios))
    within = float((absolute_percentage_errors(found.lengths, found.predictions) <= 0.1).mean())
    outside = int((shown != ratios).sum())
    note = (
        f"Left of 1 too short, right of it too long; {percent(within)} of the products are within "
        "10% of the truth. A pile at 2.54 or 0.39 is a slip of units."
    )
    if outside:
        note += f" {row_count(outside)} outside of the axis stand at its ends."
    note += _decided(report)
    figure = histogram(
        shown,
        f"predicted over true {report.quantity.noun}",
        bins=72,
        lines=[Line(1, "exact"), Line(middle, f"median {number(middle)}", TRAIN)],
    )
    return Chart(figure, "Signed error", note, height=440)


def _decided(report: Report) -> str:
    """What the predictions are decided for, where it is not MAPE."""
    return "" if report.decision in (None, MAPE.decision) else f" Here decision: {report.decision}."


def band_charts(report: Report) -> list[Chart]:
    """Every metric that is reported by band of true length, beside baselines and oracle."""
    return [_band_chart(report, metric) for metric in METRICS if metric.by_band]


def _band_chart(report: Report, metric: Metric) -> Chart:
    val = report.val
    scored = val.under(metric.decision)
    filled = [at for at, band in enumerate(scored.bands) if band.rows]
    named = "model" if scored is val.metrics else f"model, decision: {metric.decision}"
    own = _band_series(named, MODEL, scored, metric, filled, ends=True)
    others = [
        _band_series(name, of_baseline(name), baseline.metrics, metric, filled)
        for name, baseline in val.compared_with()
    ]
    figure = by_category(
        [scored.bands[at].band for at in filled],
        [own, *others],
        report.quantity.labelled("true"),
        metric.title,
        sign="%" if metric.is_percentage else "",
        sizes=[row_count(scored.bands[at].rows) for at in filled],
    )
    interval = f"{100 * report.resampling.confidence:g}%"
    return Chart(
        figure,
        f"{metric.title} by true {report.quantity.noun}",
        f"The model with {interval} intervals, beside what else predicted the same val rows.",
        height=440,
    )


def _band_series(
    name: str,
    look: Look,
    scored: MetricEstimates,
    metric: Metric,
    bands: Sequence[int],
    *,
    ends: bool = False,
) -> Series:
    factor = 100 if metric.is_percentage else 1
    estimates = [scored.bands[at][metric.name] for at in bands]

    def of(end: str) -> list[float | None]:
        values = [getattr(each, end) for each in estimates]
        return [None if value is None else factor * value for value in values]

    return Series(name, of("value"), look, of("low") if ends else (), of("high") if ends else ())


def group_charts(found: Predictions, report: Report) -> list[Chart]:
    """MAPE by training rows of the type, and by what the text states, where these are known."""
    charts = []
    for groups, title, label in (
        (
            by_type_rows(found, report.resampling),
            "MAPE by training rows of the type",
            "training rows with the product's type",
        ),
        (
            by_statement(found, report.resampling),
            f"MAPE by what the text states of {report.quantity.nouns}",
            "the text states",
        ),
    ):
        if groups:
            figure = by_category(
                [each.name for each in groups],
                [_group_series(groups)],
                label,
                "MAPE",
                log=False,
                sizes=[row_count(each.rows) for each in groups],
            )
            figure.update_yaxes(rangemode="tozero")
            charts.append(Chart(figure, title, "Of the run's own predictions on val.", height=360))
    return charts


def _group_series(groups: Sequence[ErrorGroup]) -> Series:
    return Series(
        "model",
        [100 * each.mape for each in groups],
        MODEL,
        [None if each.low is None else 100 * each.low for each in groups],
        [None if each.high is None else 100 * each.high for each in groups],
    )


def curves_chart(report: Report) -> Chart | None:
    """MAPE on train and val after each epoch, beside baselines and oracle; None without epochs."""
    if not report.history:
        return None
    lines = [
        Line(100 * value, name, of_baseline(name))
        for name, baseline in report.val.compared_with()
        if (value := baseline.metrics.mape.value) is not None
    ]
    series = [_curve(report, "train", TRAIN, "train/mape"), _curve(report, "val", VAL, "val/mape")]
    decided = "" if report.decision in (None, MAPE.decision) else f", decision: {MAPE.decision}"
    figure = curves(series, "epoch", f"MAPE{decided}", lines=lines, marked_x=_best(report))
    note = "Of train as the weights moved, with dropout; baselines and oracle on the val rows."
    return Chart(figure, "Learning curve", note, height=440)


def loss_chart(report: Report) -> Chart | None:
    """The loss on train and val after each epoch; None without epochs."""
    if not report.history:
        return None
    series = [
        _curve(report, name, look, f"{name}/loss", 1)
        for name, look in (("train", TRAIN), ("val", VAL))
    ]
    figure = curves(
        series, "epoch", "loss (its own unit)", sign="", log=False, marked_x=_best(report)
    )
    return Chart(figure, "Loss", "What training minimises.", height=440)


def _curve(report: Report, name: str, look: Look, key: str, factor: float = 100) -> Series:
    entries = [(entry.get("epoch") or at, entry) for at, entry in enumerate(report.history, 1)]
    values = [None if (value := entry.get(key)) is None else factor * value for _, entry in entries]
    return Series(name, values, look, x=[float(epoch) for epoch, _ in entries])


def _best(report: Report) -> Line:
    return Line(report.best_epoch, f"best epoch, {report.best_epoch}")


def calibration_chart(intervals: IntervalReport) -> Chart:
    """The share of test rows that intervals hold, against the share that they aim at."""
    aims = [100 * each.level for each in intervals.reliability]
    series = [
        Series(
            "calibrated", [100 * each.coverage for each in intervals.reliability], MODEL, x=aims
        ),
        Series(
            "as predicted",
            [100 * each.uncalibrated for each in intervals.reliability],
            TRAIN,
            x=aims,
        ),
    ]
    figure = calibration(
        series, rows=intervals.overall.rows, calibration_rows=intervals.calibration_rows
    )
    return Chart(
        figure,
        "Calibration",
        f"{row_count(intervals.overall.rows)} of test. On the line they hold what they promise.",
        height=400,
    )
