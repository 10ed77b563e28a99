"""Damaged artefacts: whatever has happened to a file, one run brings back what was there."""

import json
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from product_length.artefacts import Artefact, ArtefactStore

ROWS, CHUNK = 10, 4
MADE_FROM = {"who": "test", "options": {"deep": [1, 2.5, None]}}
Content = tuple[Mapping[str, Any], Any]


def rows_of(start: int, stop: int) -> tuple[Any, dict[str, int]]:
    rows = np.arange(start, stop, dtype="float16")[:, None] * np.ones(3, "float16")
    return rows, {"seen": stop - start, "odd": 1}


def open_array(
    root: Path, make: Callable[[int, int], tuple[Any, dict[str, int]]] = rows_of
) -> tuple[Artefact, Content]:
    made = ArtefactStore(root).array(
        "vectors",
        MADE_FROM,
        shape=(ROWS, 3),
        dtype="float16",
        chunk_rows=CHUNK,
        make_chunk=make,
    )
    array = made.load_array()
    assert (array.dtype, array.shape) == (np.dtype("float16"), (ROWS, 3))
    return made, (dict(made.facts), array.tolist())


def open_folder(root: Path) -> tuple[Artefact, Content]:
    def make(folder: Path) -> dict[str, Any]:
        assert not list(folder.iterdir())
        (folder / "a.txt").write_text("content")
        (folder / "within").mkdir()
        (folder / "within/b.bin").write_bytes(bytes(range(256)))
        return {"rows": 7, "dropped": {"no text": {"count": 1, "first_rows": [3]}}}

    made = ArtefactStore(root).folder("catalogue", MADE_FROM, make)
    read = (made.path / "a.txt").read_text(), (made.path / "within/b.bin").read_bytes()
    return made, (dict(made.facts), read)


def stop_halfway(root: Path) -> None:
    """Leave an array with two of three chunks, as a kill does."""

    def make(start: int, stop: int) -> tuple[Any, dict[str, int]]:
        if start == 2 * CHUNK:
            raise RuntimeError("planted")
        return rows_of(start, stop)

    with pytest.raises(RuntimeError, match="planted"):
        open_array(root, make)


@pytest.fixture(autouse=True)
def _no_wait_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


OPEN = {"array": open_array, "folder": open_folder, "half an array": open_array}
FILES = {
    "array": ["array.npy", "chunks.jsonl", "manifest.json"],
    "folder": ["a.txt", "within/b.bin", "manifest.json"],
    "half an array": ["array.npy", "chunks.jsonl"],
}


@pytest.fixture(scope="module")
def undamaged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Content]]:
    """A cache of each kind, and what is read from it."""
    found = {}
    for kind, opened in OPEN.items():
        root, whole = tmp_path_factory.mktemp("cache"), tmp_path_factory.mktemp("whole")
        if kind == "half an array":
            stop_halfway(root)
        else:
            opened(root)
        found[kind] = root, opened(whole)[1]
    return found


def folder_of(root: Path) -> Path:
    (folder,) = (path for path in root.glob("*/*") if path.is_dir())
    return folder


def replace(path: Path, content: bytes | None) -> None:
    path.unlink()
    if content is not None:
        path.write_bytes(content)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("something")


def as_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


RANDOM = random.Random(7)
HARM: dict[str, Callable[[Path], None]] = {
    "empty": lambda path: replace(path, b""),
    "cut": lambda path: replace(path, path.read_bytes()[: path.stat().st_size // 2]),
    "cut by one": lambda path: replace(path, path.read_bytes()[:-1]),
    "longer": lambda path: replace(path, path.read_bytes() + b"\0\n7"),
    "random": lambda path: replace(path, RANDOM.randbytes(path.stat().st_size)),
    "zeros": lambda path: replace(path, bytes(path.stat().st_size)),
    "deleted": lambda path: replace(path, None),
    "folder": as_folder,
    "link": as_link,
    "number": lambda path: replace(path, b"5\n"),
    "list": lambda path: replace(path, b"[[1], {}]\n"),
    "string": lambda path: replace(path, b'"text"\n'),
    "null": lambda path: replace(path, b"null\n"),
    "no keys": lambda path: replace(path, b"{}\n"),
    "not a number": lambda path: replace(path, b'{"start": NaN, "made_from": Infinity}\n'),
    "deep": lambda path: replace(path, b"[" * 100_000),
    "array": lambda path: replace(path, b'{"start": [0], "stop": {}, "digest": [], "counts": 3}'),
}


# A kill may have come before the first note, or between two.
LOOKS_KILLED = [("half an array", harm, "chunks.jsonl") for harm in ("empty", "cut")]


def check_recovers(kind: str, root: Path, wanted: Content) -> None:
    """One run gives the undamaged content, the next one finds it."""
    assert OPEN[kind](root)[1] == wanted
    again, content = OPEN[kind](root)
    assert again.reused
    assert content == wanted


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in FILES.items() for name in names]
)
def test_a_damaged_file_is_made_anew_and_said(
    undamaged: dict[str, tuple[Path, Content]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    name: str,
    harm: str,
) -> None:
    root, wanted = undamaged[kind]
    shutil.copytree(root, tmp_path / "cache")
    path = folder_of(tmp_path / "cache") / name
    HARM[harm](path)
    check_recovers(kind, tmp_path / "cache", wanted)
    if (kind, name) == ("array", "chunks.jsonl"):  # not needed while the array is sound
        assert not caplog.records
    elif (kind, harm, name) not in LOOKS_KILLED:
        assert caplog.records
    assert all("\n" not in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in FILES.items() for name in names]
)
def test_no_flipped_bit_is_believed(
    undamaged: dict[str, tuple[Path, Content]], tmp_path: Path, kind: str, name: str
) -> None:
    root, wanted = undamaged[kind]
    bit = random.Random(kind + name)
    size = (folder_of(root) / name).stat().st_size
    for place in range(0, size, 3):
        copy = tmp_path / str(place)
        shutil.copytree(root, copy)
        path = folder_of(copy) / name
        content = bytearray(path.read_bytes())
        content[place] ^= 1 << bit.randrange(8)
        path.write_bytes(content)
        assert OPEN[kind](copy)[1] == wanted, (place, bytes(content))
        shutil.rmtree(copy)


def changed_values(value: Any) -> Iterator[Any]:
    """The value with each part of it replaced by others, or left out."""
    yield from (-4, 2.5, "text", None, True, [1], {})
    if isinstance(value, dict):
        for key, part in value.items():
            yield {name: other for name, other in value.items() if name != key}
            yield from ({**value, key: other} for other in changed_values(part))
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield value[:i] + value[i + 1 :]
            yield from ([*value[:i], other, *value[i + 1 :]] for other in changed_values(part))


@pytest.mark.parametrize("kind", ["array", "folder", "half an array"])
def test_wrong_values_are_never_believed(
    undamaged: dict[str, tuple[Path, Content]], tmp_path: Path, kind: str
) -> None:
    root, wanted = undamaged[kind]
    name = FILES[kind][-1]
    first, *others = (folder_of(root) / name).read_text().splitlines()
    for number, value in enumerate(changed_values(json.loads(first))):
        if value == json.loads(first):
            continue
        copy = tmp_path / str(number)
        shutil.copytree(root, copy)
        (folder_of(copy) / name).write_text("\n".join([json.dumps(value), *others, ""]))
        assert OPEN[kind](copy)[1] == wanted, value
        shutil.rmtree(copy)


@pytest.mark.parametrize("harm", HARM)
def test_both_files_of_half_an_array_may_be_damaged(
    undamaged: dict[str, tuple[Path, Content]], tmp_path: Path, harm: str
) -> None:
    for other in HARM:
        root, wanted = undamaged["half an array"]
        copy = tmp_path / other
        shutil.copytree(root, copy)
        HARM[harm](folder_of(copy) / "array.npy")
        HARM[other](folder_of(copy) / "chunks.jsonl")
        check_recovers("half an array", copy, wanted)


@pytest.mark.parametrize("kind", OPEN)
@pytest.mark.parametrize("suffix", ["", ".partial", ".lock"])
@pytest.mark.parametrize("stands", ["file", "folder", "link"])
def test_whatever_stands_in_the_way_is_removed(
    undamaged: dict[str, tuple[Path, Content]],
    tmp_path: Path,
    kind: str,
    suffix: str,
    stands: str,
) -> None:
    root, wanted = undamaged[kind]
    shutil.copytree(root, tmp_path / "cache")
    path = folder_of(tmp_path / "cache").with_suffix(suffix)
    shutil.rmtree(folder_of(tmp_path / "cache"))
    path.unlink(missing_ok=True)
    if stands == "file":
        path.write_text("something")
    elif stands == "link":
        path.symlink_to("nowhere")
    else:
        path.mkdir()
        (path / "inside").write_text("something")
    check_recovers(kind, tmp_path / "cache", wanted)


@pytest.mark.parametrize("kind", ["array", "folder"])
def test_a_stranger_in_the_folder_does_no_harm(
    undamaged: dict[str, tuple[Path, Content]], tmp_path: Path, kind: str
) -> None:
    root, wanted = undamaged[kind]
    shutil.copytree(root, tmp_path / "cache")
    folder = folder_of(tmp_path / "cache")
    (folder / ".DS_Store").write_text("something")
    (folder / "more").mkdir()
    made, content = OPEN[kind](tmp_path / "cache")
    assert made.reused
    assert content == wanted


def test_of_half_an_array_only_damaged_chunks_are_made_again(
    undamaged: dict[str, tuple[Path, Content]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    root, wanted = undamaged["half an array"]
    shutil.copytree(root, tmp_path / "cache")
    path = folder_of(tmp_path / "cache") / "array.npy"
    content = bytearray(path.read_bytes())
    content[10] ^= 1  # in the header, which is known
    content[-1 - 3 * 2 * 3] ^= 1  # in the second chunk
    path.write_bytes(content)
    made = []

    def make(start: int, stop: int) -> tuple[Any, dict[str, int]]:
        made.append(start)
        return rows_of(start, stop)

    assert open_array(tmp_path / "cache", make)[1] == wanted
    assert made == [4, 8]
    assert "1 chunks are sound, the others are made again" in caplog.text
