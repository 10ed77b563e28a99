"""Gives memory back to the kernel: of mapped files while they stay open, and what was freed.

What is read through a mapping counts as a process's own memory until the kernel needs the room.
Given back, it is read from the file again, mostly from the kernel's own copy.
"""

from __future__ import annotations

import ctypes
import re
import sys
from functools import cache
from mmap import PAGESIZE
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 1 << 26
"""So much of one array is read before it is given back. Smaller arrays are left alone."""
_DONT_NEED = 4  # of madvise(2) on Linux, where anonymous memory would become zeros
_MAPPINGS = Path("/proc/self/smaps")
# Of each: the first and last address, permissions, offset, device, inode, name; then its sizes.
_HEAD = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ (\d+)", re.MULTILINE)
_CHANGED = re.compile(r"^Anonymous: +(\d+) kB$", re.MULTILINE)


class MappedMemory:
    """The memory of an array in a mapped file, on Linux; with any other array nothing happens.

    Nor with an array that something was written to. Nothing may be written to it afterwards.
    """

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array  # so that it stays where it is
        self._pages = _pages_of(array)
        self._read = 0

    def __bool__(self) -> bool:
        """Whether there is anything to give back."""
        return bool(self._pages)

    def read(self, size: int) -> None:
        """Count so many bytes as read; once they are many, all is given back."""
        self._read += size
        if self._read >= MOST_BYTES:
            self.give_back()

    def give_back(self) -> None:
        """Give back what was read, even while another thread reads it: it is then read again."""
        self._read = 0
        if self._pages:
            start, size = self._pages.start, len(self._pages)
            _c_library().madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), _DONT_NEED)


def _pages_of(array: NDArray[Any]) -> range:
    """The addresses of all pages from the first to the last byte of `array`.

    Empty unless a file is mapped there and nothing was written to it.
    """
    none = range(0)
    first = array.__array_interface__["data"][0]
    last = first + sum(
        (size - 1) * step for size, step in zip(array.shape, array.strides, strict=True)
    )
    if not sys.platform.startswith("linux") or last - first < MOST_BYTES:
        return none
    start, stop = -(-first // PAGESIZE) * PAGESIZE, last // PAGESIZE * PAGESIZE
    try:
        mappings = _MAPPINGS.read_text(encoding="utf-8", errors="replace")
    except OSError:  # some containers hide it
        return none
    for found in _HEAD.finditer(mappings):
        low, high, inode = int(found[1], 16), int(found[2], 16), int(found[3])
        if low <= start and stop <= high:
            changed = _CHANGED.search(mappings, found.end())
            as_it_was = inode > 0 and changed is not None and changed[1] == "0"
            return range(start, stop) if as_it_was else none
    return none


def give_back(*arrays: Any) -> None:
    """Give back the memory of those arrays that lie in mapped files, as `MappedMemory` does."""
    for array in arrays:
        if isinstance(array, np.ndarray):
            MappedMemory(array).give_back()


def give_back_freed() -> None:
    """Give back what the C library keeps of memory that was freed: after a stage that is much."""
    trim = getattr(_c_library(), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)


@cache
def _c_library() -> Any:
    return ctypes.CDLL(None) if sys.platform.startswith("linux") else None
