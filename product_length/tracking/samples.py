"""Which few products are shown out of a split."""

import numpy as np
from numpy.typing import NDArray

from product_length.evaluation.metrics import FloatArray

RowArray = NDArray[np.intp]


def best_rows(errors: FloatArray, count: int) -> RowArray:
    """Row numbers of the `count` smallest errors, best first; of equal ones the first rows."""
    return np.argsort(errors, kind="stable")[:count]


def worst_rows(errors: FloatArray, count: int) -> RowArray:
    """Row numbers of the `count` largest errors, worst first; of equal ones the first rows."""
    return np.argsort(-errors, kind="stable")[:count]
