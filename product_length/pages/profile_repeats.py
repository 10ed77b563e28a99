"""The section of a profile about texts that are the same, or nearly."""

from product_length.evaluation.wording import percent
from product_length.pages.page import Cell, Column, Facts, Paragraph, Part, Section, Table
from product_length.profiling.profile import Profile
from product_length.profiling.wording import number, ratio, share


def repeat_section(profile: Profile) -> Section:
    """Texts that are the same, or nearly, and how their labels differ."""
    same, near, kept = profile.repeats, profile.near_repeats, profile.rows.kept
    facts = [
        ("rows that share their text", f"{same.rows:,} ({share(same.rows, kept)})"),
        ("distinct texts of theirs", f"{same.texts:,}"),
        ("of these with labels over 1% apart", share(same.disagreeing)),
        ("how far apart, median", "–" if same.ratio is None else f"{ratio(same.ratio)} times"),
        ("rows with the same inputs", f"{same.same_inputs_rows:,}"),
        ("floor of MAPE, all rows", percent(same.floor)),
        ("floor of MAPE, these rows", percent(same.floor_repeated)),
    ]
    of = "all" if near.searched == near.texts else f"{near.searched:,} of {near.texts:,}"
    near_facts = [
        (
            "texts with a near-repeat",
            f"{near.found:,} of {near.searched:,} ({share(near.found, near.searched)})",
        ),
        ("with the same numbers in both", f"{near.same_numbers:,}"),
        ("of these with another length", _or_none(near.disagreeing)),
        ("how far apart, median", "–" if near.ratio is None else f"{ratio(near.ratio)} times"),
        ("of the others with another length", _or_none(near.disagreeing_numbers)),
    ]
    note = (
        f"Near-repeats share four fifths of their words; {of} distinct texts were searched"
        + ("" if of == "all" else ", those whose texts begin with the same two words together")
        + "."
    )
    floor = (
        "Rows with the same text, type, numbers and categories get the same prediction: the best "
        "one for their labels leaves the floor."
    )
    parts: list[Part] = [Facts(facts), Paragraph(floor, "note")]
    if not same.rows:
        parts = [Paragraph("No two rows share their whole text.")]
    if same.examples:
        parts.append(_same(profile))
    parts += [Facts(near_facts), Paragraph(note, "note")]
    if near.examples:
        parts.append(_near(profile))
    return Section("Repeated texts", parts)


def _or_none(fraction: float | None) -> str:
    return "–" if fraction is None else share(fraction)


def _same(profile: Profile) -> Table:
    columns = [
        Column("text", names_row=True),
        Column("rows", numeric=True),
        Column(f"{profile.quantity.nouns} ({profile.quantity.unit})", prose=True),
        Column("such as products", prose=True),
    ]
    cells: list[list[str | Cell]] = [
        [
            each.text,
            f"{each.rows:,}",
            ", ".join(map(number, each.lengths)),
            ", ".join(each.ids),
        ]
        for each in profile.repeats.examples
    ]
    return Table(columns, cells, "One text, labels that disagree most")


def _near(profile: Profile) -> Table:
    columns = [
        Column("text", names_row=True),
        Column("nearly the same", prose=True),
        Column(f"{profile.quantity.nouns} ({profile.quantity.unit})", numeric=True),
        Column("products", prose=True),
    ]
    cells: list[list[str | Cell]] = [
        [
            each.texts[0],
            each.texts[1],
            Cell(" and ".join(map(number, each.lengths)), max(each.lengths) / min(each.lengths)),
            " and ".join(each.ids),
        ]
        for each in profile.near_repeats.examples
    ]
    return Table(columns, cells, "Near-repeats with the same numbers, labels that disagree most")
