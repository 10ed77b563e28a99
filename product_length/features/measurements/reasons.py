"""The measurements that a text states, as a person is shown them."""

from __future__ import annotations

from collections.abc import Sequence

from product_length.catalogue.products import Products
from product_length.catalogue.text import FIELDS
from product_length.catalogue.units import CatalogueUnit
from product_length.features.reason import Reason, Statement, in_quotes, statement_words
from product_length.measurements.measurement import Role, Subject
from product_length.measurements.places import measurements_with_places

_KIND = "measurements"
_MILLIMETRES = CatalogueUnit.named("mm")
_SHOWN = 4


def statement_reasons(products: Products, fields: Sequence[str], most: int) -> list[Reason | None]:
    """One Reason for each product; None where nothing is stated. `most`: measurements of each."""
    unit = products.unit if products.unit.is_length else _MILLIMETRES
    table = products.fields()
    columns = [table.column(name).to_pylist() for name in FIELDS]
    read = [name in fields for name in FIELDS]
    return [
        _reason(statements, unit) if (statements := _stated(texts, read, most, unit)) else None
        for texts in zip(*columns, strict=True)
    ]


def _stated(
    texts: Sequence[str], read: Sequence[bool], most: int, unit: CatalogueUnit
) -> list[Statement]:
    found: list[Statement] = []
    for name, text, is_read in zip(FIELDS, texts, read, strict=True):
        if not (is_read and text and len(found) < most):
            continue
        for each, (start, stop) in measurements_with_places(text, most - len(found)):
            side = "" if each.role is Role.NONE else Role(each.role).name.lower()
            found.append(
                Statement(
                    field=name,
                    start=start,
                    stop=stop,
                    written=text[start:stop],
                    length=each.value * _MILLIMETRES.in_unit(unit),
                    side=side,
                    subject=Subject(each.subject).name.lower(),
                )
            )
    return found


def _reason(statements: Sequence[Statement], unit: CatalogueUnit) -> Reason:
    of_product = [each for each in statements if each.subject != "other"]
    if not of_product:
        words = "the text states lengths of other things only"
        return Reason(_KIND, words, statements=tuple(statements))
    shown = []
    for written in dict.fromkeys(each.written for each in of_product):
        of_chain = [each for each in of_product if each.written == written]
        shown.append(f"{in_quotes(written)} ({statement_words(of_chain, unit)})")
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    words = f"the text states {', '.join(shown[:_SHOWN])}{more}"
    return Reason(_KIND, words, statements=tuple(statements))
