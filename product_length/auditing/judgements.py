"""What each label of a catalogue looks like to models that have not seen its row."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from product_length.auditing.folds import Fold
from product_length.auditing.label_probability import Floats, LabelCounts, Predicted
from product_length.auditing.rates import Rates, fit_rates
from product_length.auditing.slips import Explained, Kind, explain, kinds_of
from product_length.auditing.stated import stated_lengths
from product_length.auditing.surprise import calibrated_tails, false_discovery_rates
from product_length.catalogue.catalogue import Catalogue
from product_length.decision.config import Decision
from product_length.decision.estimates import estimate, weighted_quantile

log = logging.getLogger(__name__)

_CLOSER_SHARE = 0.1
_CLOSER_ROWS = 20_000
"""So many of the rows, and at least so many, are looked at for every kind of slip."""
_ROWS = 16_384
"""Rows of distributions that are worked on at a time."""


@dataclass(frozen=True)
class Judgements:
    """Of each row of a catalogue, float64 (rows,) each, lengths in its unit.

    `expected`, `lower`, `upper`: the length that is expected, and the ends of the interval that
    holds a share of the good labels; `tails`: two-sided probability of a label as far out;
    `discovery`: the false-discovery rate from which on that is called surprising; `rates`: how
    probable it is that the label is right, and each kind of slip; `corrected`: (rows, kinds), the
    length that each slip would have made the label of, NaN where it says none; `scales`: of each
    fold, by how much normal scores were moved and stretched.
    """

    expected: Floats
    lower: Floats
    upper: Floats
    tails: Floats
    discovery: Floats
    kinds: tuple[Kind, ...]
    rates: Rates
    corrected: Floats
    scales: list[tuple[float, float]]

    @property
    def wrong(self) -> Floats:
        """The probability that each label is wrong: float64 (rows,), 0 to 1."""
        return 1 - self.rates.probabilities[:, 0]

    @property
    def slips(self) -> NDArray[np.intp]:
        """The most probable kind of slip of each row, if it is wrong: intp (rows,)."""
        found: NDArray[np.intp] = self.rates.probabilities[:, 1:].argmax(axis=1)
        return found

    @cached_property
    def false_share(self) -> Floats:
        """The share of good labels expected among those at least as suspicious: float64 (rows,).

        The Bayesian false-discovery rate of the ranking, the mean probability of being right down
        to each row: Efron, Tibshirani, Storey and Tusher 2001, "Empirical Bayes analysis of a
        microarray experiment", JASA 96.
        """
        order = self.order()
        right = self.rates.probabilities[order, 0]
        share = np.empty(len(order))
        share[order] = np.cumsum(right) / np.arange(1, len(order) + 1)
        return share

    def order(self) -> NDArray[np.intp]:
        """The rows, the most suspicious first; of equal ones the more surprising first."""
        return np.lexsort((self.tails, -self.wrong))


def judgements(
    catalogue: Catalogue, folds: Sequence[Fold], *, interval: float, decision: Decision
) -> Judgements:
    """Judge every row by the fold that holds it. Each row is in one fold."""
    count = len(catalogue)
    logs = np.log(catalogue.exact_lengths)
    counts = LabelCounts.of(catalogue.exact_lengths)
    explained = _none_explained(count, kinds_of(catalogue.unit))
    pit, of_fold = np.empty(count), np.empty(count, dtype=np.int64)
    for number, fold in enumerate(folds):
        rows, predicted = fold.rows, Predicted.of(fold.probabilities, fold.edges)
        pit[rows] = predicted.cdf(np.arange(len(rows)), logs[rows])
        of_fold[rows] = number
        lengths = catalogue.exact_lengths[rows]
        explained.put(rows, explain(predicted, lengths, counts, catalogue.unit))
    _explain_closer(catalogue, folds, counts, explained)
    tails, scales = calibrated_tails(pit, of_fold)
    estimates = np.empty((count, 3))
    kept = [number for number, fold in enumerate(folds) if len(fold.rows)]
    for (centre, scale), number in zip(scales, kept, strict=True):
        fold = folds[number]
        estimates[fold.rows] = _lengths(fold, _levels(interval, centre, scale), decision)
    return Judgements(
        expected=estimates[:, 0],
        lower=estimates[:, 1],
        upper=estimates[:, 2],
        tails=tails,
        discovery=false_discovery_rates(tails),
        kinds=explained.kinds,
        rates=fit_rates(explained.right, explained.by_slip),
        corrected=np.exp(explained.corrected),
        scales=scales,
    )


def _levels(interval: float, centre: float, scale: float) -> tuple[float, float]:
    """The levels of both ends: a label lies outside where its tail is below 1 - interval."""
    from scipy.special import ndtr, ndtri  # it is slow to import

    half = scale * float(ndtri((1 + interval) / 2))
    return float(ndtr(centre - half)), float(ndtr(centre + half))


def _lengths(fold: Fold, levels: tuple[float, float], decision: Decision) -> Floats:
    """The expected length and both ends of the interval: float64 (n, 3), catalogue's unit."""
    found = []
    for start in range(0, len(fold.rows), _ROWS):
        some = fold.distribution(start, start + _ROWS)
        parts = [estimate(decision, some.probabilities, some.edges)]
        parts += [weighted_quantile(some.probabilities, some.edges, level) for level in levels]
        found.append(torch.stack(parts, dim=1).numpy())
    return np.concatenate(found)


def _none_explained(count: int, kinds: tuple[Kind, ...]) -> Explained:
    by_slip = np.zeros((count, len(kinds)))
    return Explained(kinds, np.empty(count), by_slip, np.full((count, len(kinds)), np.nan))


def _explain_closer(
    catalogue: Catalogue, folds: Sequence[Fold], counts: LabelCounts, every: Explained
) -> None:
    """Explain the likelier wrong labels by every slip, those of digits and sides too, in place."""
    count = len(catalogue)
    closer = np.ones(count, dtype=bool)
    wanted = max(_CLOSER_ROWS, round(_CLOSER_SHARE * count))
    if count > wanted:
        odds = every.by_slip.max(axis=1) / np.maximum(every.right, 1e-300)
        closer[:] = False
        closer[np.argpartition(-odds, wanted)[:wanted]] = True
        log.info("slips of digits and sides: looked for in the %s likeliest rows", f"{wanted:,}")
    for fold in folds:
        at = np.flatnonzero(closer[fold.rows])
        rows = fold.rows[at]
        if len(rows):
            predicted = Predicted.of(fold.probabilities[at], fold.edges)
            stated, lengths = stated_lengths(catalogue, rows), catalogue.exact_lengths[rows]
            every.put(rows, explain(predicted, lengths, counts, catalogue.unit, stated))
