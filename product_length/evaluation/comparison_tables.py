"""A comparison of runs as tables of text, and what they say in sentences."""

from dataclasses import dataclass

from product_length.evaluation.bootstrap import Estimate
from product_length.evaluation.compare import Comparison, Group, Ranked
from product_length.evaluation.metrics import BANDS
from product_length.evaluation.wording import (
    NOTHING,
    count,
    duration,
    name_in_words,
    percent,
    percent_range,
    percent_with_range,
    points,
    row_count,
)

TEST_NOTE = "Test rows are opened for the best run on val only; they chose nothing."
ROWS_NOTE = (
    "Intervals are over rows: they hold the luck of which products were scored, not that of the "
    "training seed."
)


@dataclass(frozen=True)
class Table:
    """Cells as text; columns from `numeric_from` on hold numbers. `strong` rows stand out,
    `note` belongs under the caption, column `row_header` names the row.
    """

    caption: str
    header: list[str]
    rows: list[list[str]]
    numeric_from: int = 1
    strong: frozenset[int] = frozenset()
    note: str = ""
    row_header: int = 0


def tables(group: Group) -> list[Table]:
    """Ranking, errors by band, baselines on the same rows, and test metrics of the best run."""
    made = [ranking_table(group), band_table(group), rival_table(group), final_table(group)]
    return [table for table in made if table is not None]


def ranking_table(group: Group) -> Table:
    """One row per run, best val MAPE first."""
    against = "reference" if group.reference is not group.best else "best"
    rows = []
    for ranked in group.runs:
        report, own = ranked.run.report, ranked.run.report.val.metrics
        rows.append(
            [
                f"{ranked.rank}",
                ranked.recipe,
                percent(own.mape.value),
                percent_range(own.mape),
                _difference(ranked),
                verdict_of(ranked, against),
                _decimal(own.rmsle),
                percent(own.median_ape.value),
                percent(own.mape_at_least_100.value),
                f"{report.best_epoch}/{report.epochs}",
                duration(ranked.run.seconds),
                count(report.parameters),
                f"{report.seed}",
                ranked.label,
            ]
        )
    header = [
        "#",
        "recipe",
        "val MAPE",
        f"{100 * group.confidence:g}% interval",
        f"minus {against}, points",
        "verdict",
        "RMSLE",
        "median APE",
        "MAPE ≥ 100",
        "best epoch",
        "time",
        "parameters",
        "seed",
        "run",
    ]
    return Table("Runs, best val MAPE first", header, rows, 2, frozenset({0}), row_header=1)


def band_table(group: Group) -> Table:
    """Val MAPE per band of true length, one row per run."""
    sizes = {band.band: band.rows for band in group.best.run.report.val.metrics.bands}
    filled = [band.name for band in BANDS if sizes.get(band.name)]
    rows = []
    for ranked in group.runs:
        by_name = {band.band: band.mape for band in ranked.run.report.val.metrics.bands}
        cells = [percent_with_range(by_name[name]) for name in filled]
        rows.append([f"{ranked.rank}", ranked.recipe, *cells])
    header = ["#", "recipe", *(f"{name} ({row_count(sizes[name])})" for name in filled)]
    caption = "Val MAPE by true length (1/100 inch)"
    return Table(caption, header, rows, 2, frozenset({0}), row_header=1)


def rival_table(group: Group) -> Table | None:
    """What cheap baselines, and on the demo catalogue the oracle, reach on the best run's rows."""
    best = group.best.run.report.val
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
            rival.difference.verdict,
        ]
        for name, rival in rivals
    ]
    header = ["on the same val rows", "MAPE", "best run minus it, points", "the best run is"]
    return Table("Baselines beside the best run", header, rows)


def final_table(group: Group) -> Table | None:
    """Test metrics of the best run on val; None when the data have no test rows."""
    split = group.best.run.report.splits.get("test")
    if split is None:
        return None
    own = split.metrics
    rows = [
        [
            group.best.recipe,
            count(own.rows),
            percent_with_range(own.mape),
            NOTHING if own.score.value is None else f"{own.score.value:.2f}",
            _decimal(own.rmsle),
            percent_with_range(own.median_ape),
            percent_with_range(own.mape_at_least_100),
        ]
    ]
    header = ["best run on val", "test rows", "MAPE", "score", "RMSLE", "median APE", "MAPE ≥ 100"]
    return Table("Test metrics of the best run", header, rows, note=TEST_NOTE)


def headline(group: Group) -> list[str]:
    """What the group shows, in sentences."""
    best = group.best
    says = [f"Best on val: {best.recipe}, MAPE {percent_with_range(best.run.mape)}."]
    close = [ranked.recipe for ranked in group.undistinguished]
    if group.reference is not group.best:
        says.append(f"Runs are paired with {group.reference.recipe} ({group.reference.label}).")
    elif close:
        named = ", ".join(close[:5]) + (f" and {len(close) - 5} more" if len(close) > 5 else "")
        says.append(f"These rows cannot tell it from {named}.")
    elif len(group.runs) > 1 and all(ranked.same_rows for ranked in group.runs):
        says.append("Every other run is worse by more than the choice of rows explains.")
    if group.shared_overrides:
        says.append(f"All runs share: {' '.join(group.shared_overrides)}.")
    others = sum(not ranked.same_rows for ranked in group.runs)
    if others:
        says.append(
            f"{others} of {len(group.runs)} runs were scored on other val rows: not paired."
        )
    return says + best.run.report.val.remarks


def notes(comparison: Comparison) -> list[str]:
    """What holds for the whole comparison."""
    says = []
    if len(comparison.groups) > 1:
        says.append(
            f"The runs form {len(comparison.groups)} groups on different data or tracks; figures "
            "of different groups are not comparable."
        )
    if comparison.unfinished:
        named = ", ".join(map(str, comparison.unfinished))
        says.append(f"Skipped, not finished ({len(comparison.unfinished)}): {named}.")
    levels = {
        ranked.run.report.resampling.confidence
        for group in comparison.groups
        for ranked in group.runs
    }
    if len(levels) > 1:
        named = ", ".join(f"{100 * level:g}%" for level in sorted(levels))
        says.append(f"The runs' own intervals are of different confidence: {named}.")
    return [*says, ROWS_NOTE]


def group_title(group: Group) -> str:
    """Data, track and size of a group."""
    rows = group.best.run.report.val.metrics.rows
    data = group.best.run.report.data
    return f"{data.source}, {group.track}, {count(rows)} val rows (data {group.fingerprint[:12]})"


def _difference(ranked: Ranked) -> str:
    return NOTHING if ranked.difference is None else points(ranked.difference)


def verdict_of(ranked: Ranked, against: str) -> str:
    """The verdict on a run; `against` is what the reference itself is called."""
    if ranked.is_reference:
        return against
    return "other val rows" if ranked.difference is None else ranked.difference.verdict


def _decimal(estimate: Estimate) -> str:
    return NOTHING if estimate.value is None else f"{estimate.value:.3f}"
