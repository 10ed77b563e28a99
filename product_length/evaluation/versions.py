"""Which software made a run."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path

from product_length.evaluation.records import Versions
from product_length.version import __version__

_SECONDS = 10


def software_versions() -> Versions:
    """Versions of Python, the libraries that decide a run, and this package with its commit."""
    commit, modified = git_state(Path(__file__).resolve())
    return Versions(
        product_length=__version__,
        python=platform.python_version(),
        torch=_version("torch"),
        lightning=_version("lightning"),
        commit=commit,
        modified=modified,
    )


def git_state(file: Path) -> tuple[str | None, bool | None]:
    """Commit of the checkout that tracks `file`, and whether tracked files differ from it.

    (None, None) when no repository tracks it: a package installed inside somebody's project lies
    in a repository that says nothing about it.
    """

    def git(*arguments: str) -> str:
        answer = subprocess.run(
            ["git", "-C", str(file.parent), *arguments],
            capture_output=True,
            check=True,
            text=True,
            timeout=_SECONDS,
        )
        return answer.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "--", file.name)
        commit = git("rev-parse", "HEAD")
        changes = git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None, None
    return commit, bool(changes)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
