"""The page of one run: verdict, errors by group, curves, calibration, products, configuration."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from product_length.comparison.recipe import without_sweep
from product_length.errors import UserError
from product_length.evaluation.examples import Example, load_examples
from product_length.evaluation.metrics import MAPE
from product_length.evaluation.predictions import Predictions, load_predictions
from product_length.evaluation.records import Report
from product_length.evaluation.report import load_report
from product_length.evaluation.wording import (
    capitalised,
    count,
    decision_in_words,
    duration,
    metric_with_range,
    percent,
    points,
    row_count,
)
from product_length.pages.page import (
    Command,
    Details,
    Facts,
    Paragraph,
    Part,
    Section,
    SideBySide,
    charts_of,
    write_page,
)
from product_length.pages.run_charts import (
    band_charts,
    calibration_chart,
    curves_chart,
    group_charts,
    loss_chart,
    ratio_chart,
    scatter_chart,
)
from product_length.pages.run_tables import (
    band_table,
    baseline_table,
    decision_table,
    example_table,
    feature_table,
    interval_tables,
    metric_table,
    type_table,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

PAGE_FILE = "report.html"
_CONFIG_FILE = "config.yaml"


@dataclass(frozen=True)
class RunPage:
    """What the page of a run is made of; `found`: its val predictions, `config`: YAML text."""

    report: Report
    found: Predictions
    examples: Sequence[Example] = ()
    config: str = ""


def write_run_page(folder: Path, report: Report | None = None) -> Path:
    """Write `report.html` of a run folder from what the folder keeps, and return it.

    `report`: as far as it may be shown, by default that of the folder without test rows where the
    run is one of a study's. Raises UserError where the folder holds no finished run, a file is
    damaged, or the page cannot be written.
    """
    run = _read(folder, report or _shown(load_report(folder)))
    return write_page(
        folder / PAGE_FILE,
        _title(run.report),
        verdict(run.report),
        run_sections(run),
        kicker=f"One run · {run.report.created.replace('T', ' ')[:16]} UTC",
    )


def run_figures(folder: Path, report: Report) -> dict[str, Figure]:
    """Every figure of the page by its title, as it stands on the page, for a tracker.

    Errors as of `write_run_page`.
    """
    sections = run_sections(_read(folder, report))
    charts = [chart for section in sections for chart in charts_of(section.parts)]
    return {chart.title: chart.figure for chart in charts}


def _read(folder: Path, report: Report) -> RunPage:
    try:
        config = (folder / _CONFIG_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        config = ""
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{folder / _CONFIG_FILE}: cannot be read ({error})") from error
    return RunPage(report, load_predictions(folder, "val"), load_examples(folder), config)


def _shown(report: Report) -> Report:
    """Of a study's trials test rows are shown for the chosen recipe only, in its comparison."""
    of_study = any(text.startswith("study=") for text in report.overrides)
    return report.without_test() if of_study else report


def verdict(report: Report) -> list[str]:
    """How good the model is beside baselines and oracle, in sentences, the result first."""
    val = report.val
    mape = val.under(MAPE.decision).mape
    said = f"MAPE on validation rows is {metric_with_range(MAPE, mape)}"
    baselines = [each for each in val.compared_with() if each[1] is not val.oracle]
    if baselines:
        name, best = baselines[0]
        difference = best.difference
        words = (
            f"{difference.verdict} than"
            if difference.verdict != "no detectable difference"
            else ("not detectably different from")
        )
        said += (
            f": {words} the best baseline, {name} with {percent(best.metrics.mape.value)} "
            f"(difference {points(difference)} points)"
        )
    sentences = [said + "."]
    if val.oracle is not None:
        best_possible = val.oracle.metrics.mape.value
        sentences.append(
            f"The best possible on these rows, which only the generated catalogue knows, is "
            f"{percent(best_possible)}."
        )
    if "test" in report.splits:
        test = report.splits["test"].under(MAPE.decision).mape
        sentences.append(
            f"On test rows, which chose nothing, it is {metric_with_range(MAPE, test)}."
        )
    return sentences


def command_of(report: Report) -> str:
    """The command that repeats the run, as a shell takes it."""
    return shlex.join(["python", "-m", "product_length.train", *without_sweep(report.overrides)])


def run_sections(run: RunPage) -> list[Section]:
    """All sections of a run's page, in order."""
    return [
        _overview(run),
        _predictions(run),
        _groups(run),
        _learning(run),
        *_intervals(run),
        *_products(run),
        _setting(run),
    ]


def _title(report: Report) -> str:
    return f"{capitalised(report.quantity.noun)} of products: {Path(report.data.source).name}"


def _overview(run: RunPage) -> Section:
    report = run.report
    rows = [f"{count(size)} {split}" for split, size in report.data.rows.items()]
    facts = [
        ("predicted", report.quantity.in_words),
        ("rows", ", ".join(rows)),
        ("which lengths", report.length_range),
        ("trained", f"{report.epochs} epochs, best {report.best_epoch}, seed {report.seed}"),
        ("parameters", count(report.parameters)),
        ("time", duration(sum(report.timings.values()))),
    ]
    warnings = [
        Paragraph(f"{split}: {remark}", "warning")
        for split, scored in report.splits.items()
        for remark in scored.remarks
    ]
    confidence = f"{100 * report.resampling.confidence:g}%"
    note = f"{decision_in_words(report.decision)}. In brackets: {confidence} intervals over rows."
    tables = [metric_table(report), baseline_table(report), decision_table(report)]
    parts: list[Part] = [*warnings, Facts(facts), Paragraph(note, "note")]
    return Section("Result", [*parts, *(each for each in tables if each is not None)])


def _predictions(run: RunPage) -> Section:
    return Section(
        "Predicted and true",
        [SideBySide([scatter_chart(run.found, run.report), ratio_chart(run.found, run.report)])],
        lead=f"The {row_count(len(run.found.lengths))} of the val split.",
    )


def _groups(run: RunPage) -> Section:
    report, found = run.report, run.found
    charts = [*band_charts(report), *group_charts(found, report)]
    parts: list[Part] = [SideBySide(charts)] if len(charts) > 1 else list(charts)
    folded = [table for table in (band_table(report), type_table(found, report)) if table]
    return Section(
        "Where the error is",
        [*parts, *folded],
        lead="MAPE divides by the true length: a few short products can decide it.",
    )


def _learning(run: RunPage) -> Section:
    charts = [each for each in (curves_chart(run.report), loss_chart(run.report)) if each]
    if not charts:
        return Section("Learning", [Paragraph("The run noted no epochs.", "note")])
    return Section("Learning", [SideBySide(charts)])


def _intervals(run: RunPage) -> list[Section]:
    test = run.report.splits.get("test")
    if test is None or test.intervals is None:
        return []
    found = test.intervals
    chart, tables = calibration_chart(found), interval_tables(found, run.report)
    lead = (
        f"{100 * found.level:g}% intervals, calibrated on {row_count(found.calibration_rows)} of "
        f"val, hold {percent(found.overall.coverage)} of {row_count(found.overall.rows)} of test."
    )
    return [Section("Intervals", [SideBySide([chart, *tables[:1]]), *tables[1:]], lead=lead)]


def _products(run: RunPage) -> list[Section]:
    if not run.examples:
        return []
    half = len(run.examples) // 2
    best, worst = run.examples[:half], run.examples[half:]
    return [
        Section(
            "Worst and best products",
            [
                example_table(worst, run.report, "Worst predictions"),
                example_table(best, run.report, "Best predictions"),
            ],
            lead="A worst prediction is often a wrong label: look at the text before the model.",
        )
    ]


def _setting(run: RunPage) -> Section:
    report = run.report
    made = report.versions
    commit = (
        f", commit {made.commit[:12]}{' (modified)' * bool(made.modified)}" if made.commit else ""
    )
    facts = [
        ("data", report.data.source),
        ("data fingerprint", report.data.fingerprint[:12]),
        (
            "software",
            f"product_length {made.product_length}{commit}, Python {made.python}, "
            f"torch {made.torch}, lightning {made.lightning}",
        ),
    ]
    times = [(stage, duration(seconds)) for stage, seconds in report.timings.items()]
    parts: list[Part] = [Command(command_of(report), "Repeats this run:"), Facts(facts)]
    features = feature_table(report)
    if features is not None:
        parts.append(features)
    parts.append(Details("Time by stage", [Facts(times)]))
    if run.config:
        parts.append(Details("The whole configuration", [Command(run.config)]))
    return Section("How it was made", parts)
