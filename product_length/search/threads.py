"""Work in parts, for threads that do not wait for each other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from threadpoolctl import threadpool_limits

from product_length.search.vectors import load_faiss

_SHARED = 256  # for each thread, below which one thread does them all


def in_parts(work: Callable[[int, int], None], count: int, most: int, threads: int) -> None:
    """Have `work(start, stop)` done for all of `count`, at most `most` at a time in each thread.

    Within one, FAISS, BLAS and torch start no threads of their own.
    """
    import torch

    parts = max(1, -(-count // most))
    if threads > 1 and count >= threads * _SHARED:
        parts = -(-parts // threads) * threads
    bounds = np.linspace(0, count, parts + 1).astype(int).tolist()

    def alone(part: tuple[int, int]) -> None:
        load_faiss().omp_set_num_threads(1)  # of this thread
        torch.set_num_threads(1)
        work(*part)

    whole = torch.get_num_threads()
    try:
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads, "search") as pool:
            for _ in pool.map(alone, pairwise(bounds)):
                pass
    finally:
        torch.set_num_threads(whole)  # of threads that start later: it is theirs too
