"""A wheel of what git has of this package, built from a copy."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_BUILD = (
    "import os, sys; os.chdir(sys.argv[1])\n"
    "from setuptools import build_meta; build_meta.build_wheel(sys.argv[2])"
)


def package_files():
    """The names of the package's files in git; skips the test where there is no git checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "product_length"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split("\0")
    if listed == [""]:
        pytest.skip("not a git checkout")
    return [name for name in listed if name]


def built_wheel(folder):
    """Build the wheel in `folder`, which is empty; its path."""
    source = folder / "source"
    for name in [*package_files(), "pyproject.toml", "README.md", "LICENSE"]:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    built = subprocess.run(
        [sys.executable, "-c", _BUILD, str(source), str(folder)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel
