"""How probable it is that a product has this very label, by what a model predicts for it.

A predicted distribution says how probable it is that a length lies near the label; the labels of
the whole catalogue say which lengths near by are written how often (60 cm is, 60.3 cm is not). The
one times the other is the probability of the label as it is written, so that a slip of a popular
length can be told from a length that is merely rare.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WINDOWS = (0.005, 0.04)
"""Half widths in log length of what is near: as fine as bins are, and beyond the widest of them."""
SAME = 1e-4
"""Half width in log length of what is one label; tables keep six digits or so."""
_EXACTLY_STATED = 0.5
"""Where a product states a length near by, so many labels are that length to the last digit."""


@dataclass(frozen=True)
class Predicted:
    """What is predicted for some rows. `edges`: float64 (cells + 1,), ln of the catalogue's unit.

    `below`: float64 (rows, cells + 1), the probability below each edge, 0 to 1.
    """

    edges: Floats
    below: Floats

    @classmethod
    def of(cls, probabilities: NDArray[np.floating[Any]], edges: Floats) -> Predicted:
        """From the probabilities of cells, float (rows, cells)."""
        below = np.zeros((len(probabilities), len(edges)))
        np.cumsum(probabilities, axis=1, dtype=np.float64, out=below[:, 1:])
        below /= below[:, -1:]
        return cls(edges, below)

    def cdf(self, at: NDArray[np.int64], logs: Floats) -> Floats:
        """The probability of at most each length for rows `at`: float64 (m,); `logs`: ln of it."""
        edges = self.edges
        cell = (np.searchsorted(edges, logs, side="right") - 1).clip(0, len(edges) - 2)
        share = ((logs - edges[cell]) / np.diff(edges)[cell]).clip(0, 1)
        before = self.below[at, cell]
        found: Floats = before + share * (self.below[at, cell + 1] - before)
        return found

    def near(self, at: NDArray[np.int64], logs: Floats, half: float) -> Floats:
        """The probability of a length within exp(±half) of each: float64 (m,)."""
        return self.cdf(at, logs + half) - self.cdf(at, logs - half)


@dataclass(frozen=True)
class LabelCounts:
    """Which labels the catalogue has, and how often. `logs`: float64 (rows,), ascending."""

    logs: Floats

    @classmethod
    def of(cls, lengths: Floats) -> LabelCounts:
        """Of all labels of a catalogue, float64 (rows,), in its unit."""
        return cls(np.sort(np.log(lengths)))

    def count(self, logs: Floats, half: float) -> NDArray[np.int64]:
        """How many labels lie within exp(±half) of each length: int64 of the same shape."""
        upper = np.searchsorted(self.logs, logs + half, side="right")
        found: NDArray[np.int64] = upper - np.searchsorted(self.logs, logs - half, side="left")
        return found

    @cached_property
    def discount(self) -> float:
        """What is taken off each count for labels not seen yet: n1 / (n1 + 2 n2).

        Absolute discounting: Ney, Essen and Kneser 1994, "On structuring probabilistic dependences
        in stochastic language modelling", Computer Speech and Language 8.
        """
        counts = self.distinct[1]
        once, twice = int((counts == 1).sum()), int((counts == 2).sum())
        return (once + 0.5) / (once + 2 * twice + 1)

    @cached_property
    def distinct(self) -> tuple[Floats, NDArray[np.int64]]:
        """Each label once, ln, ascending, and how often it stands: float64 and int64 (n,)."""
        starts = np.flatnonzero(np.diff(self.logs, prepend=-np.inf) > SAME)
        return self.logs[starts], np.diff(np.append(starts, len(self.logs)))

    def share(self, logs: Floats, half: float, own: Floats | None = None) -> Floats:
        """Of the labels near each length, the share that is this very one: float64 (m,).

        `own`: ln of labels, float64 (m,), of rows that are not to be counted for themselves.
        """
        same, near = self.count(logs, SAME), self.count(logs, half)
        if own is not None:
            distance = np.abs(own - logs)
            same = same - (distance <= SAME)
            near = near - (distance <= half)
        values, discount = self.distinct[0], self.discount
        kinds = np.searchsorted(values, logs + half, "right") - np.searchsorted(values, logs - half)
        seen = np.maximum(same - discount, 0.0)
        unseen = (discount * kinds + 1) * min(1.0, SAME / half)
        share: Floats = (seen + unseen) / (near + 1.0)
        return share.clip(0, 1)


def label_probability(
    predicted: Predicted,
    at: NDArray[np.int64],
    logs: Floats,
    counts: LabelCounts,
    *,
    own: Floats,
    is_stated: NDArray[np.bool_] | None = None,
) -> Floats:
    """The probability of these very labels for rows `at`: float64 (m,).

    `logs`: ln of the labels, `own`: of the labels that the rows have, which are not counted;
    `is_stated`: whether the products state these lengths. The mean over windows of the probability
    of the window times the share of the label in it.
    """
    found = np.zeros(len(logs))
    for half in WINDOWS:
        share = counts.share(logs, half, own)
        if is_stated is not None:
            share = np.where(is_stated, np.maximum(share, _EXACTLY_STATED), share)
        found += predicted.near(at, logs, half) * share / len(WINDOWS)
    return found
