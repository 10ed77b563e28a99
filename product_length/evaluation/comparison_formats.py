"""A comparison of runs for a terminal, as Markdown, as CSV."""

import csv
import io

from product_length.evaluation.bootstrap import Estimate
from product_length.evaluation.compare import Comparison, Group, Ranked
from product_length.evaluation.comparison_tables import (
    group_title,
    headline,
    notes,
    tables,
    verdict_of,
)
from product_length.evaluation.wording import text_table

_LONGEST = 60


def as_text(comparison: Comparison) -> str:
    """The comparison for a terminal; long recipes are cut in its tables, here only."""
    parts = []
    for group in comparison.groups:
        parts.append(f"{group_title(group)}\n" + "\n".join(headline(group)))
        for table in tables(group):
            note = f"\n{table.note}" if table.note else ""
            rows = [
                [_cut(cell) if i == table.row_header else cell for i, cell in enumerate(row)]
                for row in table.rows
            ]
            shown = text_table(table.header, rows, numeric_from=table.numeric_from)
            parts.append(f"{table.caption}{note}\n{shown}")
    parts.append("\n".join(notes(comparison)))
    return "\n\n".join(parts) + "\n"


def as_markdown(comparison: Comparison) -> str:
    """The comparison as GitHub-flavoured Markdown."""
    lines = ["# Comparison of runs", ""]
    for group in comparison.groups:
        lines += [f"## {_escape(group_title(group))}", ""]
        lines += [f"- {_escape(sentence)}" for sentence in headline(group)]
        for table in tables(group):
            lines += ["", f"### {_escape(table.caption)}", ""]
            if table.note:
                lines += [table.note, ""]
            rules = ["---" if i < table.numeric_from else "---:" for i in range(len(table.header))]
            lines += [_line(table.header), "|" + "|".join(rules) + "|"]
            lines += [_line(row) for row in table.rows]
        lines.append("")
    return "\n".join([*lines, *(f"- {_escape(note)}" for note in notes(comparison))]) + "\n"


def as_csv(comparison: Comparison) -> str:
    """One line per run with unrounded numbers; MAPE and APE as fractions, time in seconds.

    Test columns are filled for the best run of each group only.
    """
    lines = [_record(group, ranked) for group in comparison.groups for ranked in group.runs]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _record(group: Group, ranked: Ranked) -> dict[str, object]:
    report = ranked.run.report
    own, pair = report.val.metrics, ranked.difference
    test = report.splits.get("test") if ranked is group.best else None
    record: dict[str, object] = {
        "rank": ranked.rank,
        "run": str(ranked.run.folder),
        "recipe": ranked.recipe,
        "overrides": " ".join(report.overrides),
        "seed": report.seed,
        "data": group.fingerprint,
        "track": group.track,
        "val_rows": own.rows,
        **_columns("val_mape", own.mape),
        "val_score": own.score.value,
        "reference": str(group.reference.run.folder),
        "difference": None if pair is None else pair.value,
        "difference_low": None if pair is None else pair.low,
        "difference_high": None if pair is None else pair.high,
        "verdict": verdict_of(ranked, "reference"),
        **_columns("val_rmsle", own.rmsle),
        **_columns("val_median_ape", own.median_ape),
        **_columns("val_mape_at_least_100", own.mape_at_least_100),
    }
    for band in own.bands:
        record |= {
            f"val_rows {band.band}": band.rows,
            **_columns(f"val_mape {band.band}", band.mape),
        }
    return record | {
        "best_epoch": report.best_epoch,
        "epochs": report.epochs,
        "seconds": ranked.run.seconds,
        "parameters": report.parameters,
        "test_mape": None if test is None else test.metrics.mape.value,
        "test_score": None if test is None else test.metrics.score.value,
        "test_rmsle": None if test is None else test.metrics.rmsle.value,
        "test_median_ape": None if test is None else test.metrics.median_ape.value,
    }


def _columns(name: str, estimate: Estimate) -> dict[str, float | None]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(map(_escape, cells)) + " |"


def _escape(text: str) -> str:
    """Text that Markdown shows as it stands: overrides and folders may hold its own signs."""
    for sign in "\\`*_[]<>|#~":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
