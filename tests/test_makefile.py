"""What `make clean` and `make clean-runs` remove, in a copy of the tree's outline."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[1] / "Makefile"
AGAIN = [".cache/embeddings/a/array.npy", ".mypy_cache/x", ".pytest_cache/x", ".ruff_cache/x"]
AGAIN += [".hypothesis/x", "build/x", "dist/x", "product_length.egg-info/x"]
AGAIN += ["product_length/__pycache__/a.pyc", "tests/features/__pycache__/b.pyc"]
RUNS = ["outputs/2026-01-01/10-00/.hydra/config.yaml", "outputs/2026-01-01/10-00/best.ckpt"]
RUNS += ["multirun/named/0/.hydra/config.yaml", "multirun/named/1/.hydra/config.yaml"]
RUNS += ["multirun/named/0/__pycache__/kept.pyc", "multirun/named/comparison.html"]
KEPT = ["Makefile", "product_length/a.py", "outputs/.gitkeep", "multirun/.gitkeep"]
KEPT += [".venv/bin/python", ".venv/lib/__pycache__/c.pyc"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (*AGAIN, *RUNS, *KEPT):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("something")
    (tmp_path / "Makefile").write_bytes(MAKEFILE.read_bytes())
    return tmp_path


def files(tree: Path) -> list[str]:
    return sorted(
        path.relative_to(tree).as_posix() for path in tree.rglob("*") if not path.is_dir()
    )


def make(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *words],
        cwd=tree,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def answer(tree: Path, word: str) -> str:
    """`make clean-runs` on a terminal, and what it says to this answer."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["make", "--no-print-directory", "clean-runs"],
        cwd=tree,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        os.write(ours, f"{word}\n".encode())
        said = process.communicate(timeout=60)[0]
    os.close(ours)
    os.close(theirs)
    return said


def test_clean_leaves_the_runs(tree: Path) -> None:
    assert make(tree, "clean").returncode == 0
    assert files(tree) == sorted(RUNS + KEPT)
    assert make(tree, "clean").returncode == 0  # there is nothing to remove


def test_runs_are_removed_when_asked_and_confirmed(tree: Path) -> None:
    said = answer(tree, "n")
    assert "3 runs with their trained models, " in said
    assert "nothing is removed" in said
    assert files(tree) == sorted(AGAIN + RUNS + KEPT)
    assert "removed" in answer(tree, "y")
    assert files(tree) == sorted(AGAIN + KEPT)
    done = make(tree, "clean-runs")
    assert (done.returncode, done.stdout) == (0, "there are no runs\n")


def test_without_a_terminal_runs_are_removed_only_with_yes(tree: Path) -> None:
    done = make(tree, "clean-runs")
    assert done.returncode != 0
    assert "add YES=1" in done.stderr
    assert files(tree) == sorted(AGAIN + RUNS + KEPT)
    assert make(tree, "clean-runs", "YES=1").returncode == 0
    assert files(tree) == sorted(AGAIN + KEPT)


def test_a_tree_without_folders_of_runs_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_bytes(MAKEFILE.read_bytes())
    (tmp_path / "mine.txt").write_text("mine")
    assert make(tmp_path, "clean-runs", "YES=1").stdout == "there are no runs\n"
    assert make(tmp_path, "clean").returncode == 0
    assert files(tmp_path) == ["Makefile", "mine.txt"]


def test_runs_on_another_disk_are_found_through_the_link(tree: Path) -> None:
    (tree / "outputs").rename(tree / "elsewhere")
    (tree / "outputs").symlink_to("elsewhere")
    assert make(tree, "clean-runs", "YES=1").stdout.startswith("3 runs")
    assert [name for name in files(tree) if name.startswith("elsewhere")] == ["elsewhere/.gitkeep"]
