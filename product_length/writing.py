"""Files that appear whole or not at all, and never in the place of what they are made from."""

import contextlib
import logging
import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from product_length.errors import UserError
from product_length.shortage import cannot_write

try:
    import fcntl
except ImportError:  # Windows, which itself does not let a file go that is open
    _lock_files = False
else:
    _lock_files = True

log = logging.getLogger(__name__)


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    """Have `write` fill a file beside `path`, then put it in place; missing folders are made.

    `write` may open that file as often as it likes, but not replace it. What a process that was
    killed has left beside `path` is removed. Raises UserError when the file cannot be written (no
    space, no permission, a file where a folder should be).
    """
    ours = {path, *path.parents}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left(path)
        with _locked_partial(path) as partial:
            ours.add(partial)
            write(partial)
            partial.replace(path)
    except OSError as error:
        if isinstance(error.filename, str) and Path(error.filename) not in ours:
            raise  # another file's, which `write` reads
        raise cannot_write(path, error) from error
    return path


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text whole or not at all. Raises UserError when it cannot be written."""

    # newline="" keeps the line ends of CSV as they are on every system.
    def fill(partial: Path) -> None:
        with partial.open("w", encoding="utf-8", newline="") as file:
            file.write(text)

    return write_whole(path, fill)


def refuse_input(output: Path, what: str, inputs: Mapping[str, Path]) -> None:
    """Raise UserError when `output` is one of `inputs`, by whatever name, link or relative path.

    `what`: the output in words, such as "output=x.csv"; `inputs`: by the name of their setting.
    """
    for name, path in inputs.items():
        with contextlib.suppress(OSError):  # one that is not there is reported by who reads it
            if output.exists() and output.samefile(path):
                raise UserError(
                    f"{what}: is the same file as {name}={path}, which would be lost; choose "
                    "another name for what is written"
                )


@contextlib.contextmanager
def _locked_partial(path: Path) -> Iterator[Path]:
    """A new empty file beside `path`, locked for as long as this process works on it."""
    while True:
        # Keeps the suffix, since matplotlib and pyarrow read the format from it.
        partial = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:8]}.partial{path.suffix}")
        with partial.open("xb") as file:
            try:
                if not _lock_files:
                    file.close()
                elif _lock(file, wait=True) and not _is_still(file, partial):
                    continue  # before it was locked another process took it for one that was left
                yield partial
                return
            finally:
                partial.unlink(missing_ok=True)


def _remove_left(path: Path) -> None:
    """Remove the unfinished files of `path` that no living process holds."""
    if not _lock_files:
        return
    name = re.compile(rf"\.{re.escape(path.stem)}-[0-9a-f]{{8}}\.partial{re.escape(path.suffix)}")
    with contextlib.suppress(OSError):  # a folder that may be written, but not be listed
        for other in [each for each in path.parent.iterdir() if name.fullmatch(each.name)]:
            with contextlib.suppress(OSError), other.open("r+b") as file:  # finished meanwhile
                if _lock(file, wait=False):
                    other.unlink()
                    log.info("%s: removed, left unfinished by a process that was killed", other)


def _lock(file: IO[bytes], *, wait: bool) -> bool:
    """Lock an open file until it is closed or its process ends; False where that is not possible.

    Some network file systems know no locks: nothing is ever taken for left there.
    """
    with contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        return True
    return False


def _is_still(file: IO[bytes], path: Path) -> bool:
    """Whether the open file is the one that has this name."""
    return path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())
