"""Items that a thread computes while those before them are used."""

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")
_END: Any = object()


def prefetch(
    items: Iterable[Item], size: int = 2, *, name: str = "prefetch"
) -> Generator[Item, None, None]:
    """The items, computed by a thread of this `name`, at most `size` of them in advance.

    What it raises is raised here. Closing this ends the thread and, if it is a generator, `items`.
    """
    coming = iter(items)
    with ThreadPoolExecutor(1, name) as pool:
        waiting = deque(pool.submit(next, coming, _END) for _ in range(size))
        try:
            while (item := waiting.popleft().result()) is not _END:
                waiting.append(pool.submit(next, coming, _END))
                yield item
        finally:
            pool.shutdown(cancel_futures=True)
            if isinstance(coming, Generator):
                coming.close()
