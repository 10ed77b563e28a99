"""A comparison of recipes as tables of text."""

from collections.abc import Callable
from dataclasses import dataclass

from product_length.comparison.compare import Group, Recipe
from product_length.comparison.published import published_figure, published_note
from product_length.comparison.recipe_bootstrap import one_seed_verdict
from product_length.evaluation.bootstrap import Difference, Estimate
from product_length.evaluation.metrics import BANDS
from product_length.evaluation.records import OWN_DECISION, Rival
from product_length.evaluation.wording import (
    NOTHING,
    count,
    duration,
    metric_name,
    name_in_words,
    percent,
    percent_range,
    percent_with_range,
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
    test metrics, published figures."""
    made = [
        ranking_table(group),
        decision_table(group),
        band_table(group),
        rival_table(group),
        final_table(group),
        published_table(group),
    ]
    return [table for table in made if table is not None]


def ranking_table(group: Group) -> Table:
    """One row per recipe, best val MAPE first; with one seed each, also which and where."""
    single = all(len(recipe.runs) == 1 for recipe in group.recipes)
    columns: list[tuple[str, Callable[[Recipe], str]]] = [
        ("#", lambda recipe: f"{recipe.rank}"),
        ("recipe", lambda recipe: recipe.name),
        ("val MAPE", lambda recipe: percent(recipe.mape.value)),
        (
            f"{100 * group.resampling.confidence:g}% interval",
            lambda recipe: percent_range(recipe.mape),
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
        ("RMSLE", lambda recipe: _decimal(recipe.val.metrics.rmsle)),
        ("median APE", lambda recipe: percent(recipe.val.metrics.median_ape.value)),
        ("MAPE ≥ 100", lambda recipe: percent(recipe.val.metrics.mape_at_least_100.value)),
        ("best epoch", _epochs),
        ("time", lambda recipe: duration(recipe.seconds)),
        ("parameters", lambda recipe: count(recipe.parameters)),
    ]
    if single:
        columns += [
            ("seed", lambda recipe: f"{recipe.seeds[0]}"),
            ("run", lambda recipe: recipe.labels[0]),
        ]
    header = [name for name, _ in columns]
    return Table(
        "Recipes, best val MAPE first",
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
    rows = [
        [
            f"{recipe.rank}",
            recipe.name,
            percent(recipe.val.own("mape").value),
            _decimal(recipe.val.own("rmsle")),
            percent(recipe.val.own("median_ape").value),
        ]
        for recipe in group.recipes
        if recipe.val.decisions
    ]
    if not rows:
        return None
    metrics = ("mape", "rmsle", "median_ape")
    decisions = [f"{metric_name(each)} (decision={OWN_DECISION[each]})" for each in metrics]
    caption = "Distributions, each val metric under its own decision"
    return Table(caption, ["#", "recipe", *decisions], rows, 2, row_header=1)


def band_table(group: Group) -> Table:
    """Val MAPE per band of true length, one row per recipe."""
    sizes = {band.band: band.rows for band in group.best.val.metrics.bands}
    filled = [band.name for band in BANDS if sizes.get(band.name)]
    rows = []
    for recipe in group.recipes:
        by_name = {band.band: band.mape for band in recipe.val.metrics.bands}
        cells = [percent_with_range(by_name[name]) for name in filled]
        rows.append([f"{recipe.rank}", recipe.name, *cells])
    header = ["#", "recipe", *(f"{name} ({row_count(sizes[name])})" for name in filled)]
    caption = "Val MAPE by true length (1/100 inch)"
    return Table(caption, header, rows, 2, frozenset({0}), row_header=1)


def rival_table(group: Group) -> Table | None:
    """What baselines, and on the demo catalogue the oracle, reach on the best recipe's rows."""
    best = group.best.val
    rivals = [(name_in_words(name), rival) for name, rival in best.baselines.items()]
    rivals.sort(key=lambda item: item[1].metrics.mape.value or 0)
    if best.oracle is not None:
        rivals.append(("oracle (best possible)", best.oracle))
    if not rivals:
        return None
    rows = [
        [
            name,
            percent(rival.metrics.mape.value),
            points(rival.difference),
            _rival_verdict(group.best, rival),
        ]
        for name, rival in rivals
    ]
    header = ["on the same val rows", "MAPE", "best recipe minus it, points", "the best recipe is"]
    return Table("Baselines beside the best recipe", header, rows, prose=frozenset({3}))


def final_table(group: Group) -> Table | None:
    """Test metrics of the best recipe on val; None when the data have no test rows."""
    if group.test is None:
        return None
    own = group.test.metrics
    cells = {
        "best recipe on val": group.best.name,
        "test rows": count(own.rows),
        "seeds": f"{len(group.best.runs)}",
        "MAPE": percent_with_range(own.mape),
        "score": NOTHING if own.score.value is None else f"{own.score.value:.2f}",
        "RMSLE": _decimal(own.rmsle),
        "median APE": percent_with_range(own.median_ape),
        "MAPE ≥ 100": percent_with_range(own.mape_at_least_100),
    }
    return Table(
        "Test metrics of the best recipe", list(cells), [list(cells.values())], note=TEST_NOTE
    )


def published_table(group: Group) -> Table | None:
    """Recipes beside what the reference implementation claims for them; None for fewer than two."""
    rows = []
    for recipe in group.recipes:
        figure = published_figure(recipe.runs[0].config)
        if figure is not None:
            claimed = f"{'about ' if figure.rough else ''}{100 * figure.mape:.3g}%"
            rows.append([recipe.name, percent_with_range(recipe.mape), claimed])
    if len(rows) < 2:
        return None
    data = group.best.runs[0].report.data
    return Table(
        "Beside the reference's published figures",
        ["recipe", "val MAPE here", "published val MAPE"],
        rows,
        note=published_note(group.track, data.min_length, data.max_length),
    )


def best_verdict(group: Group, recipe: Recipe) -> str:
    """What the paired difference to the best recipe says."""
    return "best" if recipe is group.best else _verdict(recipe.to_best)


def reference_verdict(group: Group, recipe: Recipe) -> str:
    """What the paired difference to the reference says."""
    return "reference" if recipe is group.reference else _verdict(recipe.to_reference)


def _verdict(difference: Difference | None) -> str:
    return "other val rows" if difference is None else difference.verdict


def _rival_verdict(best: Recipe, rival: Rival) -> str:
    words = rival.difference.verdict
    return words if len(best.runs) > 1 else one_seed_verdict(words)


def _points(difference: Difference | None) -> str:
    return NOTHING if difference is None else points(difference)


def _epochs(recipe: Recipe) -> str:
    if len(recipe.runs) == 1:
        return f"{recipe.best_epochs[0]}/{recipe.runs[0].report.epochs}"
    first, last = min(recipe.best_epochs), max(recipe.best_epochs)
    return f"{first}" if first == last else f"{first}–{last}"


def _decimal(estimate: Estimate) -> str:
    return NOTHING if estimate.value is None else f"{estimate.value:.3f}"
