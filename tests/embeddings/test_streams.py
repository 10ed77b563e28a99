"""Batches through a model, several at once on a CPU."""

import threading
from collections.abc import Iterator

import pytest
import torch

from product_length.embeddings.streams import run_batches, share_threads

CPU = torch.device("cpu")


@pytest.fixture(params=[1, 2, 3, 9])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_threads_are_shared(threads: int) -> None:
    streams, each = share_threads(CPU)
    assert (streams, each) == {1: (1, 1), 2: (2, 1), 3: (3, 1), 9: (4, 2)}[threads]
    assert share_threads(torch.device("cuda")) == (1, threads)


def test_results_come_in_order_and_threads_are_given_back(threads: int) -> None:
    seen: set[tuple[str, int]] = set()

    def forward(batch: int) -> torch.Tensor:
        assert torch.is_inference_mode_enabled()
        seen.add((threading.current_thread().name, torch.get_num_threads()))
        return torch.full((2,), batch)

    found = run_batches(iter(range(50)), forward, CPU)
    assert [int(each[0]) for each in found] == list(range(50))
    streams, each = share_threads(CPU)
    assert {number for _, number in seen} == {each}
    assert len(seen) <= streams
    assert torch.get_num_threads() == threads
    elsewhere: list[int] = []
    later = threading.Thread(target=lambda: elsewhere.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert elsewhere == [threads]


def test_as_many_at_once_as_there_are_streams(threads: int) -> None:
    streams, _ = share_threads(CPU)
    meeting = threading.Barrier(streams)
    run_batches(range(3 * streams), lambda _: meeting.wait(timeout=30), CPU)


def test_faults_are_raised_and_batches_are_not_made_far_ahead(threads: int) -> None:
    made: list[int] = []

    def batches() -> Iterator[int]:
        for each in range(1000):
            made.append(each)
            yield each

    def forward(batch: int) -> int:
        if batch == 3:
            raise ValueError("bad batch")
        return batch

    with pytest.raises(ValueError, match="bad batch"):
        run_batches(batches(), forward, CPU)
    assert len(made) <= 3 + 2 * share_threads(CPU)[0] + 1
    assert torch.get_num_threads() == threads
