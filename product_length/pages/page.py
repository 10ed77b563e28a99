"""The parts that a page is made of, and the page itself: one HTML file that needs no other.

Every text is shown as it stands: what stands in titles of products is escaped, in charts too.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from product_length.pages.template import render
from product_length.writing import write_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `kind` "note" is small and soft, "warning" stands out."""

    text: str
    kind: Literal["", "note", "warning"] = ""


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: Sequence[str]


@dataclass(frozen=True)
class Facts:
    """Names and values, side by side."""

    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Column:
    """A column of a table: its title; numbers are aligned to the right, prose wraps.

    `names_row`: its cells say what the row is about. `hint` explains the title on hovering.
    """

    title: str
    numeric: bool = False
    prose: bool = False
    names_row: bool = False
    hint: str = ""


@dataclass(frozen=True)
class Mark:
    """A range [start, end) of a text, in characters, and what it is."""

    start: int
    end: int
    label: str = ""


@dataclass(frozen=True)
class MarkedText:
    """A text with some of it marked in place; marks that overlap an earlier one are left out."""

    text: str
    marks: Sequence[Mark] = ()

    def pieces(self) -> list[tuple[str, str | None]]:
        """Pieces of the text in order, each with its mark's label, None where it is not marked."""
        pieces: list[tuple[str, str | None]] = []
        at = 0
        for mark in sorted(self.marks, key=lambda each: each.start):
            if mark.start < at or mark.end <= mark.start:
                continue
            pieces.append((self.text[at : mark.start], None))
            pieces.append((self.text[mark.start : mark.end], mark.label))
            at = mark.end
        pieces.append((self.text[at:], None))
        return [piece for piece in pieces if piece[0]]


@dataclass(frozen=True)
class Cell:
    """A cell: what is shown, and the number or word that the table is sorted by.

    `under`: a second line, small and soft.
    """

    text: str | MarkedText
    order: float | str | None = None
    under: str = ""


@dataclass(frozen=True)
class Table:
    """A table that a click on a column's title sorts; rows in `strong` stand out."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str | Cell]]
    caption: str = ""
    note: str = ""
    strong: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Chart:
    """A Plotly figure (see `charts`) under its title and a sentence on how to read it.

    `height` in CSS pixels; what is unlike in colour must be unlike in shape or word as well.
    """

    figure: "Figure"
    title: str
    note: str = ""
    height: int = 380


@dataclass(frozen=True)
class Image:
    """A PNG file's bytes, drawn for white paper, under its title and note."""

    png: bytes
    title: str
    note: str = ""

    @property
    def address(self) -> str:
        """The picture itself as an address, for a page that needs no other file."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode('ascii')}"


@dataclass(frozen=True)
class Command:
    """A command or a file's text, with a button that copies it; `label` says what it does."""

    text: str
    label: str = ""


@dataclass(frozen=True)
class SideBySide:
    """Parts beside each other where the page is wide enough, else below each other."""

    parts: Sequence["Part"]


@dataclass(frozen=True)
class Details:
    """Parts that are folded away until their summary is clicked; in print they are open."""

    summary: str
    parts: Sequence["Part"]


Part: TypeAlias = (
    Paragraph
    | Bullets
    | Facts
    | Table
    | Chart
    | Image
    | Command
    | SideBySide
    | Details
    | MarkedText
)


@dataclass(frozen=True)
class Section:
    """A section of a page: its title, what it says in a sentence or two, its parts."""

    title: str
    parts: Sequence[Part]
    lead: str = ""


def charts_of(parts: Sequence[Part]) -> list[Chart]:
    """The charts among these parts and within them, in the order of the page."""
    charts = []
    for part in parts:
        if isinstance(part, Chart):
            charts.append(part)
        elif isinstance(part, SideBySide | Details):
            charts += charts_of(part.parts)
    return charts


def page_html(
    title: str, verdict: str | Sequence[str], sections: Sequence[Section], *, kicker: str = ""
) -> str:
    """The page as HTML; `verdict`: the result in a sentence or a few, the first one stands out.

    `kicker`: what the page is of, above its title. Sections are linked at the top.
    """
    figures: list[Figure] = []

    def number(figure: "Figure") -> int:
        figures.append(figure)
        return len(figures) - 1

    return render(
        "page.html.j2",
        figures=figures,
        title=title,
        kicker=kicker,
        verdict=[verdict] if isinstance(verdict, str) else list(verdict),
        sections=sections,
        number=number,
    )


def write_page(
    path: Path,
    title: str,
    verdict: str | Sequence[str],
    sections: Sequence[Section],
    *,
    kicker: str = "",
) -> Path:
    """Write the page whole or not at all, see `page_html`; UserError when it cannot be written."""
    return write_text(path, page_html(title, verdict, sections, kicker=kicker))
