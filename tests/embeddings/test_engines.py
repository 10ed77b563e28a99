"""Encoding in several processes: the vectors, order, memory and faults of one."""

import contextlib
import itertools
import json
import logging
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from embedding_runs import LSA, RECIPE, embed, keys_of
from numpy.typing import NDArray

from product_length.artefacts import ArtefactStore
from product_length.embeddings.config import EmbeddingOptions, LsaOptions
from product_length.embeddings.embed import embed_catalogue
from product_length.embeddings.engine import deal_devices
from product_length.embeddings.lsa import LsaEncoder
from product_length.embeddings.processes import encode_in_processes
from product_length.embeddings.streams import threads_each
from product_length.errors import UserError

CPUS = [torch.device("cpu")] * 2


@pytest.fixture
def lsa(product_texts: Callable[..., list[str]]) -> LsaEncoder:
    return LsaEncoder.fit("lsa", LsaOptions(**LSA), product_texts(30), training_texts="x")


@pytest.mark.parametrize(
    ("device", "workers", "gpus", "dealt"),
    [
        ("cpu", "auto", 0, ["cpu"]),
        ("cpu", "auto", 4, ["cpu"]),
        ("cpu", 3, 4, ["cpu"] * 3),
        ("mps", "auto", 0, ["mps"]),
        ("cuda", "auto", 1, ["cuda"]),
        ("cuda", 1, 1, ["cuda"]),
        ("cuda", 2, 1, ["cuda:0", "cuda:0"]),
        ("cuda", "auto", 3, ["cuda:0", "cuda:1", "cuda:2"]),
        ("cuda", 1, 3, ["cuda:0"]),
        ("cuda", 4, 3, ["cuda:0", "cuda:1", "cuda:2", "cuda:0"]),
        ("cuda:1", "auto", 3, ["cuda:1"]),
        ("cuda:1", 2, 3, ["cuda:1", "cuda:1"]),
    ],
)
def test_devices_are_dealt(device: str, workers: Any, gpus: int, dealt: list[str]) -> None:
    assert [str(each) for each in deal_devices(torch.device(device), workers, gpus)] == dealt


def test_workers_share_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    assert [threads_each(workers) for workers in (1, 2, 3, 7, 20)] == [7, 3, 2, 1, 1]


@pytest.mark.slow
def test_two_processes_keep_order_and_few_chunks(
    lsa: LsaEncoder, product_texts: Callable[..., list[str]]
) -> None:
    """One start of the processes for all that can be seen from outside, as it takes seconds."""
    texts = product_texts(60, seed=1)
    chunks = [texts[:10], [], *(texts[at : at + 5] for at in range(10, 60, 5))]
    taken = given = most = 0

    def counted() -> Iterator[Sequence[str]]:
        nonlocal taken, most
        for chunk in chunks:
            taken += 1
            most = max(most, taken - given)
            yield chunk

    found: list[NDArray[np.float16]] = []
    for vectors, marks in encode_in_processes(lsa, counted(), CPUS):
        given += 1
        assert marks is None
        found.append(vectors)
    assert [len(vectors) for vectors in found] == [len(chunk) for chunk in chunks]
    np.testing.assert_array_equal(np.concatenate(found), lsa.encode(texts))
    assert most == 3
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_closing_ends_the_processes_at_once(
    lsa: LsaEncoder, product_texts: Callable[..., list[str]]
) -> None:
    texts = product_texts(30)
    running = encode_in_processes(lsa, (texts for _ in range(99)), CPUS)
    next(running)
    assert len(multiprocessing.active_children()) == 2
    running.close()
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_two_processes_make_the_array_of_one(
    tiny_models: Callable[[str], Path],
    product_texts: Callable[..., list[str]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Repeats across chunks and cut texts too; what is there already is found, not made again."""
    distinct = [*product_texts(50, longest=4), "steel " * 40]
    texts = [distinct[at] for at in np.random.default_rng(0).integers(0, 51, 90)]
    encoders = {"tiny": tiny(tiny_models("bert")), "lsa": LSA}
    one = embed(texts, tmp_path / "one", **encoders)
    with caplog.at_level(logging.INFO, logger="product_length.embeddings"):
        two = embed(texts, tmp_path / "two", engine={"workers": 2}, **encoders)
    assert f"computed ({len(set(texts))} texts encoded)" in caplog.text
    for made, wanted in zip(two, one, strict=True):
        np.testing.assert_allclose(made.vectors, wanted.vectors, atol=2e-3)
        assert made.truncated_share == wanted.truncated_share
        assert made.encoder.address == wanted.encoder.address
    folders = [{each.parent.name for each in tmp_path.glob(f"{run}/embeddings/*/manifest.json")}
               for run in ("one", "two")]  # fmt: skip
    assert folders[0] == folders[1]
    again = embed(texts, tmp_path / "one", engine={"workers": 3}, **encoders)
    assert all(made.reused for made in again)


def test_one_worker_needs_no_process(
    product_texts: Callable[..., list[str]], tmp_path: Path, encoded: list[list[str]]
) -> None:
    texts = product_texts(20)
    embed(texts, tmp_path, engine={"workers": 1}, lsa=LSA)
    assert sorted(itertools.chain(*encoded)) == sorted(texts)


@pytest.mark.slow
def test_a_killed_worker_costs_no_finished_chunk(
    tiny_models: Callable[[str], Path],
    product_texts: Callable[..., list[str]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    texts = product_texts(96, longest=4)
    encoders = {"tiny": tiny(tiny_models("bert"))}
    options = EmbeddingOptions(encoders=encoders, chunk_rows=8, workers=2)

    def give(rows: NDArray[np.int64]) -> list[str]:
        if rows[0] == 48:
            os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)
        return [texts[row] for row in rows]

    store = ArtefactStore(tmp_path)
    with pytest.raises(UserError) as caught:
        embed_catalogue(give, keys_of(texts), np.arange(96), options, store, RECIPE)
    assert str(caught.value) == (
        "embeddings.workers: one of the 2 processes that encode with tiny was ended from outside "
        "(killed, or out of memory); the same command goes on from the last finished chunk; fewer "
        "embeddings.workers need less memory"
    )
    assert not multiprocessing.active_children()
    (notes,) = tmp_path.glob("embeddings/*/chunks.jsonl")
    finished = len(notes.read_text().splitlines())
    assert 4 <= finished <= 6  # 0 to 48 were given out, at most three chunks at a time
    with caplog.at_level(logging.INFO, logger="product_length.embeddings"):
        (made,) = embed(texts, tmp_path, chunk_rows=8, engine={"workers": 2}, **encoders)
    assert f"computed ({96 - 8 * finished} texts encoded)" in caplog.text
    np.testing.assert_allclose(made.vectors, made.encoder.encode(texts), atol=2e-3)


@pytest.mark.slow
def test_a_fault_in_a_worker_is_reported_in_words(
    tiny_copy: Path, product_texts: Callable[..., list[str]], tmp_path: Path
) -> None:
    texts = product_texts(40)
    options = EmbeddingOptions(encoders={"tiny": tiny(tiny_copy)}, chunk_rows=8, workers=2)

    def give(rows: NDArray[np.int64]) -> list[str]:
        shutil.rmtree(tiny_copy, ignore_errors=True)
        return [texts[row] for row in rows]

    with pytest.raises(UserError, match=r"^embeddings\.encoders\.tiny\.model=.* no such folder"):
        embed_catalogue(
            give, keys_of(texts), np.arange(40), options, ArtefactStore(tmp_path / "c"), RECIPE
        )
    assert not multiprocessing.active_children()


# A process that encodes for ever in two workers, prints their ids, and is killed by its reader.
PARENT = """
import itertools, json, multiprocessing, sys
import torch
from product_length.embeddings.config import LsaOptions
from product_length.embeddings.lsa import LsaEncoder
from product_length.embeddings.processes import encode_in_processes

if __name__ == "__main__":
    texts = ["steel ruler", "cotton saree", "steel saree"]
    options = LsaOptions(kind="lsa", dimensions=2, min_rows=1)
    lsa = LsaEncoder.fit("lsa", options, texts, training_texts="x")
    for _ in encode_in_processes(lsa, itertools.repeat(texts), [torch.device("cpu")] * 2):
        print(json.dumps([each.pid for each in multiprocessing.active_children()]), flush=True)
"""


@pytest.mark.slow
def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        workers = json.loads(parent.stdout.readline())
        parent.kill()
    assert len(workers) == 2
    end = time.monotonic() + 30
    while any(is_running(pid) for pid in workers):
        assert time.monotonic() < end
        time.sleep(0.1)


def is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    return False


def tiny(folder: Path) -> dict[str, Any]:
    return {"kind": "sentence_transformer", "model": str(folder), "device": "cpu"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"workers": 0}, "workers"),
        ({"workers": "all"}, "workers"),
        ({"engine": "spark"}, "engine"),
        ({"ray_address": "head:6379"}, "ray_address=head:6379 needs embeddings.engine=ray"),
    ],
)
def test_wrong_options_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        EmbeddingOptions(encoders={"lsa": LSA}, **given)
