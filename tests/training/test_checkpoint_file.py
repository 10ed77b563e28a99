"""A checkpoint is read as it was written, or refused in one line."""

import random
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fitting_problem import Problem

from product_length.errors import UserError
from product_length.training import seal
from product_length.training.checkpoint_file import load_weights, read_checkpoint, write_checkpoint


@pytest.fixture
def best(problem: Problem, tmp_path: Path) -> Path:
    return problem.fit(tmp_path / "run", max_epochs=1).best_checkpoint


def refusal(path: Path) -> str:
    """What is said of a file that must not be read: one line that names it."""
    with pytest.raises(UserError) as raised:
        read_checkpoint(path)
    said = str(raised.value)
    assert said.startswith(f"{path}: ")
    assert len(said.splitlines()) == 1
    return said


def test_torch_and_zip_still_read_it(best: Path) -> None:
    assert torch.load(best, weights_only=True).keys() == read_checkpoint(best).keys()
    with zipfile.ZipFile(best) as archive:
        assert archive.testzip() is None
        assert re.fullmatch(rb"product_length 5 xxh3_128 [0-9a-f]{32}", archive.comment)


def test_any_flipped_bit_is_refused(best: Path, tmp_path: Path) -> None:
    whole, path = best.read_bytes(), tmp_path / "flipped.ckpt"
    draw = random.Random(5)
    everywhere = [draw.randrange(8 * len(whole)) for _ in range(400)]
    at_the_end = range(8 * (len(whole) - 70), 8 * len(whole))  # the checksum, and what it is in
    for bit in [*everywhere, *at_the_end]:
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        refusal(path)


def test_a_file_of_another_size_is_refused(best: Path, tmp_path: Path) -> None:
    whole, path = best.read_bytes(), tmp_path / "other.ckpt"
    draw = random.Random(6)
    for size in [1, 60, 100, *(draw.randrange(len(whole)) for _ in range(50)), len(whole) - 1]:
        path.write_bytes(whole[:size])
        assert "cut short" in refusal(path)
    for more in [b"\n", b"\0" * 512, whole]:
        path.write_bytes(more + whole)
        refusal(path)
        if more is not whole:
            path.write_bytes(whole + more)
            refusal(path)
    path.write_bytes(b"")
    assert "the file is empty" in refusal(path)
    path.unlink()
    assert "there is no such checkpoint" in refusal(path)


def _text(path: Path) -> None:
    path.write_text("PRODUCT_ID,TITLE\n1,hose\n", encoding="utf-8")


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train.csv", "PRODUCT_ID,TITLE\n")


def _of_torch(path: Path) -> None:
    torch.save({"product_length": {}, "state_dict": {}}, path)


@pytest.mark.parametrize("make", [_text, _archive, _of_torch])
def test_files_of_others_are_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "other.ckpt")
    assert "another program or an older version wrote it" in refusal(tmp_path / "other.ckpt")


def test_edited_and_saved_by_torch_is_refused(best: Path, tmp_path: Path) -> None:
    content = torch.load(best, weights_only=True)
    content["state_dict"]["network.head.bias"] += 1
    torch.save(content, best)
    assert "edited" in refusal(best)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([1, 2], "not a checkpoint"),
        ({"state_dict": {}}, "no product_length in it"),
        ({"product_length": {}, "state_dict": None}, "no state_dict in it"),
    ],
)
def test_a_sound_file_of_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any, said: str
) -> None:
    write = torch.save
    monkeypatch.setattr(torch, "save", lambda _, path: write(content, path))
    write_checkpoint({}, tmp_path / "x.ckpt")
    assert said in refusal(tmp_path / "x.ckpt")


def test_another_format_is_refused(
    best: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = read_checkpoint(best)
    monkeypatch.setattr(seal, "FORMAT", 6)
    write_checkpoint(checkpoint, tmp_path / "newer.ckpt")
    monkeypatch.undo()
    said = "written in format 6, this version reads 5; use the version that wrote it"
    assert said in refusal(tmp_path / "newer.ckpt")


def test_weights_of_another_network_are_refused(
    problem: Problem, best: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"holds the weights of another network: .*size mismatch"):
        load_weights(problem.network(hidden=32), best)
    checkpoint = read_checkpoint(best)
    for name, weight in checkpoint["state_dict"].items():
        edited = {**checkpoint["state_dict"], name: weight.to(torch.int16)}
        write_checkpoint({**checkpoint, "state_dict": edited}, tmp_path / "edited.ckpt")
        with pytest.raises(UserError, match=r"is torch\.int16, should be"):
            load_weights(problem.network(), tmp_path / "edited.ckpt")


def test_a_checkpoint_brings_no_code(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    write_checkpoint({"product_length": Payload()}, tmp_path / "evil.ckpt")
    assert "not a checkpoint that product_length wrote" in refusal(tmp_path / "evil.ckpt")
    assert not (tmp_path / "ran").exists()
