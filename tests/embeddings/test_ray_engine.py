"""Encoding on Ray Data: what comes back, and a whole run on a local Ray."""

import itertools
import logging
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from embedding_runs import LSA, RECIPE, embed, keys_of
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from product_length.artefacts import ArtefactStore
from product_length.embeddings.config import EmbeddingOptions, LsaOptions
from product_length.embeddings.embed import embed_catalogue
from product_length.embeddings.lsa import LsaEncoder
from product_length.embeddings.ray_engine import encode_on_ray, regrouped
from product_length.errors import ConfigError, UserError

# Ray's own use of what it deprecates.
pytestmark = pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\.")


def test_ray_that_is_not_installed_is_reported(
    product_texts: Callable[..., list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    encoded: list[list[str]],
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError) as caught:
        embed(product_texts(9), tmp_path, engine={"engine": "ray"}, lsa=LSA)
    assert str(caught.value) == (
        "embeddings.engine=ray: Ray Data is not installed; pip install -c constraints.txt "
        "-e '.[ray]', or choose embeddings.engine=local"
    )
    assert not encoded


@given(
    st.lists(st.integers(0, 6), max_size=8), st.lists(st.integers(1, 7), max_size=40), st.booleans()
)
def test_chunks_come_back_whatever_the_blocks(
    sizes: list[int], cuts: list[int], marked: bool
) -> None:
    chunk = np.repeat(np.arange(len(sizes)), sizes)
    vector = np.arange(2 * len(chunk), dtype=np.float16).reshape(-1, 2)
    whole = {"chunk": chunk, "vector": vector}
    whole |= {"cut": np.arange(len(chunk)) % 3 == 0} if marked else {}
    ends = np.unique(np.minimum(np.cumsum([0, *cuts, len(chunk)]), len(chunk)))
    blocks = [
        {name: values[start:stop] for name, values in whole.items()}
        for start, stop in itertools.pairwise(ends)
    ]
    found = list(regrouped(blocks, sizes, 2, "float16"))
    assert [len(vectors) for vectors, _ in found] == sizes
    np.testing.assert_array_equal(
        np.concatenate([np.zeros((0, 2)), *(v for v, _ in found)]), vector
    )
    for size, (_, marks) in zip(sizes, found, strict=True):
        assert (marks is None) == (not marked or not size)
    if len(chunk):
        with pytest.raises(RuntimeError, match="lost or reordered"):
            list(regrouped(blocks[:-1], sizes, 2, "float16"))
    if len(blocks) > 1 and len(set(chunk.tolist())) > 1:
        with pytest.raises(RuntimeError, match="lost or reordered"):
            list(regrouped(blocks[::-1], sizes, 2, "float16"))


@pytest.fixture
def _local_ray() -> Iterator[None]:
    """One Ray for all runs of a test: to start one takes ten seconds."""
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.usefixtures("_local_ray")
def test_ray_makes_the_array_of_one_process(
    tiny_models: Callable[[str], Path],
    product_texts: Callable[..., list[str]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    distinct = [*product_texts(50, longest=4), "steel " * 40]
    texts = [distinct[at] for at in np.random.default_rng(0).integers(0, 51, 90)]
    tiny = {"kind": "sentence_transformer", "model": str(tiny_models("bert")), "device": "cpu"}
    encoders = {"tiny": tiny, "lsa": LSA}
    one = embed(texts, tmp_path / "one", **encoders)
    with caplog.at_level(logging.INFO, logger="product_length.embeddings"):
        other = embed(texts, tmp_path / "other", engine={"engine": "ray", "workers": 2}, **encoders)
    assert caplog.text.count(f"computed ({len(set(texts))} texts encoded)") == 2
    for made, wanted in zip(other, one, strict=True):
        np.testing.assert_allclose(made.vectors, wanted.vectors, atol=2e-3)
        assert made.truncated_share == wanted.truncated_share
        assert made.encoder.address == wanted.encoder.address
    again = embed(texts, tmp_path / "one", engine={"engine": "ray"}, **encoders)
    assert all(made.reused for made in again)


@pytest.mark.slow
def test_ray_goes_on_where_one_process_was_stopped(
    product_texts: Callable[..., list[str]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    encoded: list[list[str]],
) -> None:
    """And starts the Ray it needs by itself."""
    texts = product_texts(64)
    noting = LsaEncoder.encode_marked

    def interrupted(self: LsaEncoder, chunk: list[str]) -> Any:
        if len(encoded) == 3:
            raise KeyboardInterrupt
        return noting(self, chunk)

    with monkeypatch.context() as patch:
        patch.setattr(LsaEncoder, "encode_marked", interrupted)
        with pytest.raises(KeyboardInterrupt):
            embed(texts, tmp_path, lsa=LSA)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with caplog.at_level(logging.INFO, logger="product_length.embeddings"):
        (made,) = embed(texts, tmp_path, engine={"engine": "ray"}, lsa=LSA)
    assert "lsa: 1 chunks for 1 Ray workers" in caplog.text
    assert "computed (16 texts encoded)" in caplog.text
    np.testing.assert_array_equal(made.vectors, made.encoder.encode(texts))


@pytest.mark.slow
@pytest.mark.usefixtures("_local_ray")
def test_a_worker_that_ray_lost_is_started_again(
    product_texts: Callable[..., list[str]], tmp_path: Path
) -> None:
    texts = product_texts(64)
    lsa = LsaEncoder.fit("lsa", LsaOptions(**LSA), texts, training_texts="x")
    chunks = [texts[start : start + 2] for start in range(0, 64, 2)]
    running = encode_on_ray(lsa, chunks, workers=1, address=None)
    found = [next(running)[0]]
    killed = [kill(pid) for pid in descendants(os.getpid()) if "ray::MapWorker" in words(pid)]
    assert len(killed) == 1
    found += [vectors for vectors, _ in running]
    np.testing.assert_array_equal(np.concatenate(found), lsa.encode(texts))


def test_a_cluster_that_is_not_there(
    product_texts: Callable[..., list[str]], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"^embeddings\.ray_address=127\.0\.0\.1:1: no Ray cluster"):
        embed(
            product_texts(9),
            tmp_path,
            engine={"engine": "ray", "ray_address": "127.0.0.1:1"},
            lsa=LSA,
        )


@pytest.mark.slow
@pytest.mark.usefixtures("_local_ray")
def test_a_fault_on_the_cluster_is_reported_in_words(
    tiny_copy: Path, product_texts: Callable[..., list[str]], tmp_path: Path
) -> None:
    texts = product_texts(40)
    tiny = {"kind": "sentence_transformer", "model": str(tiny_copy), "device": "cpu"}
    options = EmbeddingOptions(encoders={"tiny": tiny}, chunk_rows=8, engine="ray")

    def give(rows: NDArray[np.int64]) -> list[str]:
        shutil.rmtree(tiny_copy, ignore_errors=True)
        return [texts[row] for row in rows]

    with pytest.raises(UserError, match=r"^embeddings\.encoders\.tiny\.model=.* no such folder"):
        embed_catalogue(
            give, keys_of(texts), np.arange(40), options, ArtefactStore(tmp_path / "c"), RECIPE
        )


def descendants(pid: int) -> list[int]:
    """Of a process of this machine, all; Linux lists them."""
    children = [
        int(child)
        for task in Path(f"/proc/{pid}/task").glob("*/children")
        for child in task.read_text().split()
    ]
    return [*children, *(each for child in children for each in descendants(child))]


def words(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def kill(pid: int) -> int:
    os.kill(pid, signal.SIGKILL)
    return pid
