"""A catalogue's arrays after damage, an interruption, a kill; and wanted by two processes."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from embedding_runs import LSA, embed

from product_length.embeddings.lsa import LsaEncoder


def test_a_damaged_chunk_alone_is_made_again(
    product_texts: Callable[..., list[str]],
    tmp_path: Path,
    encoded: list[list[str]],
) -> None:
    texts = product_texts(64)
    (made,) = embed(texts, tmp_path, lsa=LSA)
    sound = np.array(made.vectors)
    (file,) = tmp_path.glob("embeddings/*/array.npy")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1  # in the last of four chunks
    file.write_bytes(content)
    encoded.clear()
    (again,) = embed(texts, tmp_path, lsa=LSA)
    assert not again.reused
    assert [sorted(call) for call in encoded] == [sorted(texts[48:])]
    np.testing.assert_array_equal(again.vectors, sound)


def test_an_interrupted_run_is_taken_up(
    product_texts: Callable[..., list[str]],
    tmp_path: Path,
    encoded: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    distinct = product_texts(60)
    texts = [*distinct[:48], distinct[0], distinct[47], *distinct[48:], distinct[1], distinct[2]]
    noting = LsaEncoder.encode_marked

    def interrupted(self: LsaEncoder, chunk: Sequence[str]) -> Any:
        if len(encoded) == 3:  # three chunks of 16 are finished
            raise KeyboardInterrupt
        return noting(self, chunk)

    with monkeypatch.context() as patch:
        patch.setattr(LsaEncoder, "encode_marked", interrupted)
        with pytest.raises(KeyboardInterrupt):
            embed(texts, tmp_path, lsa=LSA)
    assert sorted(itertools.chain(*encoded)) == sorted(distinct[:48])
    encoded.clear()
    (made,) = embed(texts, tmp_path, lsa=LSA)
    # Anew only: the rest, and the four texts of finished chunks that come again.
    repeats = [distinct[i] for i in (0, 47, 1, 2)]
    assert sorted(itertools.chain(*encoded)) == sorted([*distinct[48:], *repeats])
    np.testing.assert_array_equal(made.vectors, made.encoder.encode(texts))


# A process that embeds 64 rows in 8 chunks, notes each text it encodes, and may die in the sixth.
PROCESS = """
import os, signal, sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
import embedding_runs
from product_length.embeddings.lsa import LsaEncoder

root, die_after = Path(sys.argv[1]), int(sys.argv[2])
encode, calls = LsaEncoder.encode_marked, 0

def noting(self, texts):
    global calls
    if calls == die_after:
        os.kill(os.getpid(), signal.SIGKILL)
    calls += 1
    time.sleep(0.1)
    with (root / f"encoded.{{os.getpid()}}").open("a") as file:
        file.writelines(text + "\\n" for text in texts)
    return encode(self, texts)

LsaEncoder.encode_marked = noting
texts = (root / "texts").read_text().splitlines()
embedding_runs.embed(texts, root, chunk_rows=8, lsa=embedding_runs.LSA)
"""


@pytest.mark.slow
def test_a_killed_process_is_taken_up_by_one_of_two(
    product_texts: Callable[..., list[str]], tmp_path: Path
) -> None:
    script = PROCESS.format(tests=str(Path(__file__).parent))

    def start(die_after: int = -1) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", script, str(tmp_path), str(die_after)]
        return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})

    def noted(process: subprocess.Popen[bytes]) -> list[str]:
        file = tmp_path / f"encoded.{process.pid}"
        return file.read_text().splitlines() if file.exists() else []

    texts = product_texts(64)
    (tmp_path / "texts").write_text("\n".join(texts))
    killed = start(die_after=5)
    assert killed.wait(120) == -signal.SIGKILL
    assert sorted(noted(killed)) == sorted(texts[:40])
    assert not list(tmp_path.glob("embeddings/*/manifest.json"))
    both = [start(), start()]
    assert [process.wait(120) for process in both] == [0, 0]
    idle, worker = sorted((noted(process) for process in both), key=len)
    assert idle == []
    assert sorted(worker) == sorted(texts[40:])
    (made,) = embed(texts, tmp_path, chunk_rows=8, lsa=LSA)
    assert made.reused
    np.testing.assert_array_equal(made.vectors, made.encoder.encode(texts))
