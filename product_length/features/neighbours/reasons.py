"""The nearest training products, as a person is shown them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from product_length.catalogue.units import CatalogueUnit
from product_length.features.neighbours.index import NeighbourIndex, Neighbours
from product_length.features.neighbours.shown_products import ShownProducts
from product_length.features.reason import Neighbour, Reason, in_quotes

SHOWN = 5
_KIND = "neighbours"


def neighbour_reasons(
    nearest: Neighbours,
    index: NeighbourIndex,
    shown: ShownProducts | None,
    unit: CatalogueUnit,
) -> list[Reason | None]:
    """One Reason for each query, whose nearest rows these are; lengths in the catalogue's unit.

    `shown`: ids and texts of the index's rows; without them a reason has lengths only.
    """
    found = nearest.rows >= 0
    places = nearest.rows[found]
    texts = [("", "")] * len(places) if shown is None else shown[places]
    lengths = (index.lengths[places] / unit.in_model_units).tolist()
    names = ("", *index.types.names)
    types = [names[code] for code in index.type_codes[places].tolist()]
    every = [
        Neighbour(product_id, text, kind, length, min(cosine, 1.0))
        for (product_id, text), kind, length, cosine in zip(
            texts, types, lengths, nearest.similarity[found].tolist(), strict=True
        )
    ]
    ends = np.cumsum(found.sum(axis=1)).tolist()
    starts = [0, *ends[:-1]]
    return [_reason(every[start:end], unit) for start, end in zip(starts, ends, strict=True)]


def _reason(neighbours: Sequence[Neighbour], unit: CatalogueUnit) -> Reason | None:
    if not neighbours:
        return None
    first = neighbours[0]
    named = f" {in_quotes(first.text)}" if first.text else ""
    words = f"nearest training product{named} is {unit.rounded(first.length)}"
    if len(neighbours) > 1:
        lengths = [each.length for each in neighbours]
        words += f"; the {len(neighbours)} nearest are {unit.rounded(min(lengths), max(lengths))}"
    return Reason(_KIND, words, neighbours=tuple(neighbours))
