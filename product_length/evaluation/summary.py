"""One run, told on a terminal."""

from product_length.evaluation.bootstrap import MetricEstimates
from product_length.evaluation.records import (
    OWN_DECISION,
    SPLITS,
    IntervalGroup,
    IntervalReport,
    Report,
    SplitReport,
)
from product_length.evaluation.wording import (
    count,
    duration,
    metric_name,
    name_in_words,
    number_with_range,
    percent,
    percent_with_range,
    points,
    row_count,
    text_table,
)


def summary(report: Report) -> str:
    """The run as tables to read on a terminal: metrics, bands, rivals, remarks, costs."""
    splits: dict[str, SplitReport] = {
        name: report.splits[name] for name in SPLITS if name in report.splits
    }
    confidence = f"{100 * report.resampling.confidence:g}%"
    parts = [
        f"{report.track} · {_rows(report)} rows · data {report.data.fingerprint[:12]}\n"
        f"In brackets: {confidence} intervals over rows.",
        _metric_table(splits),
        _decision_table(splits),
        _rival_table(splits),
        *(_intervals(name, split.intervals) for name, split in splits.items() if split.intervals),
        _notes(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _rows(report: Report) -> str:
    return " + ".join(f"{count(rows)} {split}" for split, rows in report.data.rows.items())


def _metric_table(splits: dict[str, SplitReport]) -> str:
    def column(estimates: MetricEstimates) -> list[str]:
        score = estimates.score.value
        return [
            count(estimates.rows),
            percent_with_range(estimates.mape),
            "–" if score is None else f"{score:.2f}",
            number_with_range(estimates.rmsle),
            percent_with_range(estimates.median_ape),
            percent_with_range(estimates.mape_at_least_100),
            *(
                f"{percent_with_range(band.mape)}  {count(band.rows):>9}"
                for band in estimates.bands
            ),
        ]

    some = next(iter(splits.values())).metrics
    labels = ["rows", "MAPE", "score of 100", "RMSLE", "median APE", "MAPE, length ≥ 100"]
    labels += [f"MAPE, {band.band}   [rows]" for band in some.bands]
    columns = [column(split.metrics) for split in splits.values()]
    rows = [list(row) for row in zip(labels, *columns, strict=True)]
    return text_table(["", *splits], rows)


def _decision_table(splits: dict[str, SplitReport]) -> str:
    """The metrics that a distribution reaches when it is decided for each of them."""
    decided = {name: split for name, split in splits.items() if split.decisions}
    if not decided:
        return ""
    told = {
        "mape": percent_with_range,
        "rmsle": number_with_range,
        "median_ape": percent_with_range,
    }
    rows = [
        [metric_name(metric), OWN_DECISION[metric]]
        + [tell(split.own(metric)) for split in decided.values()]
        for metric, tell in told.items()
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


def _rival_table(splits: dict[str, SplitReport]) -> str:
    rows = []
    for name, split in splits.items():
        rivals = sorted(split.baselines.items(), key=lambda item: item[1].metrics.mape.value or 0)
        named = [(name_in_words(key), rival) for key, rival in rivals]
        if split.oracle is not None:
            named.append(("oracle (best possible)", split.oracle))
        rows += [
            [
                label,
                name,
                percent(rival.metrics.mape.value),
                points(rival.difference),
                rival.difference.verdict,
            ]
            for label, rival in named
        ]
    if not rows:
        return ""
    header = ["on the same rows", "split", "MAPE", "model minus it, points", "the model is"]
    return text_table(header, rows, numeric_from=2)


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
    stages = ", ".join(f"{name} {duration(seconds)}" for name, seconds in report.timings.items())
    lines.append(
        f"Best epoch {report.best_epoch} of {report.epochs}, {count(report.parameters)} "
        f"parameters, seed {report.seed}."
    )
    lines.append(
        f"{duration(sum(report.timings.values()))} in all" + (f": {stages}." if stages else ".")
    )
    return "\n".join(lines)
