"""The served page: what a person asks of a product, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from product_length.catalogue.units import CatalogueUnit, three_digits
from product_length.features.reason import Statement, statement_words
from product_length.pages.charts import bars
from product_length.pages.distribution_chart import distribution
from product_length.pages.page import (
    Bullets,
    Cell,
    Chart,
    Column,
    Mark,
    MarkedText,
    Part,
    Section,
    Table,
)
from product_length.pages.template import fragment, own_script, render
from product_length.prediction.reasons import Explanation

_MOST_CHOICES = 1000
_OWN = "the network by itself"
_ROWS_OF_FIELD = {"title": 2, "bullet_points": 3, "description": 3}


@dataclass(frozen=True)
class Form:
    """What the page asks: fields of text, the type, further columns, values to pick from."""

    fields: Sequence[str]
    product_type: bool
    numbers: Sequence[str]
    categories: Sequence[str]
    choices: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class FrontPage:
    """All of the page before anything is asked. `facts`: of the model; `metrics`: rows of a table.

    Each row: the metric, its value with its interval on val and on test rows, in words.
    """

    target: str
    unit: str
    form: Form
    facts: Sequence[tuple[str, str]]
    metrics: Sequence[tuple[str, str, str]] = ()
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class ProductAnswer:
    """What is predicted of one product; lengths in `unit`.

    `probabilities` (cells,) and `edges` (cells + 1,), ln of the unit: of the distribution; None for
    a loss that emits one length. `decided`: what the length is decided for, in words. `unseen`:
    what training did not know of the product. `fields`: its texts, as the model reads them.
    """

    target: str
    unit: CatalogueUnit
    length: float
    level: float | None
    ends: tuple[float, float] | None
    decided: str
    unseen: Sequence[str]
    explanation: Explanation | None
    fields: Mapping[str, str] = field(default_factory=dict)
    probabilities: NDArray[np.float64] | None = None
    edges: NDArray[np.float64] | None = None


def front_page(front: FrontPage) -> str:
    """The page at `/`, as HTML."""
    columns = [Column("Metric", names_row=True), Column("Validation rows"), Column("Test rows")]
    table = Table(columns, [list(row) for row in front.metrics], "How good it was shown to be")
    return render(
        "serve.html.j2",
        charts=True,
        server=True,
        scripts=[own_script("serve.js")],
        title=f"What is its {front.target}?",
        front=front,
        table=table if front.metrics else None,
        form=front.form,
        choices={name: each[:_MOST_CHOICES] for name, each in front.form.choices.items()},
        rows_of=_ROWS_OF_FIELD,
    )


def answer_parts(answer: ProductAnswer) -> dict[str, Any]:
    """The answer as the page's script shows it: HTML, and the figures of its charts."""
    unit = answer.unit
    said = [f"Predicted {answer.target}"]
    if answer.ends is not None and answer.level is not None:
        said = [
            f"{three_digits(answer.ends[0])} to {three_digits(answer.ends[1])} is the range that "
            f"holds {100 * answer.level:g}% of true values"
        ]
    if answer.decided:
        said.append(answer.decided)
    return fragment(
        "answer.html.j2",
        verdict=unit.rounded(answer.length),
        said=f"{'; '.join(said)}.",
        warnings=[
            f"This product {_of_one(each)}: the length is a guess." for each in answer.unseen
        ],
        sections=[each for each in _sections(answer) if each.parts],
    )


def _of_one(words: str) -> str:
    """What is said of rows, of one: "have no product type" is "has no product type"."""
    first, _, rest = words.partition(" ")
    return " ".join([{"have": "has", "are": "is"}.get(first, first), rest])


def _sections(answer: ProductAnswer) -> list[Section]:
    explained = answer.explanation
    found = [Section("How sure it is", _distribution(answer))]
    if explained is None:
        return found
    return [
        *found,
        Section("Where it comes from", _shares(explained)),
        Section("What the text states", _marked(answer, explained)),
        Section("Words that move it", _words(answer, explained)),
        Section("The nearest training products", _neighbours(answer, explained)),
        Section("Training rows like it", _groups(answer, explained)),
    ]


def _distribution(answer: ProductAnswer) -> list[Part]:
    if answer.probabilities is None or answer.edges is None:
        return []
    figure = distribution(
        answer.probabilities,
        answer.edges,
        f"{answer.target} ({answer.unit})",
        length=answer.length,
        ends=answer.ends,
        interval_name="" if answer.level is None else f"{100 * answer.level:g}%",
    )
    note = "The higher, the more likely; the coloured part is the interval."
    return [Chart(figure, "How likely each length is", note, height=300)]


def _shares(explained: Explanation) -> list[Part]:
    named = [(each.kind, each.share) for each in explained.reasons if each.share is not None]
    parts: list[Part] = []
    if named and explained.network_share is not None:
        named.append((_OWN, explained.network_share))
        figure = bars(
            [name for name, _ in named],
            [100 * share for _, share in named],
            "share of the predicted distribution",
            sign="%",
            labels=[f"{100 * share:.0f}%" for _, share in named],
        )
        note = "What each feature predicts by itself, as the model weighs it for this product."
        parts.append(Chart(figure, "Share of each part of the model", note, 80 + 34 * len(named)))
    said = [f"{each.kind}: {each.words}" for each in explained.reasons if each.words]
    return [*parts, Bullets(said)] if said else parts


def _marked(answer: ProductAnswer, explained: Explanation) -> list[Part]:
    parts: list[Part] = []
    unit = answer.unit if answer.unit.is_length else CatalogueUnit.named("mm")
    statements = [each for reason in explained.reasons for each in reason.statements]
    for name, text in answer.fields.items():
        of_field = [each for each in statements if each.field == name]
        if not of_field:
            continue
        written: dict[tuple[int, int], list[Statement]] = {}
        for each in of_field:
            written.setdefault((each.start, each.stop), []).append(each)
        known = [
            Mark(start, stop, statement_words(of_place, unit))
            for (start, stop), of_place in sorted(written.items())
        ]
        parts.append(MarkedText(text, known))
        read = [
            f"“{text[mark.start : mark.end]}” is read as {mark.label}"
            for mark in known
            if mark.end > mark.start
        ]
        parts.append(Bullets(read))
    return parts


def _words(answer: ProductAnswer, explained: Explanation) -> list[Part]:
    if not explained.words:
        return []
    columns = [
        Column("Word", names_row=True),
        Column(f"Without it ({answer.unit})", numeric=True),
        Column("It changes the length by", numeric=True),
    ]
    rows: list[list[str | Cell]] = [
        [
            each.word,
            Cell(three_digits(each.without), each.without),
            Cell(f"{100 * (each.factor - 1):+.0f}%".replace("-", "−"), each.factor - 1),
        ]
        for each in explained.words
    ]
    note = "Each word left out in turn, and the product predicted again; effects of 1% and more."
    return [Table(columns, rows, "", note)]


def _neighbours(answer: ProductAnswer, explained: Explanation) -> list[Part]:
    neighbours = [each for reason in explained.reasons for each in reason.neighbours]
    if not neighbours:
        return []
    columns = [
        Column("Product", names_row=True),
        Column(f"{answer.target} ({answer.unit})", numeric=True),
        Column("Similarity", numeric=True, hint="Cosine of the texts' vectors; 1 is the same"),
        Column("Type", prose=True),
    ]
    rows: list[list[str | Cell]] = [
        [
            Cell(each.text or "(no text kept)", under=each.product_id),
            Cell(three_digits(each.length), each.length),
            Cell(f"{each.similarity:.2f}", each.similarity),
            each.product_type,
        ]
        for each in neighbours
    ]
    return [Table(columns, rows)]


def _groups(answer: ProductAnswer, explained: Explanation) -> list[Part]:
    groups = [each for reason in explained.reasons for each in reason.groups]
    if not groups:
        return []
    columns = [
        Column("What they share", names_row=True),
        Column("Training rows", numeric=True),
        Column(f"Their median ({answer.unit})", numeric=True),
    ]
    rows: list[list[str | Cell]] = [
        [
            Cell(f"{each.of}: {each.value}", each.of),
            Cell(f"{each.rows:,}", each.rows),
            "–" if each.median is None else Cell(three_digits(each.median), each.median),
        ]
        for each in groups
    ]
    return [Table(columns, rows)]
