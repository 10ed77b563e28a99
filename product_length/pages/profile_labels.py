"""Sections of a profile about its labels: lengths, MAPE, types."""

from product_length.evaluation.wording import capitalised, percent, row_count
from product_length.pages.charts import ranked
from product_length.pages.colours import MODEL, of_baseline, series
from product_length.pages.histograms import binned
from product_length.pages.page import (
    Cell,
    Chart,
    Column,
    Details,
    Facts,
    Part,
    Section,
    SideBySide,
    Table,
)
from product_length.pages.paired_bars import paired_bars
from product_length.pages.series import Line, Series
from product_length.profiling.profile import Profile
from product_length.profiling.types import TypeFigures, TypeSpread
from product_length.profiling.wording import number, ratio, share

_TYPES_SHOWN = 15


def length_section(profile: Profile) -> Section:
    """How lengths are distributed, and how round they are."""
    figures, quantity = profile.lengths, profile.quantity
    lines = [Line(figures.quantiles["0.5"], "median")]
    if figures.values > 1:
        lines.insert(0, Line(profile.mape.best_constant, "least MAPE", of_baseline("constant")))
    spread = binned(
        figures.edges,
        figures.rows,
        f"{quantity.noun} ({quantity.unit})",
        counted="rows",
        lines=lines,
    )
    parts: list[Part] = [
        Facts(
            [
                ("shortest", quantity.unit.amount(number(figures.least))),
                *(
                    (f"{float(name):.0%} are below", quantity.unit.amount(number(value)))
                    for name, value in figures.quantiles.items()
                ),
                ("longest", quantity.unit.amount(number(figures.greatest))),
                ("distinct values, to five digits", f"{figures.values:,}"),
                ("values of half of the rows", f"{figures.values_of_half:,}"),
                ("values of nine tenths", f"{figures.values_of_nine_tenths:,}"),
            ]
        ),
        Chart(
            spread, f"Rows by {quantity.noun}", "Bins of equal ratio, twenty for a factor of ten."
        ),
    ]
    return Section(capitalised(quantity.nouns), [*parts, SideBySide(_round(profile))])


def _round(profile: Profile) -> list[Part]:
    figures = profile.lengths
    parts: list[Part] = []
    if figures.grids:
        found = paired_bars(
            [each.name for each in figures.grids],
            [
                Series("rows", [each.share for each in figures.grids], MODEL),
                Series("by chance", [each.by_chance for each in figures.grids], series(6)),
            ],
            "share of the rows",
        )
        note = (
            "Which round numbers labels are. By chance: were they not round, only written with as "
            "many decimals. A whole centimetre is a whole millimetre too."
        )
        parts.append(Chart(found, "Grids that labels lie on", note, 90 + 46 * len(figures.grids)))
    columns = [
        Column(f"{profile.quantity.noun} ({profile.quantity.unit})", numeric=True),
        Column("rows", numeric=True),
        Column("share", numeric=True),
    ]
    cells: list[list[str | Cell]] = [
        [
            Cell(number(each.length), each.length),
            f"{each.rows:,}",
            share(each.rows, profile.rows.kept),
        ]
        for each in figures.most_common
    ]
    parts.append(Table(columns, cells, "The most common values"))
    return parts


def mape_section(profile: Profile) -> Section:
    """Where the MAPE of any model will come from."""
    mape, quantity = profile.mape, profile.quantity
    unit = quantity.unit
    facts = [
        ("constant with the least MAPE", unit.amount(number(mape.best_constant))),
        ("its MAPE, out of fold", percent(mape.constant)),
        ("that of each type's, out of fold", percent(mape.type_median)),
    ]
    if mape.short_below is not None:
        above = f"≥ {unit.amount(number(mape.short_below))}"
        facts += [
            (f"MAPE of the constant, {above}", percent(mape.long_constant)),
            (f"MAPE of each type's, {above}", percent(mape.long_type_median)),
        ]
    chart = paired_bars(
        [band.name for band in mape.bands],
        [
            Series("share of the rows", [band.share for band in mape.bands], MODEL),
            Series("share of Σ 1/length", [band.weight for band in mape.bands], series(1)),
        ],
        "share",
    )
    columns = [
        Column(f"{quantity.noun} ({unit})", names_row=True),
        Column("rows", numeric=True),
        Column("MAPE of the constant", numeric=True),
        Column("of each type's", numeric=True),
    ]
    cells: list[list[str | Cell]] = [
        [
            Cell(band.name, float(at)),
            f"{band.rows:,}",
            percent(band.constant),
            percent(band.type_median),
        ]
        for at, band in enumerate(mape.bands)
    ]
    note = "An error of one unit weighs 1/length: where the second bar is long, MAPE is decided."
    return Section(
        "Where MAPE will come from",
        [
            Facts(facts),
            SideBySide(
                [
                    Chart(chart, "Rows and their weight", note, 120 + 60 * len(mape.bands)),
                    Table(columns, cells, "Constants by band"),
                ]
            ),
        ],
        lead="Constants are fitted on four fifths of the texts and judged on the others, five "
        "times over.",
    )


def type_section(profile: Profile, types: TypeFigures) -> Section:
    """Product types by rows and by spread."""
    unit, kept = profile.quantity.unit, profile.rows.kept
    facts = [
        ("types", f"{types.types:,}"),
        ("types of half of the rows", f"{types.half:,}"),
        ("rows without a type", f"{types.rows_without:,} ({share(types.rows_without, kept)})"),
        (
            "types with fewer than five rows",
            f"{types.rare_types:,}, {share(types.rare_rows, kept)} of the rows",
        ),
        ("90% over 10% quantile, all rows", f"{ratio(types.spread)} times"),
        (
            "the same within a type, median",
            "–" if types.spread_within is None else f"{ratio(types.spread_within)} times",
        ),
    ]
    some = types.largest[:_TYPES_SHOWN]
    chart = ranked(
        [f"{each.name} ({row_count(each.rows)})" for each in some],
        Series(
            "median",
            [each.median for each in some],
            MODEL,
            [each.low for each in some],
            [each.high for each in some],
        ),
        f"{profile.quantity.noun} ({unit})",
        labels=[
            f"{number(each.low)} – {number(each.median)} – {unit.amount(number(each.high))}"
            for each in some
        ],
        sign="",
    )
    note = "Medians, and lines from the 10% to the 90% quantile: the longer, the less a type tells."
    return Section(
        "Product types",
        [
            Facts(facts),
            Chart(chart, "The largest types", note, 80 + 28 * len(some)),
            Details(f"The {len(types.largest):,} largest types", [_types(profile, types.largest)]),
        ],
    )


def _types(profile: Profile, largest: tuple[TypeSpread, ...]) -> Table:
    columns = [
        Column("type", names_row=True),
        Column("rows", numeric=True),
        Column("10%", numeric=True),
        Column("median", numeric=True),
        Column("90%", numeric=True),
        Column("90% over 10%", numeric=True),
        Column("MAPE of its constant", numeric=True, hint="on the rows that it is fitted on"),
    ]
    cells: list[list[str | Cell]] = [
        [
            each.name,
            f"{each.rows:,}",
            *(Cell(number(value), value) for value in (each.low, each.median, each.high)),
            Cell(ratio(each.spread), each.spread),
            percent(each.mape),
        ]
        for each in largest
    ]
    return Table(columns, cells, note=f"In {profile.quantity.unit}.")
