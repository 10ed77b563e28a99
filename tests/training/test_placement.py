"""Where the data lies: chosen by size, the same rows from everywhere."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fitting_problem import Problem
from test_batches import inputs_of, numbers_of
from test_chunks import on_disk

from product_length.features.columns import Batch
from product_length.training import placement
from product_length.training.batches import Inputs, ShuffledBatches
from product_length.training.chunks import ChunkBatches, Chunks
from product_length.training.config import TrainerOptions
from product_length.training.memory import memory_limit
from product_length.training.placement import (
    OnDevice,
    Prefetched,
    choose_chunks,
    on_card,
    training_batches,
)

CPU = torch.device("cpu")


def same(one: Batch, other: Batch) -> bool:
    if one.columns.keys() != other.columns.keys() or (one.lengths is None) != (
        other.lengths is None
    ):
        return False
    columns_agree = all(torch.equal(one[name], other[name]) for name in one.columns)
    return columns_agree and (
        one.lengths is None or other.lengths is None or torch.equal(one.lengths, other.lengths)
    )


@pytest.mark.parametrize(
    ("memory", "limit", "read"),
    [
        ("auto", 2 * 500 * 4, "rows"),
        ("auto", 2 * 500 * 4 - 1, "chunks"),
        ("auto", None, "rows"),
        ("resident", 1, "rows"),
        ("blocks", 2**50, "chunks"),
    ],
)
def test_chunks_are_read_where_data_fills_half_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: Any, limit: int | None, read: str
) -> None:
    monkeypatch.setattr(placement, "memory_limit", lambda: limit)
    mapped = on_disk(np.zeros((500, 2), np.float16), tmp_path / "vectors.npy")
    inputs = Inputs({"text": mapped, "numbers": np.zeros((500, 99), np.float32)})
    options = TrainerOptions(memory=memory, batch_size=16, shuffle_mb=1)
    chunks = choose_chunks(inputs, options, "cpu", 2)
    assert (chunks is not None) == (read == "chunks")
    batches = training_batches(inputs, np.arange(500), options, 0, chunks, rank=1, world=2)
    assert isinstance(batches, ChunkBatches) == (read == "chunks")
    assert (batches.rank, batches.world, batches.batch_size) == (1, 2, 16)


def test_a_large_card_takes_what_memory_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Card:
        total_memory = 2 * 500 * 4

    monkeypatch.setattr(placement, "memory_limit", lambda: 1)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: Card)
    mapped = on_disk(np.zeros((500, 2), np.float16), tmp_path / "vectors.npy")
    inputs = Inputs({"text": mapped})
    assert choose_chunks(inputs, TrainerOptions(), "cuda", 1) is None
    Card.total_memory -= 1
    assert choose_chunks(inputs, TrainerOptions(), "cuda", 1) is not None


@pytest.mark.parametrize(
    ("groups", "files", "limit"),
    [
        ("0::/\n", {"memory.max": "1000\n"}, 1000),
        ("0::/\n", {"memory.max": "max\n"}, None),
        ("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": "3000"}, 3000),
        ("0::/a/b\n", {"a/b/memory.max": "2000", "a/memory.max": "3000"}, 2000),
        (
            "5:cpu:/\n4:hugetlb,memory:/job\n0::/\n",
            {"memory/job/memory.limit_in_bytes": "500", "cpu/memory.limit_in_bytes": "1"},
            500,
        ),
        ("", {}, None),
    ],
)
def test_a_container_s_limit_counts(
    tmp_path: Path, groups: str, files: dict[str, str], limit: int | None
) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(groups)
    for name, content in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert memory_limit(tmp_path) == (limit or machine)
    assert 0 < (memory_limit() or 1) <= machine


def test_a_machine_that_reports_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sysconf")
    assert memory_limit(tmp_path) is None


@pytest.mark.parametrize("chunk", [7, 1000])
def test_gathered_on_a_device_as_from_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(placement, "_CHUNK_ROWS", chunk)
    whole = inputs_of(50)
    mapped = on_disk(whole.columns["half"], tmp_path / "vectors.npy")
    rows = np.array([3, 49, 0, 3])
    for inputs in (
        replace(whole, columns={**whole.columns, "half": mapped}),
        Inputs({"half": mapped}),
    ):
        assert same(OnDevice(inputs, CPU).take(rows), inputs.take(rows))


def test_a_cpu_keeps_the_inputs_where_they_are() -> None:
    inputs = inputs_of(5)
    assert on_card(inputs, None, CPU) is inputs


@pytest.mark.parametrize("chunks", [None, Chunks(3, 20)])
def test_prefetched_batches_are_the_same_ones(chunks: Chunks | None) -> None:
    options, rows = TrainerOptions(batch_size=8), np.arange(90)
    batches = training_batches(inputs_of(90), rows, options, 0, chunks, rank=0, world=1)
    ahead = Prefetched(batches, CPU)
    assert len(ahead) == len(batches)
    for epoch in (0, 1):
        batches.set_epoch(epoch)
        expected = list(batches)
        got = list(ahead)
        assert len(got) == len(expected)
        assert all(same(a, b) for a, b in zip(got, expected, strict=True))
    coming = iter(ahead)
    next(coming)
    coming.close()  # type: ignore[attr-defined]
    assert numbers_of(batches) == numbers_of(batches)


def test_what_goes_wrong_ahead_is_raised() -> None:
    class Broken(ShuffledBatches):
        def __iter__(self) -> Iterator[Batch]:
            yield self.inputs.take(np.arange(2))
            raise OSError("disk gone")

    coming = iter(Prefetched(Broken(inputs_of(9), np.arange(9), 2, 0), CPU))
    next(coming)
    with pytest.raises(OSError, match="disk gone"):
        list(coming)


@pytest.mark.gpu
@pytest.mark.parametrize("fits", [True, False])
def test_a_gpu_trains_on_the_same_rows(
    problem: Problem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fits: bool
) -> None:
    monkeypatch.setattr(placement, "_FREE_SHARE", 0.8 if fits else 0)
    given: dict[str, Any] = {"accelerator": "gpu", "precision": "32-true"}
    on_gpu = problem.fit(tmp_path / "gpu", problem.network(dropout=0), **given)
    monkeypatch.setattr(placement, "_FREE_SHARE", 0)
    in_chunks = problem.fit(
        tmp_path / "chunks", problem.network(dropout=0), memory="blocks", **given
    )
    assert on_gpu.epochs == in_chunks.epochs == 4
    assert on_gpu.history[-1]["val/mape"] < on_gpu.history[0]["val/mape"]


@pytest.mark.gpu
def test_a_gpu_gathers_and_prefetches_what_memory_holds() -> None:
    device, inputs, rows = torch.device("cuda", 0), inputs_of(500), np.arange(500)
    batches = ShuffledBatches(inputs, rows, 16, 0)
    expected = list(batches)
    ahead = list(Prefetched(batches, device))
    batches.inputs = on_card(inputs, None, device)
    assert isinstance(batches.inputs, OnDevice)
    for found in (ahead, list(batches)):
        assert len(found) == len(expected)
        for batch, other in zip(found, expected, strict=True):
            assert batch["half"].device == device
            assert same(batch.to("cpu"), other)
