"""Which rows train, which choose the model, which evaluate it."""

import numpy as np
import xxhash
from numpy.typing import NDArray

from product_length.catalogue.config import SplitOptions

TRAIN, VAL, TEST = 0, 1, 2
SPLIT_NAMES = ("train", "val", "test")
"""Names by code."""


def assign_splits(text_keys: NDArray[np.uint64], options: SplitOptions) -> NDArray[np.uint8]:
    """Split of each row, uint8 (rows,), from its text key, uint64 (rows,), and the seed alone.

    So it stays when rows are appended, removed or reordered, rows with identical text share it,
    and it is the same on every machine.
    """
    places = _uniform(text_keys, options.seed)
    if options.folds is not None:
        in_fold = np.floor(places * options.folds) == options.fold
        inner = _uniform(text_keys, f"{options.seed} fold {options.fold}")
        is_val = inner >= options.train / (options.train + options.val)
        return np.where(in_fold, TEST, np.where(is_val, VAL, TRAIN)).astype(np.uint8)
    # The last share in use takes what rounding leaves.
    val_end = 1.0 if options.test == 0 else options.train + options.val
    return np.searchsorted([options.train, val_end], places, side="right").astype(np.uint8)


def _uniform(keys: NDArray[np.uint64], seed: int | str) -> NDArray[np.float64]:
    """Scattered numbers in [0, 1): the finaliser of splitmix64 over key and seed.

    Steele, Lea, Flood 2014, Fast splittable pseudorandom number generators, with the constants of
    Stafford's variant 13.
    """
    if keys.dtype != np.uint64 or keys.ndim != 1:
        raise ValueError(f"keys are {keys.dtype} {keys.shape}, not uint64 (rows,)")
    mixed = keys ^ np.uint64(xxhash.xxh3_64_intdigest(str(seed).encode()))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
