"""Vectors as codes of 7 bits, and products of these, which are the same on every machine."""

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

log = logging.getLogger(__name__)

Codes = NDArray[np.int8]
_Way = Callable[[Codes, Codes, NDArray[np.float32]], NDArray[np.float32]]

# Two products of 8 bits are added in 16 on CPUs without VNNI: 7 bits cannot overflow. Nor can a sum
# of 4,000 of them lose anything in float32.
_LEVELS = 63
_BLOCK_ROWS = 1024  # what a processor's cache holds
_TRIALS = 50


def codes_of(
    vectors: NDArray[Any], norms: NDArray[np.float64] | None = None
) -> tuple[Codes, NDArray[np.float32]]:
    """Codes int8 (n, d) from -63 to 63, and the step float32 (n,) of each row of (n, d).

    A number of a vector, float16 or float32, is its code times its row's step, give or take half a
    step; rows of zeros have step 0. With `norms` (n,) those of the vector of norm 1.
    """
    import torch

    codes = np.empty(vectors.shape, dtype=np.int8)
    steps = np.empty(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        # A copy, since torch warns of arrays that it may not write to.
        numbers = torch.from_numpy(np.array(vectors[block])).float()
        each = numbers.abs().amax(dim=1) / _LEVELS if numbers.numel() else numbers.sum(dim=1)
        steps[block] = each.numpy()
        each[each == 0] = 1
        torch.from_numpy(codes[block]).copy_((numbers / each[:, None]).round_())
    if norms is not None:
        np.divide(steps, norms, out=steps, where=norms > 0, casting="same_kind")
    return codes, steps


def products(one: Codes, other: Codes, steps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Inner products (q, m) of codes (q, d) and (m, d), times the steps (m,) of the latter."""
    # torch 2.13 gives garbage for vectors of one number.
    way = _way() if one.shape[1] > 1 else in_floats
    return way(one, other, steps)


def in_integers(one: Codes, other: Codes, steps: NDArray[np.float32]) -> NDArray[np.float32]:
    """`products` by oneDNN: several times as fast where the CPU has instructions for it (VNNI)."""
    import torch

    product = torch._int_mm(torch.from_numpy(one), torch.from_numpy(other).T)
    found: NDArray[np.float32] = (product * torch.from_numpy(steps)).numpy()
    return found


def in_floats(one: Codes, other: Codes, steps: NDArray[np.float32]) -> NDArray[np.float32]:
    """`products` by BLAS, the same to the bit: float32 holds the whole numbers before `steps`."""
    found: NDArray[np.float32] = one.astype(np.float32) @ other.astype(np.float32).T
    found *= steps
    return found


@cache
def _way() -> _Way:
    """The faster one here. Both give the same, so that nothing but time depends on the choice."""
    import torch

    random = np.random.default_rng(0).integers(-_LEVELS, _LEVELS + 1, (512, 384), np.int8)
    some, steps = random[:256], np.ones(256, np.float32)
    ways = (in_integers, in_floats)
    seconds = dict.fromkeys(ways, np.inf)
    # The least of many short trials in one thread: what else the machine does must not decide.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            for way in ways * _TRIALS:
                start = time.perf_counter()
                way(random, some, steps)
                seconds[way] = min(seconds[way], time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    same = np.array_equal(in_integers(random, some, steps), in_floats(random, some, steps))
    chosen = in_integers if same and seconds[in_integers] < seconds[in_floats] else in_floats
    log.debug("products of codes %s", chosen.__name__.replace("_", " "))
    return chosen
