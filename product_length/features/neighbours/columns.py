"""Numbers about the neighbours of a product, for the network.

Per neighbour, nearest first: ln of its length, similarity, whether it has the same product type.
Then statistics over all neighbours, and the same over those of the same type. In a mean or median
that is weighted, a neighbour counts exp((similarity - best) / 0.1), see `similarity_weights`.

Where something is missing, a neutral value stands in, so that every number is finite:
- fewer than k neighbours: ln of its length as the index's mean, similarity 0, same type 0;
- no neighbour at all: the statistics of lengths are that mean too, their deviation is 0;
- none of the same type: the statistics over all neighbours; `same_type_share` tells it apart.
"""

import numpy as np
from numpy.typing import NDArray

from product_length.catalogue.vocabulary import Strings
from product_length.features.neighbours.index import NeighbourIndex, Neighbours
from product_length.weighted_median import order_of_rows, weighted_median_rows

# On sentence embeddings of catalogue texts, the best of 0.02 … 0.2 for a weighted median.
BANDWIDTH = 0.1

_LENGTHS = (
    "log_length_mean",  # weighted by similarity
    "log_length_deviation",  # weighted by similarity
    "log_length_min",
    "log_length_max",
    "log_length_median",
    "log_length_mape_median",  # weighted by similarity / length: the estimate that suits MAPE
)
_SHAPE = (
    "found_share",  # neighbours found / k
    "similarity_mean",
    "similarity_max",
    "log_density",  # ln of the mean kernel exp((similarity - 1) / 0.1) over the k places
    "same_type_share",  # neighbours of the same type / k
)


def feature_names(k: int) -> list[str]:
    """The columns of `neighbour_features`, in order."""
    return [
        *(f"log_length_{place}" for place in range(1, k + 1)),
        *(f"similarity_{place}" for place in range(1, k + 1)),
        *(f"same_type_{place}" for place in range(1, k + 1)),
        *_SHAPE,
        *_LENGTHS,
        *(f"same_type_{name}" for name in _LENGTHS),
    ]


def similarity_weights(neighbours: Neighbours) -> NDArray[np.float64]:
    """Weights float64 (n, k): exp((similarity - best of the row) / 0.1), 0 for a missing one."""
    similarity = neighbours.similarity.astype(np.float64)
    best = similarity.max(axis=1, keepdims=True, initial=-1.0, where=neighbours.rows >= 0)
    return np.where(neighbours.rows >= 0, np.exp((similarity - best) / BANDWIDTH), 0.0)


def neighbour_features(
    neighbours: Neighbours, index: NeighbourIndex, query_types: Strings
) -> NDArray[np.float32]:
    """Features float32 (n, len(feature_names(k))) of n queries, finite, not yet standardised.

    `query_types`: strings (n,); an empty or unknown type is the same as no other. Raises ValueError
    when there are not n of them.
    """
    found: NDArray[np.bool_] = np.greater_equal(neighbours.rows, 0)
    codes = index.types.encode(query_types)
    if len(codes) != len(found):
        raise ValueError(f"{len(codes)} types for {len(found)} queries")
    k = found.shape[1]
    # Only places that were found are looked up: an index may be empty.
    lengths = np.ones(found.shape)
    lengths[found] = index.lengths[neighbours.rows[found]]
    same = np.zeros(found.shape, dtype=np.bool_)
    same[found] = index.type_codes[neighbours.rows[found]] == codes[found.nonzero()[0]]
    same &= codes[:, None] > 0
    neutral = index.mean_log_length
    logs = np.where(found, np.log(lengths), neutral)
    similarity = np.where(found, neighbours.similarity.astype(np.float64), 0.0)
    weights = similarity_weights(neighbours)

    alone = np.zeros((len(found), len(_LENGTHS)))
    alone[:] = [0.0 if name == "log_length_deviation" else neutral for name in _LENGTHS]
    order = order_of_rows(logs)
    of_all = _length_statistics(lengths, logs, order, weights, alone)
    of_type = _length_statistics(lengths, logs, order, weights * same, of_all)
    count = found.sum(axis=1)
    kernel = np.where(found, np.exp((similarity - 1) / BANDWIDTH), 0.0)
    shape = [
        count / k,
        similarity.sum(axis=1) / np.maximum(count, 1),
        similarity.max(axis=1, initial=-1.0, where=found) * (count > 0),
        np.log(kernel.mean(axis=1) + 1e-9),
        same.sum(axis=1) / k,
    ]
    return np.concatenate(
        [logs, similarity, same, np.stack(shape, axis=1), of_all, of_type], axis=1
    ).astype(np.float32)


def _length_statistics(
    lengths: NDArray[np.float64],
    logs: NDArray[np.float64],
    order: NDArray[np.int64],
    weights: NDArray[np.float64],
    otherwise: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The columns `_LENGTHS` over the neighbours of positive weight; `otherwise` if there is none.

    A far neighbour's weight may be too small to count but never is 0: cosines differ by 2 at most.
    """
    counted = weights > 0
    some: NDArray[np.bool_] = np.any(counted, axis=1)
    total = np.where(some, weights.sum(axis=1), 1.0)
    mean = (weights * logs).sum(axis=1) / total
    squares = (weights * np.square(logs - mean[:, None])).sum(axis=1) / total
    columns = [
        mean,
        np.sqrt(squares),
        logs.min(axis=1, initial=np.inf, where=counted),
        logs.max(axis=1, initial=-np.inf, where=counted),
        weighted_median_rows(logs, counted.astype(np.float64), order),
        weighted_median_rows(logs, weights / lengths, order),
    ]
    return np.where(some[:, None], np.stack(columns, axis=1), otherwise)
