"""Full disks and lack of memory, as libraries report them."""

import errno
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
import pytest
import torch

from product_length.errors import UserError
from product_length.shortage import in_words, memory_ran_out
from product_length.writing import write_whole

TOO_MUCH = 1 << 46


def from_torch() -> object:
    return torch.empty(TOO_MUCH)


def from_numpy() -> object:
    return np.empty(TOO_MUCH)


def from_arrow() -> object:
    return pa.allocate_buffer(1 << 62)


def from_faiss() -> object:
    return faiss.Float32Vector().resize(TOO_MUCH)


@pytest.mark.parametrize("allocate", [from_torch, from_numpy, from_arrow, from_faiss])
def test_memory_that_ran_out_is_called_that(allocate: Callable[[], object], tmp_path: Path) -> None:
    with pytest.raises((MemoryError, RuntimeError)) as caught:
        allocate()
    said = in_words(caught.value, tmp_path)
    assert isinstance(said, UserError)
    assert str(said).startswith("memory ran out (")
    assert "\n" not in str(said)
    assert "trainer.memory=blocks" in str(said)


def test_other_errors_stay_as_they_are(tmp_path: Path) -> None:
    for error in (RuntimeError("shape mismatch"), OSError(errno.ENOENT, "no"), ValueError("28")):
        assert in_words(error, tmp_path) is error
        assert not memory_ran_out(error)


def test_lack_of_memory_is_not_called_a_full_disk(tmp_path: Path) -> None:
    def fail(_: Path) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    with pytest.raises(UserError, match=r"^memory ran out \(.*Cannot allocate memory"):
        write_whole(tmp_path / "a.txt", fail)


def test_a_full_disk_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.txt: cannot be written \(No space.*\); free some"):
        write_whole(tmp_path / "a.txt", lambda _: Path("/dev/full").write_text("text"))
