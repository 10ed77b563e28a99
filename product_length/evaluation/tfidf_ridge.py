"""Ridge regression of ln(length) on TF-IDF of the text: a baseline.

Its predictions are multiplied by the scale that is best for MAPE, which comes from held-out folds
of the training rows.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from product_length.embeddings.tfidf import in_blocks
from product_length.embeddings.vocabulary import fit_weights
from product_length.embeddings.weight_matrix import weight_matrix
from product_length.weighted_median import weighted_median

log = logging.getLogger(__name__)

Lengths = NDArray[np.float64]

# Characters of a text that are read: more of them took longer and predicted no better.
_TEXT_HEAD = 1000
_FOLDS = 3
_MIN_TEXTS = 2  # that hold a word, or two words in a row, that counts
_MAX_WORDS = 100_000
_NAME = "tfidf_ridge"
# How near to the solution a fit comes. Of folds only one number is used, which differs by 0.05%.
_WELL, _ROUGHLY = 1e-3, 1e-2


class TooFewTextsError(ValueError):
    """The training texts do not allow a fit and a held-out scale."""


def fit_tfidf_ridge(
    texts: Sequence[str], known: Lengths, groups: NDArray[np.uint64], seed: int
) -> Callable[[Sequence[str]], Lengths]:
    """Predictor of lengths float64 (n,), catalogue's unit, of n texts.

    `texts`: of the training rows; `known`: float64 (rows,), their lengths; `groups`: uint64
    (rows,), equal for rows with the same text, which share a fold, as they share a split. Raises
    TooFewTextsError.
    """
    names, group = np.unique(groups, return_inverse=True)
    if len(names) < _FOLDS:
        raise TooFewTextsError(f"only {len(names)} different training texts")
    fold = (np.random.default_rng(seed).permutation(len(names)) % _FOLDS)[group]
    heads = _heads(texts)
    weights = fit_weights(
        f"{_NAME}: counting words",
        "word",
        1,
        2,
        heads,
        min_rows=_MIN_TEXTS,
        max_features=_MAX_WORDS,
    )
    if weights is None:
        raise TooFewTextsError("no words to learn from")
    matrix = weight_matrix(f"{_NAME}: weighing words", weights, heads)
    target = np.log(known)
    # Beyond the training lengths a linear model is not to be believed.
    low, high = target.min(), target.max()

    def lengths(logs: NDArray[np.floating[Any]]) -> Lengths:
        return np.asarray(np.exp(np.clip(logs, low, high)), dtype=np.float64)

    def held_out(number: int) -> tuple[Lengths, Lengths]:
        """Lengths of one fold's rows, and what the others predict for them."""
        inside = fold == number
        coefficients, intercept = ridge(matrix[~inside], target[~inside], _ROUGHLY)
        return known[inside], lengths(matrix[inside] @ coefficients + intercept)

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        whole = pool.submit(ridge, matrix, target, _WELL)
        of_folds = zip(*pool.map(held_out, range(_FOLDS)), strict=True)
        scale = best_scale(*map(np.concatenate, of_folds))
        coefficients, intercept = whole.result()
    log.info("%s: %d training rows, scale %.3f", _NAME, len(known), scale)
    directions = coefficients[:, None]

    def predict(asked: Sequence[str]) -> Lengths:
        parts = in_blocks(lambda block: weights.project(block, directions), _heads(asked))
        return scale * lengths(np.concatenate(list(parts))[:, 0] + intercept)

    return predict


def ridge(matrix: Any, target: Lengths, tolerance: float) -> tuple[NDArray[np.float32], float]:
    """Coefficients float32 (terms,) with penalty 1, and the intercept, which has none.

    `matrix`: sparse, float32 (n, terms); `target`: float64 (n,). By conjugate gradients, until what
    is left of the target's correlations is so small a share of them. What scikit-learn's Ridge
    gives, without importing it.
    """
    from scipy.sparse.linalg import LinearOperator, cg

    means = np.asarray(matrix.mean(axis=0), dtype=np.float32).ravel()

    def correlations(values: NDArray[np.float32]) -> NDArray[np.float32]:
        """With the columns about their means, which are never written out."""
        found: NDArray[np.float32] = matrix.T @ values - means * values.sum()
        return found

    def normal(coefficients: NDArray[np.float32]) -> NDArray[np.float32]:
        some = coefficients.astype(np.float32, copy=False)
        return correlations(matrix @ some - means @ some) + some

    middle = target.mean()
    equations = LinearOperator((len(means),) * 2, normal, dtype=np.float32)
    about = correlations((target - middle).astype(np.float32))
    found: NDArray[np.float32] = cg(equations, about, rtol=tolerance)[0]
    return found, float(middle - means @ found)


def best_scale(lengths: Lengths, predictions: Lengths) -> float:
    """The factor c with the least mean of |length - c * prediction| / length.

    `lengths`, `predictions`: float64 (n,), in the catalogue's unit, > 0. Each term is (prediction /
    length) * |length / prediction - c|: a weighted median of ratios.
    """
    return weighted_median(lengths / predictions, predictions / lengths)


def _heads(texts: Sequence[str]) -> list[str]:
    return [text[:_TEXT_HEAD] for text in texts]
