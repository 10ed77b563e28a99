"""The store of expensive results: atomic, checksummed, resumable, shared."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from product_length.artefacts import ArtefactStore, address
from product_length.errors import UserError


def counting_chunks(calls):
    def make(start, stop):
        calls.append((start, stop))
        return np.arange(start, stop, dtype="float16")[:, None] * np.ones(3, "float16"), {"n": 1}

    return make


def make_array(store, calls, rows=10, made_from=None):
    return store.array(
        "embedding",
        made_from or {"who": "test"},
        shape=(rows, 3),
        dtype="float16",
        chunk_rows=4,
        make_chunk=counting_chunks(calls),
    )


def test_array_is_made_once_and_read_back(tmp_path):
    calls = []
    made = make_array(ArtefactStore(tmp_path), calls)
    again = make_array(ArtefactStore(tmp_path), calls)
    assert calls == [(0, 4), (4, 8), (8, 10)]
    assert (made.reused, again.reused) == (False, True)
    assert made.facts == again.facts == {"n": 3}
    np.testing.assert_array_equal(again.load_array()[:, 2], np.arange(10))
    with pytest.raises(ValueError, match="read-only"):
        again.load_array()[0] = 1


def test_another_description_is_another_artefact(tmp_path):
    calls = []
    make_array(ArtefactStore(tmp_path), calls)
    make_array(ArtefactStore(tmp_path), calls, made_from={"who": "else"})
    assert len(calls) == 6
    assert address({"a": 1, "b": [2]}) == address({"b": [2], "a": 1}) != address({"a": 1, "b": [3]})


def test_a_failure_midway_keeps_the_finished_chunks(tmp_path):
    calls = []

    def fails(start, stop):
        if start == 4:
            raise RuntimeError("planted")
        return counting_chunks(calls)(start, stop)

    store = ArtefactStore(tmp_path)
    with pytest.raises(RuntimeError, match="planted"):
        store.array(
            "embedding",
            {"who": "test"},
            shape=(10, 3),
            dtype="float16",
            chunk_rows=4,
            make_chunk=fails,
        )
    assert calls == [(0, 4)]
    artefact = make_array(store, calls)
    assert calls == [(0, 4), (4, 8), (8, 10)]
    assert artefact.facts == {"n": 3}


def test_a_stream_gets_what_is_missing_and_closed(tmp_path):
    asked, closed = [], []

    def stream(spans, fail_at=None):
        asked.append(list(spans))
        try:
            for start, stop in spans:
                if start == fail_at:
                    raise RuntimeError("planted")
                yield counting_chunks([])(start, stop)
        finally:
            closed.append(True)

    def make(make_chunks):
        return ArtefactStore(tmp_path).streamed_array(
            "embedding",
            {"who": "test"},
            shape=(10, 3),
            dtype="float16",
            chunk_rows=4,
            make_chunks=make_chunks,
        )

    def wrong(spans):
        try:
            yield np.zeros((99, 3)), {}
        finally:
            closed.append(True)

    with pytest.raises(RuntimeError, match="planted"):
        make(lambda spans: stream(spans, fail_at=4))
    with pytest.raises(ValueError, match="has shape"):
        make(wrong)
    with pytest.raises(ValueError, match="shorter"):
        make(lambda spans: stream(spans[:1]))
    made = make(stream)
    assert asked == [[(0, 4), (4, 8), (8, 10)], [(4, 8)], [(8, 10)]]
    assert len(closed) == 4
    np.testing.assert_array_equal(made.load_array()[:, 1], np.arange(10))


def test_only_a_damaged_chunk_is_made_again(tmp_path, caplog):
    calls = []
    made = make_array(ArtefactStore(tmp_path), calls)
    damaged = np.lib.format.open_memmap(made.path / "array.npy", mode="r+")
    damaged[5, 1] = 77
    damaged.flush()
    calls.clear()
    again = make_array(ArtefactStore(tmp_path), calls)
    assert calls == [(4, 8)]
    assert not again.reused
    assert "does not match its manifest" in caplog.text
    np.testing.assert_array_equal(again.load_array()[:, 1], np.arange(10))


@pytest.mark.parametrize("harm", ["truncate", "manifest", "foreign"])
def test_a_folder_that_disagrees_with_its_manifest_is_made_again(tmp_path, harm):
    calls = []

    def make(folder):
        calls.append(folder)
        (folder / "a.txt").write_text("content")
        return {"size": 7}

    store = ArtefactStore(tmp_path)
    made = store.folder("catalogue", {"x": 1}, make)
    manifest = made.path / "manifest.json"
    if harm == "truncate":
        (made.path / "a.txt").write_text("con")
    elif harm == "manifest":
        manifest.write_text(manifest.read_text()[:-9])
    else:
        content = json.loads(manifest.read_text())
        manifest.write_text(json.dumps({**content, "made_from": {"x": 2}}))
    again = store.folder("catalogue", {"x": 1}, make)
    assert len(calls) == 2
    assert not again.reused
    assert (again.path / "a.txt").read_text() == "content"
    assert store.folder("catalogue", {"x": 1}, make).reused


def test_a_failed_folder_leaves_nothing_that_looks_finished(tmp_path):
    def fails(folder):
        (folder / "half.txt").write_text("half")
        raise RuntimeError("planted")

    store = ArtefactStore(tmp_path)
    with pytest.raises(RuntimeError, match="planted"):
        store.folder("catalogue", {"x": 1}, fails)
    made = store.folder("catalogue", {"x": 1}, lambda folder: (folder / "whole").touch())
    assert sorted(path.name for path in made.path.iterdir()) == ["manifest.json", "whole"]


def test_wrong_chunk_shape_raises(tmp_path):
    with pytest.raises(ValueError, match="chunk 0:4"):
        ArtefactStore(tmp_path).array(
            "embedding",
            {},
            shape=(10, 3),
            dtype="float16",
            chunk_rows=4,
            make_chunk=lambda start, stop: (np.zeros((stop - start, 1), "float16"), {}),
        )


def test_an_unwritable_cache_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match=r"cache .*file: cannot be written .* cache_dir="):
        make_array(ArtefactStore(tmp_path / "file"), [])


def test_a_full_disk_is_one_clear_line(tmp_path):
    def full(start, stop):
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="No space left on device"):
        ArtefactStore(tmp_path).array(
            "embedding", {}, shape=(4, 1), dtype="float16", chunk_rows=4, make_chunk=full
        )


SLOW_MAKER = """
import sys, time
from pathlib import Path
import numpy as np
from product_length.artefacts import ArtefactStore

def make(start, stop):
    with open(sys.argv[2], "a") as log:
        log.write(f"{start}\\n")
    time.sleep(float(sys.argv[3]))
    return np.full((stop - start, 2), start, "float32"), {}

ArtefactStore(Path(sys.argv[1])).array(
    "slow", {}, shape=(40, 2), dtype="float32", chunk_rows=4, make_chunk=make)
"""


def start_maker(tmp_path, seconds):
    return subprocess.Popen(
        [sys.executable, "-c", SLOW_MAKER, str(tmp_path / "cache"), str(tmp_path / "log"), seconds]
    )


def test_sigkill_loses_at_most_one_chunk(tmp_path):
    process = start_maker(tmp_path, "0.2")
    log = tmp_path / "log"
    while not log.exists() or len(log.read_text().split()) < 4:
        time.sleep(0.02)
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = log.read_text().split()
    assert start_maker(tmp_path, "0").wait() == 0
    starts = log.read_text().split()
    assert sorted(set(starts), key=int) == [str(start) for start in range(0, 40, 4)]
    repeated = [start for start in set(starts) if starts.count(start) > 1]
    assert repeated in ([], [before[-1]])


def test_two_processes_compute_once(tmp_path):
    first, second = start_maker(tmp_path, "0.05"), start_maker(tmp_path, "0.05")
    assert (first.wait(), second.wait()) == (0, 0)
    assert len((tmp_path / "log").read_text().split()) == 10
    [array] = Path(tmp_path / "cache" / "slow").glob("*/array.npy")
    np.testing.assert_array_equal(np.load(array)[:, 0], np.arange(40) // 4 * 4)
