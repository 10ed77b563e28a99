"""Sections of a profile about its texts: languages, lengths, and what they state."""

from product_length.evaluation.wording import row_count
from product_length.measurements.measurement import Unit
from product_length.pages.charts import bars
from product_length.pages.colours import series
from product_length.pages.histograms import binned
from product_length.pages.page import (
    Cell,
    Chart,
    Column,
    Facts,
    Paragraph,
    Part,
    Section,
    SideBySide,
    Table,
)
from product_length.pages.series import Line
from product_length.profiling.findings_of_labels import factor_in_words
from product_length.profiling.profile import Profile
from product_length.profiling.wording import number, share

_BARS = 12
_FEW = 20
"""Of fewer rows that state a length nothing can be said."""
_PLURALS = {
    unit.name.lower(): f"{unit.name.lower()}s"
    for unit in (Unit.MILLIMETRE, Unit.CENTIMETRE, Unit.METRE, Unit.YARD)
} | {"inch": "inches", "foot": "feet"}


def text_section(profile: Profile) -> Section:
    """Scripts, languages, and what encoders cut."""
    texts = profile.texts
    parts: list[Part] = [
        SideBySide(
            [
                _shares(
                    texts.languages,
                    texts.looked_at,
                    "Languages",
                    f"Of {row_count(texts.looked_at)}, by py3langid; unclear where less than "
                    "80% probable, as short titles often are.",
                ),
                _shares(
                    texts.scripts,
                    texts.sampled,
                    "Scripts",
                    f"Of most letters of a text, {row_count(texts.sampled)}.",
                ),
            ]
        )
    ]
    if texts.cuts:
        parts.append(_cuts(profile))
    parts += [Paragraph(each, "note") for each in texts.cuts_unknown]
    return Section("Languages and lengths of texts", parts)


def _shares(counts: dict[str, int], whole: int, title: str, note: str) -> Chart:
    shown = list(counts.items())[:_BARS]
    if rest := sum(list(counts.values())[_BARS:]):
        shown.append(("all others", rest))
    chart = bars(
        [name for name, _ in shown],
        [100 * rows / whole for _, rows in shown],
        "share of the texts",
        labels=[share(rows, whole) for _, rows in shown],
        sign="%",
    )
    return Chart(chart, title, note, 90 + 26 * len(shown))


def _cuts(profile: Profile) -> Table:
    columns = [
        Column("encoder", names_row=True),
        Column("reads tokens", numeric=True),
        Column("texts cut", numeric=True),
        Column("tokens not read", numeric=True),
        Column("tokens of a text, median", numeric=True),
        Column("95%", numeric=True),
        Column("counted by"),
    ]
    cells: list[list[str | Cell]] = [
        [
            cut.encoder,
            f"{cut.limit:,}",
            share(cut.cut),
            share(cut.lost),
            number(cut.tokens["0.5"]),
            number(cut.tokens["0.95"]),
            "estimate from words" if cut.estimated else "its tokenizer",
        ]
        for cut in profile.texts.cuts
    ]
    note = "The encoders of embeddings=…; what is beyond max_seq_length is not read."
    return Table(columns, cells, "What encoders cut", note)


def stated_section(profile: Profile) -> Section:
    """What texts state of the product's size, beside the label."""
    figures = profile.stated
    facts = [
        ("texts read", f"{figures.sampled:,}"),
        ("that state a length with a unit", _of(figures.stating, figures.sampled)),
        ("a size without a unit", _of(figures.without_unit, figures.sampled)),
        ("a package's size", _of(figures.package, figures.sampled)),
    ]
    if figures.is_label is not None:
        facts.append(
            ("stating texts, one length is the label", _of(figures.is_label, figures.stating))
        )
    facts += [(f"in {_PLURALS[unit]}", f"{rows:,}") for unit, rows in figures.units.items()]
    parts: list[Part] = [Facts(facts)]
    if any(figures.ratios) and figures.stating >= _FEW:
        factors = {slip.factor: f"{slip.factor:.4g}" for slip in figures.slips if slip.stands_out}
        chart = binned(
            figures.ratio_edges,
            figures.ratios,
            "label over stated length",
            counted="pairs of label and stated length",
            lines=[Line(factor, name, series(1)) for factor, name in factors.items()],
        )
        note = (
            "Of rows none of whose stated lengths is the label: all that they state, with the "
            "label. "
            "Slips of the unit are piles at 2.54, 25.4, 10, … and their inverses."
        )
        parts.append(Chart(chart, "Labels against what texts state", note))
    if figures.sides and figures.stating >= _FEW:
        parts += [_sides(profile), *([_slips(profile)] if figures.slips else [])]
    found = [slip for slip in figures.slips if slip.stands_out]
    parts += [_examples(profile, slip.factor) for slip in found if slip.examples]
    return Section("What texts state", parts)


def _of(rows: int, whole: int) -> str:
    return f"{rows:,} ({share(rows, whole)})"


def _sides(profile: Profile) -> Chart:
    sides = profile.stated.sides
    chart = bars(
        [f"{each.name} ({row_count(each.rows)})" for each in sides],
        [100 * each.is_label for each in sides],
        "share of the rows",
        labels=[share(each.is_label) for each in sides],
        sign="%",
    )
    note = (
        "Of the rows that state it, the share whose label it is, within 1%. A text may state "
        "several."
    )
    return Chart(chart, "Which side is the label", note, 90 + 28 * len(sides))


def _slips(profile: Profile) -> Table:
    figures = profile.stated
    columns = [
        Column("label is", names_row=True),
        Column("rows", numeric=True),
        Column("by chance", numeric=True, hint="with labels shuffled, and beside the factor"),
        Column("would be", prose=True),
    ]
    cells: list[list[str | Cell]] = [
        [
            Cell(f"{factor_in_words(slip.factor)} a stated length", slip.factor),
            f"{slip.rows:,}",
            Cell(number(slip.by_chance), slip.by_chance),
            slip.in_words,
        ]
        for slip in figures.slips
    ]
    strong = frozenset(at for at, slip in enumerate(figures.slips) if slip.stands_out)
    note = (
        "Rows none of whose stated lengths is the label. Marked rows are more than chance explains."
    )
    return Table(columns, cells, "Slips of the unit", note, strong)


def _examples(profile: Profile, factor: float) -> Table:
    (slip,) = [each for each in profile.stated.slips if each.factor == factor]
    unit = profile.quantity.unit
    columns = [
        Column("text", names_row=True),
        Column("product"),
        Column(f"stated ({unit})", numeric=True),
        Column(f"label ({unit})", numeric=True),
    ]
    cells: list[list[str | Cell]] = [
        [
            each.text,
            each.product_id,
            Cell(number(each.stated), each.stated),
            Cell(number(each.length), each.length),
        ]
        for each in slip.examples
    ]
    return Table(columns, cells, f"Such as: labels {factor_in_words(factor)} a stated length")
