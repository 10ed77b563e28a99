"""Requests that come at the same time are worked on together, and none waits for a large one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class BusyError(Exception):
    """So many requests wait already that no other is taken."""


class ClosedError(Exception):
    """The queue is closed: the server stops."""


@dataclass
class _Request(Generic[Item, Result]):
    items: Sequence[Item]
    answered: Future[list[Result]] = field(default_factory=Future)
    taken: int = 0
    results: list[Result] = field(default_factory=list)


class Batcher(Generic[Item, Result]):
    """A queue of requests and one thread that works on batches of their items.

    A batch takes as much of each waiting request as its share is, the oldest first, until it costs
    `batch_cost`: so a request of one item waits for one batch at most, however large the others
    are. `work`: results of items, in their order; `cost`: of an item, 1 or more; `max_waiting`:
    requests.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        batch_cost: int,
        max_waiting: int,
        cost: Callable[[Item], int] = lambda _: 1,
    ) -> None:
        self._work = work
        self._cost = cost
        self._batch_cost = batch_cost
        self._max_waiting = max_waiting
        self._requests: list[_Request[Item, Result]] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="predictions", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Requests that are not answered yet."""
        with self._changed:
            return len(self._requests)

    def submit(self, items: Sequence[Item]) -> Future[list[Result]]:
        """The results of items, in their order, once they are there.

        Raises BusyError where too many requests wait, ClosedError after `close`.
        """
        request: _Request[Item, Result] = _Request(items)
        if not items:
            request.answered.set_result([])
            return request.answered
        with self._changed:
            if self._closed:
                raise ClosedError
            if len(self._requests) >= self._max_waiting:
                raise BusyError
            self._requests.append(request)
            self._changed.notify()
        return request.answered

    def close(self, timeout: float | None = None) -> None:
        """Take no other request; what is in work is finished, what waits raises ClosedError."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._requests and not self._closed:
                    self._changed.wait()
                if self._closed:
                    abandoned, self._requests = self._requests, []
                    break
                batch = self._next_batch()
            self._answer(batch)
        for request in abandoned:
            _fail(request, ClosedError())

    def _next_batch(self) -> list[tuple[_Request[Item, Result], Sequence[Item]]]:
        """Some items of waiting requests; those whose answer nobody waits for are dropped."""
        self._requests = [each for each in self._requests if not each.answered.cancelled()]
        left = self._batch_cost
        batch: list[tuple[_Request[Item, Result], Sequence[Item]]] = []
        for number, request in enumerate(self._requests):
            if left <= 0 and batch:
                break
            share = max(left // (len(self._requests) - number), 1)
            stop, spent = request.taken, 0
            while stop < len(request.items):
                price = self._cost(request.items[stop])
                if spent + price > share and spent:
                    break
                spent += price
                stop += 1
            batch.append((request, request.items[request.taken : stop]))
            request.taken = stop
            left -= spent
        return batch

    def _answer(self, batch: Sequence[tuple[_Request[Item, Result], Sequence[Item]]]) -> None:
        try:
            results = self._work([item for _, items in batch for item in items])
        except Exception as error:
            if len(batch) > 1:  # it is the fault of one: the others have their answers
                for each in batch:
                    self._answer([each])
            elif batch:
                self._finish(batch[0][0], error)
            return
        at = 0
        for request, items in batch:
            request.results += results[at : at + len(items)]
            at += len(items)
            if len(request.results) == len(request.items):
                self._finish(request, None)

    def _finish(self, request: _Request[Item, Result], error: Exception | None) -> None:
        with self._changed:
            # By identity: two requests may be equal.
            self._requests = [each for each in self._requests if each is not request]
        if error is not None:
            _fail(request, error)
        elif request.answered.set_running_or_notify_cancel():
            request.answered.set_result(request.results)


def _fail(request: _Request[Item, Result], error: Exception) -> None:
    if request.answered.set_running_or_notify_cancel():
        request.answered.set_exception(error)
