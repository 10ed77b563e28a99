"""Full and read-only disks, for real: a limit of the process, and file systems of their own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from product_length.artefacts import ArtefactStore, save_array
from product_length.errors import UserError

FULL = r"^cache .*: cannot be written \((No space left on device|File too large)\)"
FULL += r"; free some space, or choose another folder with cache_dir=…$"


def open_array(root: Path, rows: int = 8, made_from: str = "test") -> np.ndarray:
    made = ArtefactStore(root).array(
        "vectors",
        {"who": made_from},
        shape=(rows, 1000),
        dtype="float32",
        chunk_rows=4,
        make_chunk=lambda start, stop: (np.full((stop - start, 1000), start), {"seen": 1}),
    )
    return made.load_array()


def open_folder(root: Path, size: int = 10, made_from: str = "test") -> str:
    def make(folder: Path) -> None:
        (folder / "a.txt").write_text("a" * size)

    return (
        ArtefactStore(root).folder("texts", {"who": made_from}, make).path / "a.txt"
    ).read_text()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def used(folder: Path) -> int:
    state = os.statvfs(folder)
    return (state.f_blocks - state.f_bfree) * state.f_bsize


def test_a_full_disk_is_one_clear_line_and_keeps_what_was_there(disk: Path) -> None:
    whole = np.array(open_array(disk / "cache"))
    before = used(disk)
    with pytest.raises(UserError, match=FULL):
        open_array(disk / "cache", rows=1000, made_from="large")
    with pytest.raises(UserError, match=FULL):
        open_folder(disk / "cache", size=3_000_000)
    assert used(disk) - before < 100_000  # half-made files would fill the disk
    filler = disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(3_000_000))
    np.testing.assert_array_equal(open_array(disk / "cache"), whole)  # nothing is written for it
    with pytest.raises(UserError, match=r"^cache .*No space left on device\)"):
        open_array(disk / "cache", made_from="new")
    filler.unlink()
    assert len(open_array(disk / "cache", rows=100, made_from="large")) == 100


def test_chunks_made_before_the_disk_was_full_are_kept(disk: Path) -> None:
    made = []

    def make(start: int, stop: int) -> tuple[np.ndarray, dict[str, int]]:
        if start == 8 and len(made) == 2:
            with pytest.raises(OSError, match="No space left"):
                (disk / "filler").write_bytes(bytes(3_000_000))
        made.append(start)
        # Nothing is left for the notes.
        return np.full((stop - start, 100), start), {f"{start} {i}" * 9: 1 for i in range(99)}

    def opened() -> np.ndarray:
        store = ArtefactStore(disk / "cache")
        return store.array(
            "vectors", {}, shape=(16, 100), dtype="float32", chunk_rows=4, make_chunk=make
        ).load_array()

    with pytest.raises(UserError, match=FULL):
        opened()
    (disk / "filler").unlink()
    np.testing.assert_array_equal(opened()[:, 0], np.arange(16) // 4 * 4)
    assert made == [0, 4, 8, 8, 12]


LIMITED = """
import resource, sys
from pathlib import Path
sys.path[:0] = [sys.argv[1]]
from test_disk import open_array, open_folder, saved
from product_length.errors import UserError

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
root = Path(sys.argv[2])
for make, size in ((open_array, 1000), (open_folder, 200_000), (saved, 100_000)):
    try:
        make(root, size)
    except UserError as error:
        print(error)
print(len(open_array(root)))
"""


def saved(root: Path, size: int) -> None:
    def make(folder: Path) -> None:
        save_array(folder / "numbers.npy", np.zeros(size))

    ArtefactStore(root).folder("numbers", {}, make)


def test_a_file_larger_than_allowed_is_one_clear_line(tmp_path: Path) -> None:
    """Needs no right to mount, so that one test of this kind runs everywhere."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(Path(__file__).parent), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    *lines, rows = done.stdout.splitlines()
    assert len(lines) == 3
    assert all(re.fullmatch(FULL, line) for line in lines), lines
    assert rows == "8"


def test_errors_of_what_it_is_made_from_are_not_the_caches(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path / "cache")
    for error in (
        FileNotFoundError(2, "No such file or directory", str(tmp_path / "model")),
        ConnectionResetError(104, "Connection reset by peer"),
        OSError(12, "Cannot allocate memory"),
        OSError(28, "No space left on device", "/elsewhere/file"),
    ):

        def fail(_: Path, error: OSError = error) -> None:
            raise error

        with pytest.raises(type(error), match=str(error.strerror)) as caught:
            store.folder("texts", {}, fail)
        assert caught.value is error


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A filled cache where nothing can be written."""
    folder = tmp_path / "cache"
    folder.mkdir()
    if os.geteuid() != 0:
        _fill(folder)
        places = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
        for path in places:
            path.chmod(0o555)
        yield folder
        for path in places:
            path.chmod(0o755)
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("root can write everywhere, and file systems cannot be mounted here")
    _fill(folder)
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(folder: Path) -> None:
    open_array(folder)
    open_folder(folder)
    damaged = open_array(folder, made_from="damaged")
    Path(damaged.filename).write_bytes(b"")
    for lock in folder.rglob("*.lock"):
        lock.unlink()


def test_a_read_only_cache_is_used(read_only: Path) -> None:
    np.testing.assert_array_equal(open_array(read_only)[:, 7], np.arange(8) // 4 * 4)
    assert open_folder(read_only) == "a" * 10
    reason = r"cannot be written \((Read-only file system|Permission denied)\)"
    advice = "choose another folder with cache_dir=…$"
    with pytest.raises(UserError, match=rf"{reason}; it lacks texts/[0-9a-f]+; {advice}"):
        open_folder(read_only, made_from="new")
    with pytest.raises(UserError, match=rf"{reason}; vectors/[0-9a-f]+ is damaged; {advice}"):
        open_array(read_only, made_from="damaged")


@pytest.mark.slow
def test_a_command_on_a_full_disk_ends_with_one_line(disk: Path, tmp_path: Path) -> None:
    words = ["data.rows=9000", f"cache_dir={disk / 'cache'}", f"hydra.run.dir={tmp_path / 'run'}"]
    done = subprocess.run(
        [sys.executable, "-m", "product_length.train", *words, "tracking=none"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert re.match(FULL.replace("^", "error: ").replace("$", "\n$"), done.stderr), done.stderr
    assert used(disk) < 500_000
