"""The predictions that a server gives: products in, lengths with intervals and reasons out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from product_length.decision.distribution import Distribution
from product_length.prediction.ensemble import Ensemble
from product_length.prediction.in_memory import Prediction, TablePredictor
from product_length.prediction.reasons import Explanation, explanations, with_words
from product_length.serving.inputs import Inputs
from product_length.training.predict import intervals_of

ReasonsWanted = Literal["none", "features", "words"]
LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Of the quantiles that stand for a distribution."""
_COSTS: Mapping[ReasonsWanted, int] = {"none": 1, "features": 4, "words": 32}
_KNOWN_LEVELS = 64


@dataclass(frozen=True)
class Asked:
    """One product, by the names of a request's fields, and what is asked of it."""

    product: Mapping[str, Any]
    interval: float | None = None
    reasons: ReasonsWanted = "none"
    distribution: bool = False

    @property
    def cost(self) -> int:
        """As so many plain predictions."""
        return _COSTS[self.reasons]


@dataclass(frozen=True)
class Answer:
    """What is predicted of one product, in the unit; `unseen`: what training did not know of it.

    `fields`: its texts as they were read. `distribution`: of one row; None unless asked for.
    """

    length: float
    ends: tuple[float, float] | None
    unseen: tuple[str, ...]
    explanation: Explanation | None = None
    distribution: Distribution | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


class Service:
    """One recipe, or several averaged, that answers batches of products. Not thread-safe."""

    def __init__(self, ensemble: Ensemble, device: torch.device) -> None:
        self.ensemble = ensemble
        self.inputs = Inputs.of(ensemble)
        self._device = device
        self._predictor = TablePredictor(ensemble, device)
        self._columns = self.inputs.columns(ensemble)
        self._with_interval = lru_cache(_KNOWN_LEVELS)(ensemble.with_intervals)

    @property
    def has_distribution(self) -> bool:
        """Whether there is more than one length for a product."""
        return all(each.objective.decisions for each in self.ensemble.members)

    def check(self, interval: float | None, reasons: ReasonsWanted) -> None:
        """Raise ConfigError, in words, where the recipe cannot have intervals or reasons."""
        if interval is not None:
            self._with_interval(interval)
        if reasons != "none":
            self.ensemble.with_reasons(True)

    def answers(self, asked: Sequence[Asked]) -> list[Answer]:
        """One answer for each, in order; all are predicted at once."""
        found = self._predictor.predict(
            self.inputs.table([each.product for each in asked]),
            self._columns,
            keep_seen=True,
            name="the request",
        )
        ends = self._ends(asked, found)
        reasons = self._reasons(asked, found)
        shown = [row for row, each in enumerate(asked) if each.distribution]
        distributions = self._distributions(found, shown)
        fields = self._fields(found, [*reasons, *distributions])
        unseen = [
            tuple(what for what, holds in found.unseen.items() if holds[row])
            for row in range(len(asked))
        ]
        return [
            Answer(
                length,
                ends.get(row),
                unseen[row],
                reasons.get(row),
                distributions.get(row),
                fields.get(row, {}),
            )
            for row, length in enumerate(_shortest(found.lengths))
        ]

    def _ends(self, asked: Sequence[Asked], found: Prediction) -> dict[int, tuple[float, float]]:
        ends: dict[int, tuple[float, float]] = {}
        for level in {each.interval for each in asked} - {None}:
            rows = [row for row, each in enumerate(asked) if each.interval == level]
            coverage = self._with_interval(level).coverage
            assert coverage is not None
            (seen,) = found.seen  # several recipes have no intervals
            both = intervals_of(seen.predictor.objective, seen.raw[rows], coverage)
            low, high = (_shortest(each) for each in both.T)
            ends |= dict(zip(rows, zip(low, high, strict=True), strict=True))
        return ends

    def _reasons(self, asked: Sequence[Asked], found: Prediction) -> dict[int, Explanation]:
        reasons: dict[int, Explanation] = {}
        for wanted in ("features", "words"):
            rows = np.array([n for n, each in enumerate(asked) if each.reasons == wanted], np.int64)
            if not len(rows):
                continue
            seen = found.seen[0]
            products = seen.products.take(rows)
            columns = {name: column[rows] for name, column in seen.columns.items()}
            explained = explanations(seen.predictor, products, columns, self._device)
            if wanted == "words":
                explained = with_words(
                    explained,
                    seen.predictor,
                    products,
                    found.lengths[rows],
                    self._device,
                    self.ensemble.decision,
                )
            reasons |= dict(zip(rows.tolist(), explained, strict=True))
        return reasons

    def _distributions(self, found: Prediction, rows: Sequence[int]) -> dict[int, Distribution]:
        if not (rows and self.has_distribution):
            return {}
        together = self.ensemble.distribution([each.raw[list(rows)] for each in found.seen])
        return {
            row: Distribution(together.probabilities[n : n + 1], together.edges)
            for n, row in enumerate(rows)
        }

    def _fields(self, found: Prediction, rows: Sequence[int]) -> dict[int, dict[str, str]]:
        products = found.seen[0].products
        some = list(dict.fromkeys(rows))
        texts = products.take(np.array(some, np.int64)).fields().select(list(self.inputs.fields))
        return dict(zip(some, texts.to_pylist(), strict=True))


def quantiles(distribution: Distribution) -> list[float]:
    """The lengths of `LEVELS`, of a distribution of one row, in the unit."""
    found = [
        distribution.interval(abs(2 * level - 1))[0, 0 if level < 0.5 else 1] for level in LEVELS
    ]
    return _shortest(np.array([float(each) for each in found], np.float32))


def _shortest(lengths: NDArray[np.float32]) -> list[float]:
    """Each float32 as the shortest number that is the same in it, as `predict` writes it."""
    return [float(text) for text in lengths.astype(str).tolist()]
