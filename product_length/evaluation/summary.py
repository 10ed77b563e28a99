"""One run, summed up on a terminal."""

from itertools import product

from product_length.evaluation.metrics import MAPE, METRICS, Metric, metrics_in
from product_length.evaluation.records import (
    SPLITS,
    FeatureRecord,
    IntervalGroup,
    IntervalReport,
    Report,
    SplitReport,
)
from product_length.evaluation.wording import (
    count,
    decision_in_words,
    duration,
    metric_title,
    metric_with_range,
    percent,
    points,
    row_count,
    text_table,
)


def summary(report: Report) -> str:
    """The run as tables to read on a terminal: metrics, bands, baselines, remarks, costs."""
    splits: dict[str, SplitReport] = {
        name: report.splits[name] for name in SPLITS if name in report.splits
    }
    confidence = f"{100 * report.resampling.confidence:g}%"
    parts = [
        f"{report.quantity.in_words} · {report.length_range} · {_rows(report)} rows · "
        f"data {report.data.fingerprint[:12]}\n"
        f"{decision_in_words(report.decision)}\n"
        f"In brackets: {confidence} intervals over rows.",
        _metric_table(report, splits),
        _decision_table(report, splits),
        _baseline_table(report, splits),
        *(
            _intervals(report, name, split.intervals)
            for name, split in splits.items()
            if split.intervals
        ),
        _notes(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _rows(report: Report) -> str:
    return " + ".join(f"{count(rows)} {split}" for split, rows in report.data.rows.items())


def _title(report: Report, metric: Metric) -> str:
    return metric_title(metric, report.bands, report.quantity.unit)


def _metric_table(report: Report, splits: dict[str, SplitReport]) -> str:
    some = next(iter(splits.values())).metrics
    rows = [["rows", *(count(split.metrics.rows) for split in splits.values())]]
    for metric in metrics_in(report.bands):
        label = _title(report, metric)
        label += ", higher is better" if metric.higher_is_better else ""
        cells = [metric_with_range(metric, s.metrics[metric.name]) for s in splits.values()]
        rows.append([label, *cells])
    for i, metric in product(range(len(some.bands)), METRICS):
        if metric.by_band and len(some.bands) > 1:
            bands = [split.metrics.bands[i] for split in splits.values()]
            band = report.quantity.unit.amount(some.bands[i].band)
            label = f"{metric.title}, {band}   [rows]"
            rows.append(
                [label]
                + [
                    f"{metric_with_range(metric, band[metric.name])}  {count(band.rows):>9}"
                    for band in bands
                ]
            )
    heading = "" if report.decision is None else f"decision: {report.decision}"
    return text_table([heading, *splits], rows)


def _decision_table(report: Report, splits: dict[str, SplitReport]) -> str:
    """The metrics that a distribution reaches when it is decided for each of them."""
    decided = {name: split for name, split in splits.items() if split.decisions}
    if not decided:
        return ""
    rows = [
        [_title(report, metric), metric.decision]
        + [metric_with_range(metric, split.own(metric.name)) for split in decided.values()]
        for metric in metrics_in(report.bands)
    ]
    return text_table(["under its own decision", "decision", *decided], rows, numeric_from=2)


def _intervals(report: Report, split: str, intervals: IntervalReport) -> str:
    """Coverage and width in three lines."""

    def groups(some: list[IntervalGroup]) -> str:
        return ", ".join(
            f"{group.name} {percent(group.coverage)} of {count(group.rows)}"
            for group in some
            if group.rows
        )

    whole = intervals.overall
    return (
        f"{100 * intervals.level:g}% intervals, calibrated on "
        f"{row_count(intervals.calibration_rows)} of val, hold {percent(whole.coverage)} of "
        f"{row_count(whole.rows)} of {split}; width over median length: "
        f"{whole.median_width:.2f} (median), {whole.mean_width:.2f} (mean)."
        f"\n  by {report.quantity.labelled('true')}: {groups(intervals.bands)}"
        f"\n  by training rows of the type: {groups(intervals.types)}"
    )


def _baseline_table(report: Report, splits: dict[str, SplitReport]) -> str:
    rows = [
        [
            label,
            name,
            percent(baseline.metrics.mape.value),
            points(baseline.difference),
            baseline.difference.verdict,
        ]
        for name, split in splits.items()
        for label, baseline in split.compared_with()
    ]
    if not rows:
        return ""
    same = "on the same rows"
    if report.decision not in (None, MAPE.decision):
        same += f", decision: {MAPE.decision}"
    header = [same, "split", "MAPE", "model minus it, points", "the model is"]
    return text_table(header, rows, numeric_from=2)


def _feature(feature: FeatureRecord) -> str:
    """As in `types (128 numbers, expert 31.0% of the mixture)`."""
    parts = [f"{count(feature.width)} numbers"] if feature.width else []
    if feature.expert_share is not None:
        parts.append(f"expert {percent(feature.expert_share)} of the mixture")
    return f"{feature.name} ({', '.join(parts) or 'read by others only'})"


def _notes(report: Report) -> str:
    lines = [f"! {name}: {text}" for name, split in report.splits.items() for text in split.remarks]
    if report.snap is not None:
        effect = report.snap
        state = "applied" if effect.applied else "not applied"
        lines.append(
            f"Snapping to usual lengths ({state}): val MAPE {percent(effect.mape_without, 2)} → "
            f"{percent(effect.mape_with, 2)}, {effect.difference.verdict}."
        )
    for encoder, share in report.truncated_shares.items():
        if share:
            lines.append(f"{encoder}: {percent(share)} of the texts are longer than it reads.")
    if report.features:
        lines.append(f"Features: {', '.join(map(_feature, report.features))}.")
    stages = ", ".join(f"{name} {duration(seconds)}" for name, seconds in report.timings.items())
    lines.append(
        f"Best epoch {report.best_epoch} of {report.epochs}, {count(report.parameters)} "
        f"parameters, seed {report.seed}."
    )
    lines.append(
        f"{duration(sum(report.timings.values()))} in all" + (f": {stages}." if stages else ".")
    )
    return "\n".join(lines)
