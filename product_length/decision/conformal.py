"""Calibrated intervals, from where validation lengths lie in their predicted distributions.

Distributional conformal prediction: Chernozhukov, Wuethrich and Zhu 2021, "Distributional conformal
prediction", PNAS 118(48). If a product is exchangeable with the validation products, its length
lies in its interval with a probability of at least the level; on average over products, not for
each kind of them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-5
"""Sums of float32 probabilities differ by less; so much more mass an interval holds."""

Floats = NDArray[np.floating[Any]]


def conformal_scores(ranks: Floats) -> NDArray[np.float32]:
    """How far from the middle lengths lie: float32 (rows,), ascending, at most 1/2.

    `ranks`: float (rows,), the predicted probability of at most the true length (PIT).
    """
    return np.sort(np.minimum(np.abs(ranks - 0.5) + _ROUNDING, 0.5).astype(np.float32))


def rows_needed(level: float) -> int:
    """The fewest validation rows from which an interval of this level is less than everything."""
    return int(np.ceil(level / (1 - level) - 1e-9))


def central_mass(scores: NDArray[np.float32], level: float) -> float:
    """The mass of the predicted distribution that an interval of this level must hold, 0 to 1.

    `scores` as from `conformal_scores`; their quantile of rank ceil((rows + 1) * level). With fewer
    than `rows_needed(level)` rows it is 1: the whole range. Raises ValueError unless 0 < level < 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"the level of an interval lies between 0 and 1, not at {level}")
    rank = int(np.ceil((len(scores) + 1) * level - 1e-9))
    return 1.0 if rank > len(scores) else 2 * float(scores[rank - 1])


def inside(ranks: Floats, mass: float) -> NDArray[np.bool_]:
    """Whether lengths of these ranks, float (rows,), lie in the central interval of `mass`.

    A length beyond the whole range of its distribution lies in no interval.
    """
    held: NDArray[np.bool_] = (np.abs(ranks - 0.5) <= mass / 2) & (ranks > 0) & (ranks < 1)
    return held
