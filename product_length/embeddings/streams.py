"""Batches through a model: on a CPU several at once, with a share of the threads each.

Threads that work on batches of their own wait for nobody; those that share each small operation of
one batch wait for the slowest after every one.
"""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Batch = TypeVar("Batch")
Result = TypeVar("Result")

_STREAMS = 4  # more would wait for Python's lock


def share_threads(device: torch.device) -> tuple[int, int]:
    """How many batches at once, and with how many threads each."""
    streams = min(_STREAMS, torch.get_num_threads()) if device.type == "cpu" else 1
    return streams, threads_each(streams)


def threads_each(workers: int) -> int:
    """How many of this process's threads each of so many workers gets."""
    return max(1, torch.get_num_threads() // workers)


def run_batches(
    batches: Iterable[Batch], forward: Callable[[Batch], Result], device: torch.device
) -> list[Result]:
    """What `forward` gives for each batch, in their order, computed in inference mode.

    What `batches` or `forward` raise is raised here, once the batches that are in work have ended.
    """

    def run(batch: Batch) -> Result:
        with torch.inference_mode():
            return forward(batch)

    streams, threads = share_threads(device)
    if streams == 1:
        return [run(batch) for batch in batches]
    whole = torch.get_num_threads()
    waiting: deque[Future[Result]] = deque()
    found: list[Result] = []
    pool = ThreadPoolExecutor(streams, "encoder", torch.set_num_threads, (threads,))
    try:
        for batch in batches:
            waiting.append(pool.submit(run, batch))
            if len(waiting) > 2 * streams:
                found.append(waiting.popleft().result())
        return found + [each.result() for each in waiting]
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(whole)  # of threads that start later: it is theirs too
