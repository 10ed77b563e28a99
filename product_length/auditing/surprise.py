"""How surprising labels are: tail probabilities, calibrated, and false-discovery rates."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CENTRE = (0.1, 0.5, 0.9)
"""Quantiles by which tails are calibrated: wrong labels lie beyond them, mostly."""
_LEAST = 1e-9
"""Probabilities were summed in float32: smaller ones are noise."""
_FEW = 50
"""From fewer rows no quantile is taken."""


def calibrated_tails(
    pit: Floats, folds: NDArray[np.int64]
) -> tuple[Floats, list[tuple[float, float]]]:
    """Two-sided tail probability of each label, float64 (rows,), and each fold's (centre, scale).

    `pit`: float64 (rows,), the predicted probability of at most each label; a label that stands for
    a bin of its own lies in its middle, so that half of the bin counts (mid-PIT: Smith 1985,
    "Diagnostic checks of non-standard time series models", Journal of Forecasting 4).
    `folds`: int64 (rows,), by which model. The normal scores of PIT values would be standard normal
    if predictions were right; their centre and scale are those of the other folds' central labels
    (the empirical null of Efron 2004, "Large-scale simultaneous hypothesis testing", JASA 99, by
    quantiles), so that no fold calibrates itself and the wrong labels, which lie far out, hardly
    count.
    """
    from scipy.special import ndtr, ndtri  # it is slow to import

    scores: Floats = ndtri(np.clip(pit, _LEAST, 1 - _LEAST))
    tails, found = np.empty(len(pit)), []
    for fold in np.unique(folds):
        own = folds == fold
        centre, scale = 0.0, 1.0
        others = scores[~own]
        if len(others) >= _FEW:
            low, centre, high = np.quantile(others, _CENTRE)
            scale = float((high - low) / (ndtri(_CENTRE[2]) - ndtri(_CENTRE[0])))
            scale = max(scale, 1e-6)
        found.append((float(centre), scale))
        tails[own] = 2 * ndtr(-np.abs(scores[own] - centre) / scale)
    return np.clip(tails, 0, 1), found


def false_discovery_rates(tails: NDArray[np.floating[Any]]) -> Floats:
    """The least false-discovery rate at which each label is called surprising: float64 (rows,).

    Benjamini and Hochberg 1995, "Controlling the false discovery rate", Journal of the Royal
    Statistical Society B 57: of the labels with a value of at most q, a share q at most is
    expected to be surprising by chance.
    """
    from scipy.stats import false_discovery_control  # it is slow to import

    if not len(tails):
        return np.empty(0)
    rates: Floats = false_discovery_control(tails, method="bh")
    return rates
