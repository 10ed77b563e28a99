"""A comparison of recipes for a terminal, as Markdown, as CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields

from product_length.comparison.compare import Comparison, Group, Missing, Recipe
from product_length.comparison.pictures import Picture, file_names
from product_length.comparison.recipe import recipe_overrides
from product_length.comparison.sentences import (
    group_title,
    headline,
    lacks,
    notes,
    title,
)
from product_length.comparison.tables import (
    best_verdict,
    ranking_table,
    reference_verdict,
    tables,
)
from product_length.evaluation.estimates import Estimate
from product_length.evaluation.metrics import METRICS
from product_length.evaluation.resampling import Difference
from product_length.evaluation.wording import text_table

_LONGEST = 60


def as_text(comparison: Comparison) -> str:
    """The comparison for a terminal; long recipes are cut in its tables, here only."""
    parts = ["\n".join(lacking)] if (lacking := lacks(comparison)) else []
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


def as_console(comparison: Comparison, width: int = 100, most: int = 10) -> str:
    """The recipes of each group, the best first, in `width` columns and at most `most` lines."""
    parts = []
    for group in comparison.groups:
        table = ranking_table(group)
        kept = [0, 2, 3, table.header.index("minus best, points")]
        header = [table.header[i] for i in kept]
        rows = [[row[i] for i in kept] for row in table.rows[:most]]
        room = width - sum(max(map(len, column)) + 2 for column in zip(header, *rows, strict=True))
        names = [_cut(row[table.row_header], room) for row in table.rows[:most]]
        shown = [[*row[:1], name, *row[1:]] for row, name in zip(rows, names, strict=True)]
        text = text_table([*header[:1], "recipe", *header[1:]], shown, numeric_from=2)
        more = len(table.rows) - len(shown)
        rest = f"\n… and {more} more, worse than these" if more else ""
        parts.append(f"{group_title(group)}\n{headline(group)[0]}\n\n{text}{rest}")
    return "\n\n".join([*lacks(comparison), *parts]) + "\n"


def as_markdown(comparison: Comparison, pictures: Sequence[Picture] = ()) -> str:
    """The comparison as GitHub-flavoured Markdown; pictures are linked as `file_names` says."""
    lines = [f"# {title(comparison)}", ""]
    if lacking := lacks(comparison):
        lines += [*(f"- {_escape(sentence)}" for sentence in lacking), ""]
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
    for name, picture in zip(file_names(pictures), pictures, strict=True):
        lines += [f"## {_escape(picture.title)}", "", _escape(picture.caption), ""]
        lines += [f"![{_escape(picture.title)}]({name})", ""]
    return "\n".join([*lines, *(f"- {_escape(note)}" for note in notes(comparison))]) + "\n"


def as_csv(comparison: Comparison) -> str:
    """One line per recipe, see `as_records`."""
    lines = as_records(comparison)
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def missing_as_csv(missing: Sequence[Missing]) -> str:
    """One line per combination that has no finished run."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=[field.name for field in fields(Missing)])
    writer.writeheader()
    writer.writerows(map(asdict, missing))
    return text.getvalue()


def as_records(comparison: Comparison) -> list[dict[str, object]]:
    """Recipes with unrounded numbers; MAPE and APE are fractions, time is in seconds.

    What there is by seed (seeds, folders, MAPE, best epochs) stands in one cell each, separated
    by semicolons. Test columns are filled for the best recipe of each group only. Figures by folds
    have out_of_fold_ in their names in the place of val_; `coverage` is of their intervals.
    """
    records = [_record(group, recipe) for group in comparison.groups for recipe in group.recipes]
    # Groups have bands of their own, and figures out of fold other names: every line has them all.
    columns = dict.fromkeys(key for record in records for key in record)
    return [{key: record.get(key) for key in columns} for record in records]


def _record(group: Group, recipe: Recipe) -> dict[str, object]:
    own, rows = recipe.val.metrics, group.scored_on.replace("-", "_")
    test = group.test if recipe is group.best else None
    asked = group.reference
    record: dict[str, object] = {
        "rank": recipe.rank,
        "recipe": recipe.name,
        "overrides": " ".join(recipe_overrides(recipe.runs[0].report.overrides)),
        "seeds": _list(recipe.seeds),
        "runs": _list([one.folder for run in recipe.runs for one in run.trainings]),
        "data": group.fingerprint,
        "length_range": group.length_range,
        "target": group.quantity.target,
        "unit": str(group.quantity.unit),
        "decision": recipe.decision,
        "short_below": recipe.bands.short_below,
        "folds": group.folds,
        f"{rows}_rows": own.rows,
        f"{rows}_mape_by_seed": _list(recipe.seed_mapes),
        **_pair("minus_best", recipe.to_best, best_verdict(group, recipe)),
        "reference": None if asked is None else asked.name,
        **_pair(
            "minus_reference",
            recipe.to_reference,
            None if asked is None else reference_verdict(group, recipe),
        ),
    }
    for metric in METRICS:
        record |= _columns(f"{rows}_{metric.name}", own[metric.name])
    for band in own.bands:
        record[f"{rows}_rows {band.band}"] = band.rows
        for name, estimate in band.values.items():
            record |= _columns(f"{rows}_{name} {band.band}", estimate)
    return record | {
        "best_epochs": _list(recipe.best_epochs),
        "coverage": recipe.coverage,
        "seconds": recipe.seconds,
        "parameters": recipe.parameters,
        **{
            f"test_{metric.name}": None if test is None else test.metrics[metric.name].value
            for metric in METRICS
        },
    }


def _pair(name: str, pair: Difference | None, verdict: str | None) -> dict[str, object]:
    return {
        name: None if pair is None else pair.value,
        f"{name}_low": None if pair is None else pair.low,
        f"{name}_high": None if pair is None else pair.high,
        f"{name}_verdict": verdict,
    }


def _list(values: Sequence[object]) -> str:
    return ";".join(map(str, values))


def _columns(name: str, estimate: Estimate) -> dict[str, float | None]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _cut(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(map(_escape, cells)) + " |"


def _escape(text: str) -> str:
    """Text that Markdown shows as it stands: overrides and folders may hold its own signs."""
    for sign in "\\`*_[]<>|#~":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
