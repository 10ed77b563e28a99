"""Why each product gets its length: what features know of it, and the share of each expert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from product_length.catalogue.products import Products
from product_length.catalogue.units import CatalogueUnit
from product_length.decision.config import DecisionOption
from product_length.embeddings.embed import encode_in_memory
from product_length.embeddings.engine import local_engine
from product_length.features.columns import Columns
from product_length.features.reason import Reason, in_quotes
from product_length.prediction.predictor import Predictor
from product_length.prediction.reading import CHUNK_ROWS
from product_length.prediction.word_effects import WordEffect, word_effects
from product_length.training.predict import decided

_LEAST_SHARE = 0.005
_SHOWN_WORDS = 3
_ROWS = 1024
"""Products whose reasons are found at a time: there may be 24 variants of each."""
_NOTHING = "nothing is known of it but what all training rows have in common"


@dataclass(frozen=True)
class Explanation:
    """Why one product gets its length.

    `reasons`: those with the largest shares first; `network_share`: of the predicted distribution,
    what the network says by itself, None for a loss that emits one length; `words`: those that move
    the prediction, the strongest first, empty unless asked for.
    """

    reasons: tuple[Reason, ...]
    network_share: float | None
    words: tuple[WordEffect, ...] = ()

    def line(self, unit: CatalogueUnit) -> str:
        """All of it in one line of plain English."""
        parts = []
        for each in self.reasons:
            share = "" if each.share is None else f"{each.share:.0%} "
            if each.share is None or each.share >= _LEAST_SHARE or each.words:
                parts.append(f"{share}{each.kind}" + (f": {each.words}" if each.words else ""))
        if self.network_share is not None and self.reasons:
            parts.append(f"{self.network_share:.0%} the network by itself")
        shown = [
            f"without {in_quotes(each.word)} {unit.rounded(each.without)}"
            for each in self.words[:_SHOWN_WORDS]
        ]
        if shown:
            parts.append(f"words: {', '.join(shown)}")
        return "; ".join(parts) if parts else _NOTHING


def explanations(
    predictor: Predictor, products: Products, columns: Columns, device: torch.device
) -> list[Explanation]:
    """Why each of some products gets its length; `columns`: as the predictor transforms them.

    Of a loss that emits one length there are no shares: only what the features know.
    """
    shares = predictor.shares(columns, device)
    found: list[list[Reason]] = [[] for _ in range(len(products))]
    for feature in predictor.features:
        of_expert = shares.get(feature.name)
        reasons = feature.reasons(products, columns)
        for row, (reason, own) in enumerate(zip(reasons, found, strict=True)):
            share = None if of_expert is None else float(of_expert[row])
            if reason is not None:
                own.append(reason.with_share(share))
            elif share is not None and share >= _LEAST_SHARE:
                own.append(Reason(feature.name, "", share))
    has_distribution = bool(predictor.objective.decisions)
    rest = 1 - np.sum(list(shares.values()), axis=0) if shares else np.ones(len(products))
    return [
        Explanation(
            tuple(sorted(each, key=lambda reason: -(reason.share or 0.0))),
            float(np.clip(own, 0, 1)) if has_distribution else None,
        )
        for each, own in zip(found, np.broadcast_to(rest, len(products)), strict=True)
    ]


def with_words(
    explained: Sequence[Explanation],
    predictor: Predictor,
    products: Products,
    lengths: NDArray[np.float32],
    device: torch.device,
    decision: DecisionOption = "auto",
) -> list[Explanation]:
    """The same with the words of each product that move its length, see `word_effects`.

    `lengths`: float32 (rows,), predicted for `decision`, in the catalogue's unit.
    """

    def predict(some: Products) -> NDArray[np.float32]:
        vectors = {
            each.name: encode_in_memory(
                some.texts_of, some.text_keys, each, CHUNK_ROWS, local_engine("auto")
            )
            for each in predictor.encoders
        }
        raw = predictor.raw(predictor.transform(some, vectors), device)
        return decided(predictor.objective, raw, decision)

    effects = word_effects(predict, products, lengths)
    return [replace(each, words=words) for each, words in zip(explained, effects, strict=True)]


def reason_lines(
    predictor: Predictor,
    products: Products,
    columns: Columns,
    lengths: NDArray[np.float32],
    device: torch.device,
    decision: DecisionOption,
    *,
    words: bool,
) -> list[str]:
    """A line for each product, see `Explanation.line`, some rows at a time, under a bar.

    `columns`: as the predictor transforms products; `lengths`: float32 (rows,), what it says of
    them for `decision`; `words`: whether to say which words move it.
    """
    lines: list[str] = []
    with tqdm(total=len(products), unit=" rows", desc="reasons", disable=None, leave=False) as bar:
        for start in range(0, len(products), _ROWS):
            part = slice(start, start + _ROWS)
            some = products.part(part)
            of_some = {name: column[part] for name, column in columns.items()}
            explained = explanations(predictor, some, of_some, device)
            if words:
                explained = with_words(explained, predictor, some, lengths[part], device, decision)
            lines += [each.line(predictor.unit) for each in explained]
            bar.update(len(some))
    return lines
