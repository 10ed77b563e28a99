"""Requests that come together are worked on together, and a small one does not wait for a large."""

import threading
from concurrent.futures import CancelledError

import pytest

from product_length.serving.batching import Batcher, BusyError, ClosedError


class Gate:
    """Work that waits until it is let through; `batches` are what it was given."""

    def __init__(self):
        self.open = threading.Event()
        self.begun = threading.Semaphore(0)
        self.batches = []

    def __call__(self, items):
        self.batches.append(list(items))
        self.begun.release()
        assert self.open.wait(10)
        return [item * 10 for item in items]


@pytest.fixture
def gate():
    made = Gate()
    yield made
    made.open.set()


def batcher_of(work, **options):
    return Batcher(work, **{"batch_cost": 8, "max_waiting": 4, **options})


def test_results_come_in_the_order_of_the_items(gate):
    gate.open.set()
    batcher = batcher_of(gate)
    answers = [batcher.submit(list(range(start, start + 20))) for start in (0, 100, 200)]
    for start, answer in zip((0, 100, 200), answers, strict=True):
        assert answer.result(10) == [10 * item for item in range(start, start + 20)]
    assert batcher.submit([]).result(1) == []
    assert batcher.waiting == 0
    batcher.close(5)


def test_what_waits_is_worked_on_together_and_none_waits_for_a_large_request(gate):
    batcher = batcher_of(gate)
    large = batcher.submit(list(range(100)))
    gate.begun.acquire()
    small = [batcher.submit([1000 + number]) for number in range(3)]
    gate.open.set()
    assert [answer.result(10) for answer in small] == [[10_000], [10_010], [10_020]]
    assert gate.batches[0] == list(range(8))
    # All three are in the next batch, beside as much of the large one as there is room for.
    assert gate.batches[1] == [8, 9, 1000, 1001, 1002]
    assert large.result(10) == [10 * item for item in range(100)]
    assert max(map(len, gate.batches)) <= 8
    batcher.close(5)


def test_a_batch_costs_no_more_than_it_may_unless_one_item_does(gate):
    gate.open.set()
    batcher = batcher_of(gate, cost=lambda item: item)
    assert batcher.submit([3, 3, 3, 50, 1]).result(10) == [30, 30, 30, 500, 10]
    assert gate.batches == [[3, 3], [3], [50], [1]]
    batcher.close(5)


def test_a_fault_of_one_request_is_not_the_others(gate):
    def work(items):
        if 13 in items:
            raise ValueError("thirteen")
        return gate(items)

    batcher = batcher_of(work)
    first = batcher.submit([1])
    gate.begun.acquire()
    bad, good = batcher.submit([13]), batcher.submit([2])
    gate.open.set()
    with pytest.raises(ValueError, match="thirteen"):
        bad.result(10)
    assert (first.result(10), good.result(10)) == ([10], [20])
    batcher.close(5)


def test_too_many_that_wait_are_refused(gate):
    batcher = batcher_of(gate)
    first = batcher.submit([0])
    gate.begun.acquire()
    others = [batcher.submit([number]) for number in range(1, 4)]
    with pytest.raises(BusyError):
        batcher.submit([4])
    gate.open.set()
    assert [answer.result(10) for answer in [first, *others]] == [[0], [10], [20], [30]]
    batcher.close(5)


def test_nobody_works_for_who_has_gone(gate):
    batcher = batcher_of(gate)
    first, gone = batcher.submit([1]), None
    gate.begun.acquire()
    gone = batcher.submit([2])
    assert gone.cancel()
    gate.open.set()
    assert first.result(10) == [10]
    assert batcher.submit([3]).result(10) == [30]
    assert [2] not in gate.batches
    with pytest.raises(CancelledError):
        gone.result(0)
    batcher.close(5)


def test_closing_finishes_what_is_in_work_and_refuses_the_rest(gate):
    batcher = batcher_of(gate)
    first = batcher.submit([1])
    gate.begun.acquire()
    waiting = batcher.submit([2])
    threading.Timer(0.05, gate.open.set).start()
    batcher.close(5)
    assert first.result(1) == [10]
    with pytest.raises(ClosedError):
        waiting.result(1)
    with pytest.raises(ClosedError):
        batcher.submit([3])
