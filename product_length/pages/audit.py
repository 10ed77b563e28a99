"""The page of an audit: how many labels are wrong, which, why, and how that was found out."""

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from product_length.auditing.audit import Audit
from product_length.auditing.slips import OTHER_LABEL
from product_length.auditing.suspects import Suspect
from product_length.evaluation.examples import sampled_rows
from product_length.evaluation.wording import shortened
from product_length.pages.charts import MOST_POINTS, bars
from product_length.pages.histograms import histogram
from product_length.pages.page import (
    Cell,
    Chart,
    Column,
    Command,
    Facts,
    Paragraph,
    Part,
    Section,
    SideBySide,
    Table,
    write_page,
)
from product_length.pages.prediction_charts import predicted_against_true

_SHOWN = 100
_TITLE = 90
_LEAST_TAIL = 1e-6


def write_audit_page(path: Path, audit: Audit, command: str) -> Path:
    """Write the page whole or not at all; `command` repeats the audit. Raises UserError."""
    title = f"Labels of {audit.name} that are probably wrong"
    sections = [_suspects(audit), _slips(audit), _judged(audit, command)]
    return write_page(path, title, _verdict(audit), sections, kicker="Audit of labels")


def _verdict(audit: Audit) -> list[str]:
    rows, called = len(audit.catalogue), audit.called
    rate = f"{100 * audit.job.false_discovery_rate:g}%"
    first = f"About {audit.probably_wrong:,.0f} of {rows:,} labels are wrong."
    if not called:
        return [first, f"None can be named with fewer than {rate} of mistakes."]
    some = "One of them can" if called == 1 else f"{called:,} of them can"
    return [
        first,
        f"{some} be named, so that about {rate} of what is named is right after all.",
        "That is what models say that were trained without the rows they judge. Look before you "
        "change anything: a rare product is not a wrong label.",
    ]


def _suspects(audit: Audit) -> Section:
    unit = audit.quantity.unit
    columns = [
        Column("#", numeric=True),
        Column("product", names_row=True, prose=True, hint="below it: its id, row and type"),
        Column(f"{audit.quantity.target} ({unit})", numeric=True, hint="the label as it is"),
        Column(
            f"expected ({unit})",
            numeric=True,
            hint=f"below it: where {100 * audit.job.interval:g}% of good labels would be",
        ),
        Column("wrong", numeric=True, hint="the probability that the label is wrong"),
        Column("slip", hint="what explains the label, and the length that it was made of"),
        Column("why", prose=True),
    ]
    shown = audit.suspects[:_SHOWN]
    table = Table(
        columns,
        [_row(each) for each in shown],
        note=f"The first {len(shown):,} of {len(audit.catalogue):,} rows; "
        f"{audit.job.output.name} has {len(audit.suspects):,}.",
    )
    return Section("The most suspicious labels", [table])


def _row(each: Suspect) -> list[str | Cell]:
    parts = [each.product_id, f"row {each.row:,}"]
    parts += [f"type {each.product_type}"] if each.product_type else []
    slip = each.slip or "none fits"
    return [
        Cell(str(each.rank), each.rank),
        Cell(shortened(each.text, _TITLE), under=", ".join(filter(None, parts))),
        Cell(f"{each.label:,.6g}", each.label),
        Cell(f"{each.expected:,.4g}", each.expected, f"{each.lower:,.4g} to {each.upper:,.4g}"),
        Cell(f"{100 * each.wrong:.0f}%", each.wrong),
        Cell(slip, slip, "" if each.corrected is None else f"from {each.corrected:,.6g}"),
        each.reason,
    ]


def _slips(audit: Audit) -> Section:
    """Which slips there are, and labels against what is expected."""
    found, quantity = audit.found, audit.quantity
    expected = found.rates.probabilities[:, 1:].sum(axis=0)
    order = np.argsort(-expected)
    by_kind = Chart(
        bars(
            [found.kinds[at] for at in order],
            [float(expected[at]) for at in order],
            "labels expected",
            labels=[f"{expected[at]:,.1f}" for at in order],
        ),
        "What happened to labels",
        f"The probability of each slip, summed over all rows. “{OTHER_LABEL}” is what no slip "
        "explains.",
        height=420,
    )
    some = [audit.suspects[at] for at in sampled_rows(len(audit.suspects), MOST_POINTS).tolist()]
    against = Chart(
        predicted_against_true(
            [each.label for each in some],
            [each.expected for each in some],
            f"label ({quantity.unit})",
            f"expected ({quantity.unit})",
            texts=[f"{each.product_id or each.row}: {each.slip or 'no slip'}" for each in some],
        ),
        "Suspects: their labels and what is expected",
        "A slip of one kind, often repeated, is a line beside the diagonal.",
        height=420,
    )
    named = Counter(each.slip or "none that is clear" for each in audit.suspects[: audit.called])
    parts: list[Part] = [SideBySide([by_kind, against])]
    if named:
        listed = ", ".join(f"{kind}: {count:,}" for kind, count in named.most_common())
        parts.append(Paragraph(f"Of the {audit.called:,} that can be named: {listed}."))
    return Section("How they became wrong", parts)


def _judged(audit: Audit, command: str) -> Section:
    job, found = audit.job, audit.found
    moved = ", ".join(f"{scale:.2f}" for _, scale in found.scales)
    tails = Chart(
        histogram(
            np.maximum(found.tails, _LEAST_TAIL),
            "tail probability of the label",
            counted="labels",
        ),
        "How far out labels lie",
        "Two-sided: what share of lengths would lie as far from the middle of the prediction, or "
        f"farther. Good labels thin out to the left; those below {_LEAST_TAIL:g} are shown there.",
    )
    facts: Sequence[tuple[str, str]] = [
        ("labels", f"{len(audit.catalogue):,}, {audit.quantity.in_words}"),
        ("models", f"{job.folds}, each trained without the rows that it judged, nor their texts"),
        ("expected to be wrong", f"{audit.probably_wrong:,.1f}"),
        (f"named at {100 * job.false_discovery_rate:g}% false ones", f"{audit.called:,}"),
        ("surprising by tails alone (Benjamini–Hochberg)", f"{audit.surprising:,}"),
        ("spread of good labels, as predicted is 1", moved),
    ]
    return Section(
        "How that was found out",
        [Facts(facts), tails, Command(command, "To repeat it; folds that are done are kept")],
    )


def repeated(overrides: Sequence[str]) -> str:
    """The command of an audit with these overrides, as a shell takes it."""
    return f"python -m product_length.audit {shlex.join(overrides)}"
