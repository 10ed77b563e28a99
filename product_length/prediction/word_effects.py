"""Which words of a title move the prediction: each is left out, and predicted without.

Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", occlude parts of a
picture so; Li et al. 2016, "Understanding Neural Networks through Representation Erasure"
(https://arxiv.org/abs/1612.08220), words. A measurement, as `30 x 20 cm`, counts as one word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from product_length.catalogue.products import Products
from product_length.measurements.places import Place, measurements_with_places

MOST_WORDS = 24
"""Words of a text that are left out, the first ones: what a product costs."""
LEAST_EFFECT = 0.01
"""Of a length: what a smaller effect is, is not said."""
_WORD = re.compile(r"[^\W_]+(?:['’.,/-][^\W_]+)*")
_MEASUREMENTS = 16


@dataclass(frozen=True)
class WordEffect:
    """A word, where it stands in its field, and the length that is predicted without it.

    `places`: the characters [start, stop) of each time that it is there; `without`: in the
    catalogue's unit; `factor`: how many times as long it makes the prediction.
    """

    word: str
    field: str
    places: tuple[Place, ...]
    without: float
    factor: float


@dataclass(frozen=True)
class _Word:
    shown: str
    places: tuple[Place, ...]

    def left_out_of(self, text: str) -> str:
        parts, last = [], 0
        for start, stop in self.places:
            parts.append(text[last:start])
            last = stop
        return " ".join("".join([*parts, text[last:]]).split())


def word_effects(
    predict: Callable[[Products], NDArray[np.float32]],
    products: Products,
    lengths: NDArray[np.float32],
) -> list[tuple[WordEffect, ...]]:
    """Of each product, the words that move its prediction, the strongest first.

    `predict`: lengths float32 (n,) of products; `lengths`: float32 (rows,), what it says of these;
    in the catalogue's unit. The words are those of the first field that the recipe of the text
    joins and that has a text of a product.
    """
    names = products.recipe.fields
    fields = products.fields()
    found: list[list[WordEffect]] = [[] for _ in range(len(products))]
    asked = np.zeros(len(products), np.bool_)
    for name in names:
        texts = fields.column(name).to_pylist()
        rows = [row for row, text in enumerate(texts) if text and not asked[row]]
        asked[rows] = True
        words = [(row, word) for row in rows for word in _words(texts[row])]
        if not words:
            continue
        places = np.array([row for row, _ in words], np.int64)
        shorter = pa.array([word.left_out_of(texts[row]) for row, word in words], pa.string())
        without = predict(products.with_texts(places, name, shorter))
        for (row, word), length in zip(words, without.tolist(), strict=True):
            factor = float(lengths[row]) / length
            if abs(factor - 1) >= LEAST_EFFECT:
                found[row].append(WordEffect(word.shown, name, word.places, length, factor))
    return [tuple(sorted(each, key=lambda effect: -abs(np.log(effect.factor)))) for each in found]


def _words(text: str) -> Sequence[_Word]:
    """The distinct words of a text, in any case, with all places where each stands."""
    stated = sorted(
        {place for _, place in measurements_with_places(text, _MEASUREMENTS) if place[1]}
    )
    covered = [*stated, (len(text), len(text))]
    spans, at = list(stated), 0
    for match in _WORD.finditer(text):
        start, stop = match.span()
        while covered[at][1] <= start and at < len(stated):
            at += 1
        if stop <= covered[at][0] or start >= covered[at][1]:
            spans.append((start, stop))
    places: dict[str, list[Place]] = {}
    for start, stop in sorted(spans):
        places.setdefault(text[start:stop].casefold(), []).append((start, stop))
    words = list(places.values())[:MOST_WORDS]
    return [_Word(text[slice(*each[0])], tuple(each)) for each in words]
