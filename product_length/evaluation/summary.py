"""One run, summed up on a terminal."""

from itertools import product

from product_length.evaluation.metrics import METRICS
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
    duration,
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
        f"{report.length_range} · {_rows(report)} rows · data {report.data.fingerprint[:12]}\n"
        f"In brackets: {confidence} intervals over rows.",
        _metric_table(splits),
        _decision_table(splits),
        _baseline_table(splits),
        *(_intervals(name, split.intervals) for name, split in splits.items() if split.intervals),
        _notes(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _rows(report: Report) -> str:
    return " + ".join(f"{count(rows)} {split}" for split, rows in report.data.rows.items())


def _metric_table(splits: dict[str, SplitReport]) -> str:
    some = next(iter(splits.values())).metrics
    rows = [["rows", *(count(split.metrics.rows) for split in splits.values())]]
    for metric in METRICS:
        label = f"{metric.title}, higher is better" if metric.higher_is_better else metric.title
        cells = [metric_with_range(metric, s.metrics[metric.name]) for s in splits.values()]
        rows.append([label, *cells])
    for i, metric in product(range(len(some.bands)), METRICS):
        if metric.by_band:
            bands = [split.metrics.bands[i] for split in splits.values()]
            label = f"{metric.title}, {some.bands[i].band}   [rows]"
            rows.append(
                [label]
                + [
                    f"{metric_with_range(metric, band[metric.name])}  {count(band.rows):>9}"
                    for band in bands
                ]
            )
    return text_table(["", *splits], rows)


def _decision_table(splits: dict[str, SplitReport]) -> str:
    """The metrics that a distribution reaches when it is decided for each of them."""
    decided = {name: split for name, split in splits.items() if split.decisions}
    if not decided:
        return ""
    rows = [
        [metric.title, metric.decision]
        + [metric_with_range(metric, split.own(metric.name)) for split in decided.values()]
        for metric in METRICS
    ]
    return text_table(["under its own decision", "decision", *decided], rows, numeric_from=2)


def _intervals(split: str, intervals: IntervalReport) -> str:
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
        f"\n  by length: {groups(intervals.bands)}"
        f"\n  by training rows of the type: {groups(intervals.types)}"
    )


def _baseline_table(splits: dict[str, SplitReport]) -> str:
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
    header = ["on the same rows", "split", "MAPE", "model minus it, points", "the model is"]
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
