"""How much memory this machine, or the container on it, lets a process use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def memory_limit(root: Path = Path("/")) -> int | None:
    """Bytes that there are in all: the machine's, or its container's limit; None if unknown.

    Not what is free just now: processes of one run, and the run that continues it, must agree.
    """
    found = list(_control_groups(root))
    with suppress(AttributeError, ValueError, OSError):  # not a Unix
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(found, default=None)


def _control_groups(root: Path) -> Iterator[int]:
    """Limits on the path of this process's control group, of version 1 or 2."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            base, name = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            base, name = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        group = base / path.lstrip("/")
        for folder in (group, *group.parents):
            limit = _read(folder / name).strip()
            if limit.isdecimal():  # not "max"
                yield int(limit)
            if folder == base:
                break


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
