"""A comparison of recipes as tables of text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from product_length.catalogue.units import HUNDREDTH_INCH
from product_length.comparison.compare import Group, Recipe
from product_length.comparison.published import published_figure, published_note
from product_length.comparison.recipe_runs import one_seed_verdict
from product_length.evaluation.bands import Bands
from product_length.evaluation.metrics import MAPE, METRICS, Metric, metrics_in
from product_length.evaluation.records import Baseline
from product_length.evaluation.resampling import Difference
from product_length.evaluation.wording import (
    NOTHING,
    count,
    duration,
    metric_range,
    metric_value,
    metric_with_range,
    percent,
    points,
    row_count,
)

TEST_NOTE = "Test rows are opened for the best recipe on val only; they chose nothing."


@dataclass(frozen=True)
class Table:
    """Cells as text; columns from `numeric_from` on hold numbers, but `prose` ones hold words.

    `strong` rows stand out, `note` belongs under the caption, column `row_header` names the row.
    """

    caption: str
    header: list[str]
    rows: list[list[str]]
    numeric_from: int = 1
    strong: frozenset[int] = frozenset()
    note: str = ""
    row_header: int = 0
    prose: frozenset[int] = frozenset()


def tables(group: Group) -> list[Table]:
    """Ranking, distributions under their decisions, errors by band, baselines on the same rows,
    coverage out of fold, test metrics, published figures."""
    made = [
        ranking_table(group),
        decision_table(group),
        *(band_table(group, metric) for metric in METRICS if metric.by_band),
        baseline_table(group),
        coverage_table(group),
        final_table(group),
        published_table(group),
    ]
    return [table for table in made if table is not None]


def ranking_table(group: Group) -> Table:
    """One row per recipe, lowest MAPE first; with one seed each, also which and where."""
    single = all(len(recipe.runs) == 1 for recipe in group.recipes)
    columns: list[tuple[str, Callable[[Recipe], str]]] = [
        ("#", lambda recipe: f"{recipe.rank}"),
        ("recipe", lambda recipe: recipe.name),
        (f"{group.scored_on} MAPE", lambda recipe: percent(recipe.mape.value)),
        (
            f"{100 * group.resampling.confidence:g}% interval",
            lambda recipe: metric_range(MAPE, recipe.mape),
        ),
    ]
    if not single:
        columns.append(("seeds", lambda recipe: f"{len(recipe.runs)}"))
    columns += [
        ("minus best, points", lambda recipe: _points(recipe.to_best)),
        ("verdict", lambda recipe: best_verdict(group, recipe)),
    ]
    if group.reference is not None and group.reference is not group.best:
        columns += [
            ("minus reference, points", lambda recipe: _points(recipe.to_reference)),
            ("against the reference", lambda recipe: reference_verdict(group, recipe)),
        ]
    columns += [
        *(
            (group.title_of(metric), _val_value(metric, group.bands))
            for metric in metrics_in(group.bands)
            if metric is not MAPE
        ),
        ("best epoch", _epochs),
        ("time", lambda recipe: duration(recipe.seconds)),
        ("parameters", lambda recipe: count(recipe.parameters)),
    ]
    if single:
        columns += [
            ("seed", lambda recipe: f"{recipe.seeds[0]}"),
            ("run" if group.folds is None else "runs", lambda recipe: recipe.labels[0]),
        ]
    header = [name for name, _ in columns]
    return Table(
        f"Recipes, best {group.scored_on} MAPE first{_decided(group.recipes)}",
        header,
        [[cell(recipe) for _, cell in columns] for recipe in group.recipes],
        2,
        frozenset({0}),
        row_header=1,
        prose=frozenset(
            i for i, name in enumerate(header) if name in ("verdict", "against the reference")
        ),
    )


def decision_table(group: Group) -> Table | None:
    """Val metrics of predicted distributions, each decided for that metric; None without any."""
    metrics = metrics_in(group.bands)
    rows = [
        [f"{recipe.rank}", recipe.name]
        + [metric_value(metric, _own(recipe, metric, group.bands)) for metric in metrics]
        for recipe in group.recipes
        if recipe.val.decisions
    ]
    if not rows:
        return None
    decisions = [f"{group.title_of(metric)} (decision={metric.decision})" for metric in metrics]
    caption = "Distributions, each val metric under its own decision"
    return Table(caption, ["#", "recipe", *decisions], rows, 2, row_header=1)


def band_table(group: Group, metric: Metric) -> Table:
    """A val metric per band of true length, one row per recipe."""
    filled = [i for i, band in enumerate(group.best.val.metrics.bands) if band.rows]
    rows = [
        [f"{recipe.rank}", recipe.name]
        + [metric_with_range(metric, recipe.in_band(metric, i, group.bands)) for i in filled]
        for recipe in group.recipes
    ]
    bands = [group.best.val.metrics.bands[i] for i in filled]
    header = ["#", "recipe", *(f"{band.band} ({row_count(band.rows)})" for band in bands)]
    by = group.quantity.labelled("true")
    caption = f"{group.scored_on.capitalize()} {metric.title} by {by}{_decided(group.recipes)}"
    return Table(caption, header, rows, 2, frozenset({0}), row_header=1)


def baseline_table(group: Group) -> Table | None:
    """What baselines, and on the demo catalogue the oracle, reach on the best recipe's rows."""
    rows = [
        [
            name,
            percent(baseline.metrics.mape.value),
            points(baseline.difference),
            _baseline_verdict(group.best, baseline),
        ]
        for name, baseline in group.best.val.compared_with()
    ]
    if not rows:
        return None
    where = f"on the same {group.scored_on} rows"
    header = [where, "MAPE", "best recipe minus it, points", "the best recipe is"]
    decided = f" (decision: {MAPE.decision})" if _decided([group.best]) else ""
    return Table(f"Baselines beside the best recipe{decided}", header, rows, prose=frozenset({3}))


def coverage_table(group: Group) -> Table | None:
    """How many rows lie in the intervals of models that did not see them; None without any."""
    levels = {run.folds.level for recipe in group.recipes for run in recipe.runs if run.folds}
    rows = [
        [f"{recipe.rank}", recipe.name, percent(recipe.coverage), count(recipe.val.metrics.rows)]
        for recipe in group.recipes
        if recipe.coverage is not None
    ]
    if not rows:
        return None
    named = " and ".join(f"{100 * level:g}%" for level in sorted(filter(None, levels)))
    return Table(
        f"Out-of-fold coverage of {named} intervals",
        ["#", "recipe", "rows in their interval", "rows"],
        rows,
        2,
        row_header=1,
        note="The folds' own shares, weighted by their rows: each run's intervals were calibrated "
        "on its val rows.",
    )


def final_table(group: Group) -> Table | None:
    """Test metrics of the best recipe on val; None when the data have no test rows."""
    if group.test is None:
        return None
    own = group.test.metrics
    cells = {
        "best recipe on val": group.best.name,
        "test rows": count(own.rows),
        "seeds": f"{len(group.best.runs)}",
        **{
            group.title_of(each): metric_with_range(each, own[each.name])
            for each in metrics_in(group.bands)
        },
    }
    caption = f"Test metrics of the best recipe{_decided([group.best])}"
    return Table(caption, list(cells), [list(cells.values())], note=TEST_NOTE)


def published_table(group: Group) -> Table | None:
    """Recipes beside what the reference implementation claims for them.

    None for fewer than two, and where lengths are not in the challenge's unit.
    """
    if group.quantity.unit != HUNDREDTH_INCH:
        return None
    rows = []
    for recipe in group.recipes:
        figure = published_figure(recipe.runs[0].config)
        if figure is not None:
            claimed = f"{'about ' if figure.rough else ''}{100 * figure.mape:.3g}%"
            rows.append([recipe.name, metric_with_range(MAPE, recipe.mape), claimed])
    if len(rows) < 2:
        return None
    data = group.best.runs[0].report.data
    return Table(
        "Beside the reference's published figures",
        ["recipe", f"{group.scored_on} MAPE here", "published val MAPE"],
        rows,
        note=published_note(group.length_range, data.min_length, data.max_length),
    )


def best_verdict(group: Group, recipe: Recipe) -> str:
    """What the paired difference to the best recipe says."""
    return "best" if recipe is group.best else _verdict(group, recipe.to_best)


def reference_verdict(group: Group, recipe: Recipe) -> str:
    """What the paired difference to the reference says."""
    return "reference" if recipe is group.reference else _verdict(group, recipe.to_reference)


def _verdict(group: Group, difference: Difference | None) -> str:
    return f"other {group.scored_on} rows" if difference is None else difference.verdict


def _baseline_verdict(best: Recipe, baseline: Baseline) -> str:
    words = baseline.difference.verdict
    return words if len(best.runs) > 1 else one_seed_verdict(words)


def _points(difference: Difference | None) -> str:
    return NOTHING if difference is None else points(difference)


def _own(recipe: Recipe, metric: Metric, bands: Bands) -> float | None:
    """A val metric under its own decision; None where it leaves out other lengths."""
    shown = recipe.val_metric(metric, bands)
    return None if shown.value is None else recipe.val.own(metric.name).value


def _decided(recipes: Sequence[Recipe]) -> str:
    """What predictions are decided for, in a caption, where it is not MAPE."""
    decisions = {recipe.decision for recipe in recipes} - {None}
    if decisions <= {MAPE.decision}:
        return ""
    return f" (decision: {', '.join(sorted(map(str, decisions)))})"


def _epochs(recipe: Recipe) -> str:
    if len(recipe.best_epochs) == 1:
        return f"{recipe.best_epochs[0]}/{recipe.runs[0].report.epochs}"
    first, last = min(recipe.best_epochs), max(recipe.best_epochs)
    return f"{first}" if first == last else f"{first}–{last}"


def _val_value(metric: Metric, bands: Bands) -> Callable[[Recipe], str]:
    return lambda recipe: metric_value(metric, recipe.val_metric(metric, bands).value)
