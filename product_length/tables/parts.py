"""Which files a path stands for: one, a folder of parts, or all that a pattern matches."""

import glob
from dataclasses import dataclass
from pathlib import Path

from product_length.errors import UserError
from product_length.tables.source_file import unreadable

_SHOWN = 3


@dataclass(frozen=True)
class Parts:
    """Files in sorted order, and in words what beside them is not read."""

    files: tuple[Path, ...]
    note: str = ""


def find_parts(path: Path) -> Parts:
    """The files of a folder, or those that a pattern such as `parts/*.csv.gz` matches, or `path`.

    Hidden files, those that begin with an underscore, checksums (.crc), locks of Excel (~$), empty
    files and folders are passed over. Raises UserError when nothing is left.
    """
    try:
        if path.is_dir():
            found = sorted(path.iterdir())
        elif not path.exists() and glob.has_magic(str(path)):
            # Path.glob takes no absolute pattern.
            found = sorted(map(Path, glob.glob(str(path), recursive=True)))  # noqa: PTH207
            if not found:
                raise UserError(
                    f"{path}: no such file, and none matches; check data.path (from {Path.cwd()})"
                )
        else:
            return Parts((path,))
        files = tuple(each for each in found if _is_part(each))
    except OSError as error:
        raise unreadable(path, error) from error
    skipped = [each for each in found if each not in set(files)]
    shown = ", ".join(each.name + "/" * each.is_dir() for each in skipped[:_SHOWN])
    shown += ", …" if len(skipped) > _SHOWN else ""
    if not files:
        within = f" ({shown})" if skipped else ""
        raise UserError(f"{path}: no file to read{within}; give a file, or a folder of files")
    note = f"{len(files)} files"
    return Parts(files, f"{note}; not read: {len(skipped)} ({shown})" if skipped else note)


def _is_part(path: Path) -> bool:
    is_data = not path.name.startswith((".", "_", "~$")) and path.suffix != ".crc"
    return is_data and path.is_file() and path.stat().st_size > 0
