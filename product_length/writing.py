"""Files that appear whole or not at all."""

import uuid
from collections.abc import Callable
from pathlib import Path

from product_length.shortage import cannot_write


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    """Have `write` fill a file beside `path`, then put it in place; missing folders are made.

    Raises UserError when the file cannot be written (no space, no permission, a file where a
    folder should be).
    """
    # Keeps the suffix, since matplotlib and pyarrow read the format from it.
    partial = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:8]}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(partial)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        ours = (path, partial, *path.parents)
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
