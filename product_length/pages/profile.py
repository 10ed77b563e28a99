"""The page of a catalogue's profile: what is remarkable and what to set, then all figures."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from product_length.evaluation.wording import row_count
from product_length.pages.page import (
    Bullets,
    Column,
    Command,
    Facts,
    Paragraph,
    Part,
    Section,
    Table,
    write_page,
)
from product_length.pages.profile_labels import (
    length_section,
    mape_section,
    type_section,
)
from product_length.pages.profile_repeats import repeat_section
from product_length.pages.profile_texts import stated_section, text_section
from product_length.profiling.finding import Finding
from product_length.profiling.profile import Profile
from product_length.profiling.wording import number, share


def write_profile_page(
    path: Path, profile: Profile, findings: Sequence[Finding], command: str | None
) -> Path:
    """Write the page whole or not at all. Raises UserError when it cannot be written."""
    sections = [
        Section("What to know, and what to set", list(_summary(findings, command))),
        _rows(profile),
        length_section(profile),
        mape_section(profile),
        *([type_section(profile, profile.types)] if profile.types is not None else []),
        repeat_section(profile),
        text_section(profile),
        stated_section(profile),
    ]
    title = f"What {Path(profile.source).name} holds"
    return write_page(
        path, title, _verdict(profile, findings), sections, kicker="Profile of a catalogue"
    )


def _verdict(profile: Profile, findings: Sequence[Finding]) -> list[str]:
    rows, unit = profile.rows, profile.quantity.unit
    quantiles = profile.lengths.quantiles
    faults = sum(each.is_fault for each in findings)
    found = {0: "No fault was found.", 1: "One thing looks wrong."}.get(
        faults, f"{faults} things look wrong."
    )
    kept = f"All {row_count(rows.kept)} can be used."
    if rows.kept < rows.read:
        kept = (
            f"{rows.kept:,} of {row_count(rows.read)} can be used ({share(rows.kept, rows.read)})."
        )
    spread = (
        f"The {profile.quantity.noun} is {unit.amount(number(quantiles['0.5']))} in the middle, "
        f"{number(quantiles['0.05'])} to {number(quantiles['0.95'])} in nine rows of ten."
    )
    return [f"{kept} {found}", spread]


def _summary(findings: Sequence[Finding], command: str | None) -> Iterator[Part]:
    for each in findings:
        if each.is_fault:
            yield Paragraph(each.text, "warning")
    rest = [each.text for each in findings if not each.is_fault]
    if rest:
        yield Bullets(rest)
    if command is not None:
        yield Command(command, "To start with")
    for each in findings:
        if each.settings:
            yield Command(" ".join(each.settings), each.answer)


def _rows(profile: Profile) -> Section:
    rows = profile.rows
    parts: list[Part] = [
        Facts(
            [
                ("rows read", f"{rows.read:,}"),
                ("rows kept", f"{rows.kept:,} ({share(rows.kept, rows.read)})"),
                ("predicted", profile.quantity.in_words),
                ("source", profile.source),
            ]
        )
    ]
    if rows.dropped:
        columns = [
            Column("dropped because", names_row=True),
            Column("rows", numeric=True),
            Column("share", numeric=True),
            Column("such as", prose=True),
            Column("first rows", prose=True, hint="1 is the first row of data"),
        ]
        cells = [
            [
                each.reason,
                f"{each.rows:,}",
                share(each.rows, rows.read),
                ", ".join(each.examples) or "–",
                ", ".join(f"{row:,}" for row in each.first_rows),
            ]
            for each in rows.dropped
        ]
        parts.append(Table(columns, cells, "Rows that are not used"))
    if rows.notes:
        cells = [[name, f"{count:,}"] for name, count in rows.notes.items()]
        columns = [Column("noted", names_row=True), Column("rows or cells", numeric=True)]
        parts.append(Table(columns, cells, "What else was noted"))
    parts.append(_fields(profile))
    return Section("Rows and fields", parts)


def _fields(profile: Profile) -> Table:
    kept = profile.rows.kept
    shown = ("0.05", "0.5", "0.95")
    columns = [
        Column("field", names_row=True),
        Column("read from", prose=True),
        Column("missing", numeric=True),
        Column("words, 5%", numeric=True),
        Column("median", numeric=True),
        Column("95%", numeric=True),
    ]
    cells = [
        [
            each.name.replace("_", " "),
            ", ".join(each.columns),
            share(each.missing, kept),
            *(number(each.words[name]) if each.words else "–" for name in shown),
        ]
        for each in profile.fields
    ]
    note = f"Words are those of {row_count(profile.texts.sampled)}, of rows that have the field."
    return Table(columns, cells, "Fields", note)
