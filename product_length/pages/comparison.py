"""The page of a comparison: the verdict, sortable tables, charts, the best settings to copy."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from product_length.comparison import tables as text_tables
from product_length.comparison.compare import Comparison, Group
from product_length.comparison.pictures import Picture
from product_length.comparison.recipe import recipe_overrides
from product_length.comparison.sentences import group_title, headline, lacks, notes, title
from product_length.evaluation.metrics import METRICS
from product_length.evaluation.wording import percent
from product_length.pages.comparison_charts import band_chart, learning_chart, ranking_chart
from product_length.pages.page import (
    Bullets,
    Cell,
    Chart,
    Column,
    Command,
    Image,
    Part,
    Section,
    SideBySide,
    Table,
    page_html,
)
from product_length.writing import write_text

_IN_VERDICT = 3
"""Sentences of the first group that stand at the top of the page."""


def write_comparison_page(
    comparison: Comparison, output: Path, pictures: Sequence[Picture] = ()
) -> Path:
    """Write `comparison.html` into a folder. Raises UserError when it cannot be written."""
    return write_text(output / "comparison.html", as_html(comparison, pictures))


def as_html(comparison: Comparison, pictures: Sequence[Picture] = ()) -> str:
    """The page; every text from outside (folders, overrides, captions) is escaped."""
    sections = [
        _section(group, _IN_VERDICT * (not at)) for at, group in enumerate(comparison.groups)
    ]
    if pictures:
        images = [Image(each.png, each.title, each.caption) for each in pictures]
        sections.append(Section("The search", images))
    said = [*lacks(comparison), *notes(comparison)]
    if said:
        sections.append(Section("Notes", [Bullets(said)]))
    first, *more = headline(comparison.groups[0]) if comparison.groups else [title(comparison)]
    return page_html(
        title(comparison),
        [first, *more[: _IN_VERDICT - 1]],
        sections,
        kicker="Comparison of recipes",
    )


def command_of(group: Group) -> str:
    """The whole command that trains the best recipe, with the seed of its first run."""
    report = group.best.runs[0].trainings[0].report
    words = recipe_overrides(report.overrides)
    if not any(word.lstrip("+").startswith("seed=") for word in words):
        words.append(f"seed={report.seed}")
    return shlex.join(["python", "-m", "product_length.train", *words])


def _section(group: Group, said: int) -> Section:
    """A group of comparable runs; so many sentences of its headline stand above already."""
    first, *others = text_tables.tables(group)
    seeds = _seed_table(group)
    learning = learning_chart(group)
    bands = [band_chart(group, metric) for metric in METRICS if metric.by_band]
    beside: list[Chart] = [each for each in (learning, *bands) if each is not None]
    more = headline(group)[said:]
    parts: list[Part] = [*([Bullets(more)] if more else []), _table(first)]
    parts.append(Command(command_of(group), "Trains the best recipe again:"))
    parts.append(ranking_chart(group))
    if seeds is not None:
        parts.append(seeds)
    parts += [SideBySide(beside), *map(_table, others)]
    return Section(group_title(group), parts)


def _table(table: text_tables.Table) -> Table:
    """A table of text as a part of a page."""
    columns = [
        Column(
            name,
            numeric=at >= table.numeric_from and at not in table.prose,
            prose=at in table.prose,
            names_row=at == table.row_header,
        )
        for at, name in enumerate(table.header)
    ]
    return Table(columns, table.rows, table.caption, table.note, table.strong)


def _seed_table(group: Group) -> Table | None:
    """MAPE of each recipe by seed; None where each has one."""
    if all(len(recipe.runs) == 1 for recipe in group.recipes):
        return None
    seeds = sorted({seed for recipe in group.recipes for seed in recipe.seeds})
    columns = [Column("#"), Column("recipe", names_row=True)]
    columns += [Column(f"seed {seed}", numeric=True) for seed in seeds]
    rows: list[list[str | Cell]] = []
    for recipe in group.recipes:
        by_seed = dict(zip(recipe.seeds, recipe.seed_mapes, strict=True))
        cells = [Cell(percent(by_seed.get(seed)), by_seed.get(seed)) for seed in seeds]
        rows.append([f"{recipe.rank}", recipe.name, *cells])
    return Table(columns, rows, f"{group.scored_on.capitalize()} MAPE by seed")
