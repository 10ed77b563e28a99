"""How often each kind of slip happens in a catalogue, and what that makes of each label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from product_length.auditing.label_probability import Floats

_STEPS = 200
_ENOUGH = 1e-7
FIRST_WRONG = 0.03
"""The share of wrong labels that is expected before any is looked at."""
_WEIGHT = 1.0
"""That expectation counts as much as the rows of the catalogue, times this: by rows alone the
mixture takes the noise of good labels for other products' labels (docs/audit.md)."""


@dataclass(frozen=True)
class Rates:
    """`right`: the share of labels that are right; `of_slips`: float64 (kinds,), of the others.

    `probabilities`: float64 (rows, 1 + kinds): that each label is right, and is each slip; each row
    sums to 1.
    """

    right: float
    of_slips: Floats
    probabilities: Floats


def fit_rates(right: Floats, by_slip: Floats) -> Rates:
    """By the probability of each label if it is right, float64 (rows,), and by each kind of slip.

    The most probable shares of a mixture, by expectation-maximisation (Dempster, Laird and Rubin
    1977) with a Dirichlet prior, so that few rows and kinds that never happen make no shares of 0.
    """
    kinds = by_slip.shape[1]
    prior = np.append(1 - FIRST_WRONG, np.full(kinds, FIRST_WRONG / kinds))
    likelihood = np.concatenate([right[:, None], by_slip], axis=1)
    likelihood = np.maximum(likelihood, 1e-300)
    rates, weight = prior, _WEIGHT * len(right)
    for _ in range(_STEPS):
        joint = likelihood * rates
        found = joint / joint.sum(axis=1, keepdims=True)
        new = found.sum(axis=0) + weight * prior
        new /= new.sum()
        done = np.abs(new - rates).max() < _ENOUGH
        rates = new
        if done:
            break
    joint = likelihood * rates
    return Rates(float(rates[0]), rates[1:], joint / joint.sum(axis=1, keepdims=True))
