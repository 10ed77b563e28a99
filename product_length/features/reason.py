"""Why a product gets its length: what one feature knows of it, as a person is shown it.

All lengths are in the catalogue's unit. Importing this module does not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from typing_extensions import Self

from product_length.catalogue.units import CatalogueUnit, three_digits


@dataclass(frozen=True)
class Neighbour:
    """A training product that is near. `text`: its beginning, "" where none is kept."""

    product_id: str
    text: str
    product_type: str
    length: float
    similarity: float
    """Cosine, at most 1."""


@dataclass(frozen=True)
class Group:
    """Training rows that share something with the product.

    `of`: what they share, as "product type", "word" or the name of a column; `value`: which one.
    `median`: of their lengths, None without rows.
    """

    of: str
    value: str
    rows: int
    median: float | None


@dataclass(frozen=True)
class Statement:
    """A measurement in a field of the product's text, at the characters [start, stop).

    `length`: in the catalogue's unit, in millimetres where that is no unit of length. `side`:
    "length", "width", … or "" where the text does not say; `subject`: "product", "package" or
    "other".
    """

    field: str
    start: int
    stop: int
    written: str
    length: float
    side: str
    subject: str


@dataclass(frozen=True)
class Reason:
    """What one feature knows of a product.

    `kind`: the feature's name; `words`: the same in plain English; `share`: of the feature's expert
    in the predicted distribution, None without an expert.
    """

    kind: str
    words: str
    share: float | None = None
    neighbours: tuple[Neighbour, ...] = ()
    groups: tuple[Group, ...] = ()
    statements: tuple[Statement, ...] = ()

    def with_share(self, share: float | None) -> Self:
        """The same, with the share of the feature's expert."""
        return replace(self, share=share)


def in_quotes(text: str, most: int = 60) -> str:
    """A text between quotation marks, cut where it is long."""
    shown = " ".join(text.split())
    cut = shown if len(shown) <= most else f"{shown[: most - 1].rstrip()}…"
    return f"“{cut}”"


def row_words(rows: int) -> str:
    """How many training rows: "1 training row", "1,250 training rows"."""
    return f"{rows:,} training row{'' if rows == 1 else 's'}"


def statement_words(statements: Sequence[Statement], unit: CatalogueUnit) -> str:
    """What was read where one thing is written: "120, 80 cm", "30 cm height", "5 cm, of a package".

    `unit`: of the lengths.
    """
    if any(each.side for each in statements):
        said = ", ".join(f"{unit.rounded(each.length)} {each.side}".strip() for each in statements)
    else:
        said = unit.amount(", ".join(three_digits(each.length) for each in statements))
    of = {"package": ", of the package", "other": ", of another thing"}
    return said + of.get(statements[0].subject, "")
