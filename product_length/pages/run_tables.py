"""The tables of a run's page."""

from __future__ import annotations

from collections.abc import Sequence

from product_length.evaluation.examples import Example
from product_length.evaluation.groups import by_type
from product_length.evaluation.metrics import MAPE, METRICS, Metric, metrics_in
from product_length.evaluation.predictions import Predictions
from product_length.evaluation.records import (
    IntervalGroup,
    IntervalReport,
    Report,
    SplitReport,
)
from product_length.evaluation.wording import (
    NOTHING,
    count,
    metric_title,
    metric_with_range,
    percent,
    points,
)
from product_length.pages.axes import number
from product_length.pages.page import Cell, Column, Table

_MOST_TYPES = 25


def _splits(report: Report) -> list[tuple[str, SplitReport]]:
    return [(name, report.splits[name]) for name in ("val", "test") if name in report.splits]


def _title(report: Report, metric: Metric) -> str:
    title = metric_title(metric, report.bands, report.quantity.unit)
    return f"{title} (higher is better)" if metric.higher_is_better else title


def metric_table(report: Report) -> Table:
    """Every metric of every split."""
    splits = _splits(report)
    rows = [
        [_title(report, metric)]
        + [metric_with_range(metric, split.metrics[metric.name]) for _, split in splits]
        for metric in metrics_in(report.bands)
    ]
    columns = [Column("metric", names_row=True)] + [
        Column(f"{name}, {count(split.metrics.rows)} rows", numeric=True) for name, split in splits
    ]
    return Table(columns, rows, "Metrics", strong=frozenset({0}))


def decision_table(report: Report) -> Table | None:
    """Each metric of distributions that are decided for it; None without distributions."""
    splits = [(name, split) for name, split in _splits(report) if split.decisions]
    if not splits:
        return None
    rows = [
        [_title(report, metric), metric.decision]
        + [metric_with_range(metric, split.own(metric.name)) for _, split in splits]
        for metric in metrics_in(report.bands)
    ]
    columns = [Column("metric", names_row=True), Column("decision")]
    columns += [Column(name, numeric=True) for name, _ in splits]
    return Table(columns, rows, "Each metric under its own decision")


def baseline_table(report: Report) -> Table | None:
    """What else predicted the same rows; None where nothing did."""
    rows: list[list[str | Cell]] = [
        [
            name,
            split,
            percent(baseline.metrics.mape.value),
            Cell(points(baseline.difference), baseline.difference.value),
            baseline.difference.verdict,
        ]
        for split, scored in _splits(report)
        for name, baseline in scored.compared_with()
    ]
    if not rows:
        return None
    columns = [
        Column("on the same rows", names_row=True),
        Column("split"),
        Column("MAPE", numeric=True),
        Column("model minus it, points", numeric=True),
        Column("the model is"),
    ]
    note = (
        ""
        if report.decision in (None, MAPE.decision)
        else f"The model with decision: {MAPE.decision}."
    )
    return Table(columns, rows, "Baselines", note)


def band_table(report: Report) -> Table | None:
    """Metrics by band of true length, baselines beside the model; None for a single band."""
    val = report.val
    banded = [metric for metric in METRICS if metric.by_band]
    if len(val.metrics.bands) < 2:
        return None
    columns = [
        Column(report.quantity.labelled("true"), names_row=True),
        Column("rows", numeric=True),
    ]
    others = val.compared_with()
    for metric in banded:
        columns.append(Column(f"{metric.title}, model", numeric=True))
        columns += [Column(f"{metric.title}, {name}", numeric=True) for name, _ in others]
    rows = []
    for at, band in enumerate(val.metrics.bands):
        cells: list[str | Cell] = [Cell(band.band, at), count(band.rows)]
        for metric in banded:
            own = val.under(metric.decision).bands[at][metric.name]
            cells.append(Cell(metric_with_range(metric, own), own.value))
            for _, baseline in others:
                other = baseline.metrics.bands[at][metric.name]
                cells.append(Cell(metric_with_range(metric, other), other.value))
        rows.append(cells)
    return Table(columns, rows, f"By true {report.quantity.noun}, val")


def type_table(found: Predictions, report: Report) -> Table | None:
    """The types with the largest shares of the error; None where there are no types."""
    groups = by_type(found, report.resampling, _MOST_TYPES)
    if not groups:
        return None
    columns = [
        Column("type", names_row=True),
        Column("rows", numeric=True),
        Column("share of the error", numeric=True, hint="of the sum of all percentage errors"),
        Column("MAPE", numeric=True),
        Column("median APE", numeric=True),
        Column("predicted over true, median", numeric=True),
    ]
    rows: list[list[str | Cell]] = [
        [
            each.name,
            count(each.rows),
            percent(each.share),
            percent(each.mape),
            percent(each.median_ape),
            f"{each.bias:.2f}",
        ]
        for each in groups
    ]
    note = f"The {len(groups)} types with the largest shares of the error on val."
    return Table(columns, rows, "By type", note)


def interval_tables(intervals: IntervalReport, report: Report) -> list[Table]:
    """Coverage and width by band of true length, and by training rows of the type."""
    return [
        _interval_table(intervals.bands, report.quantity.labelled("true"), intervals.overall),
        _interval_table(intervals.types, "training rows of the type", intervals.overall),
    ]


def _interval_table(groups: Sequence[IntervalGroup], title: str, whole: IntervalGroup) -> Table:
    columns = [
        Column(title, names_row=True),
        Column("rows", numeric=True),
        Column("in their interval", numeric=True),
        Column("width over median", numeric=True, hint="median of upper minus lower over median"),
    ]
    rows: list[list[str | Cell]] = [
        [
            Cell(each.name, at),
            count(each.rows),
            percent(each.coverage),
            NOTHING if each.median_width is None else f"{each.median_width:.2f}",
        ]
        for at, each in enumerate([*groups, whole])
        if each.rows
    ]
    return Table(columns, rows, f"Intervals by {title}", strong=frozenset({len(rows) - 1}))


def example_table(examples: Sequence[Example], report: Report, caption: str) -> Table:
    """Products with their texts, truth, prediction, interval, and the reasons where known."""
    noun, unit = report.quantity.noun, report.quantity.unit
    has_interval = any(each.low is not None for each in examples)
    has_stated = any(each.stated for each in examples)
    columns = [
        Column("product", names_row=True),
        Column("text", prose=True),
        Column(f"true {noun} ({unit})", numeric=True),
        Column(f"predicted ({unit})", numeric=True),
        Column("error", numeric=True, hint="absolute percentage error"),
    ]
    columns += [Column(f"90% interval ({unit})", numeric=True)] * has_interval
    columns += [Column("the text states")] * has_stated
    columns += [Column("why", prose=True)] * any(each.reasons for each in examples)
    rows = []
    for each in examples:
        cells: list[str | Cell] = [
            Cell(each.product_id, under=f"type {each.product_type}" if each.product_type else ""),
            each.text,
            number(each.length),
            number(each.prediction),
            Cell(percent(each.ape), each.ape),
        ]
        if has_interval:
            known = each.low is not None and each.high is not None
            said = f"{number(each.low or 0)} to {number(each.high or 0)}" if known else NOTHING
            cells.append(Cell(said, each.low))
        if has_stated:
            cells.append(each.stated or NOTHING)
        if len(columns) > len(cells):
            cells.append(each.reasons)
        rows.append(cells)
    return Table(columns, rows, caption)


def feature_table(report: Report) -> Table | None:
    """What the model knew of a product; None where the run kept no list."""
    if not report.features:
        return None
    columns = [
        Column("feature", names_row=True),
        Column("numbers it gives", numeric=True),
        Column("share of its expert", numeric=True, hint="of the mixture, mean over val rows"),
    ]
    rows = [[each.name, count(each.width), percent(each.expert_share)] for each in report.features]
    return Table(columns, rows, "What it knows of a product")
