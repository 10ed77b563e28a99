"""Batches through processes, in order, a few at a time."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

from product_length.hidden_packages import keep_pandas_out

Given = TypeVar("Given")
Made = TypeVar("Made")

_AHEAD = 2
"""Batches that wait for each process: memory holds no more."""


def in_processes(
    work: Callable[[Given], Made], batches: Iterable[Given], workers: int
) -> Iterator[Made]:
    """What `work` makes of each batch, in their order; with one worker in this process."""
    if workers == 1:
        yield from map(work, batches)
        return
    context = multiprocessing.get_context("spawn")
    waiting: deque[Future[Made]] = deque()
    with ProcessPoolExecutor(workers, context, keep_pandas_out) as pool:
        try:
            for batch in batches:
                waiting.append(pool.submit(work, batch))
                if len(waiting) > _AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def cores() -> int:
    """Those that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1
