"""A prediction part by part: which parts there are, where each is written, which are left to do.

A folder of parts is looked at before any work and before any heavy library is imported.
"""

import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from product_length.errors import ConfigError, UserError
from product_length.prediction.config import PredictionJob
from product_length.tables.open_table import open_table
from product_length.writing import write_text

log = logging.getLogger(__name__)

NOTE = "_prediction.json"
"""In a folder of predicted parts: what they were predicted by. No part has a name with _ first."""
_ASKED = ("decision", "interval", "reasons", "snap", "keep", "encoders")
_SHOWN = 3


@dataclass(frozen=True)
class PartFile:
    """A file to predict for, and the file to write."""

    source: Path
    output: Path


def is_by_parts(job: PredictionJob, endings: Sequence[str]) -> bool:
    """Whether `output` is to be a folder with a part for each part of `data.path`.

    `endings`: those of an output that is one file. Raises ConfigError where Ray has no parts.
    """
    of_parts = job.data.path.is_dir() or not job.data.path.exists()  # a pattern
    is_file = job.output.name.lower().endswith(tuple(endings)) and not job.output.is_dir()
    if job.engine == "ray":
        if job.data.path.is_file():
            raise ConfigError(
                f"engine=ray: shares out the parts of a folder, and data.path={job.data.path} is "
                "one file; give a folder of files, or engine=local"
            )
        if is_file:
            raise ConfigError(
                f"engine=ray: writes a part for each part of data.path, and output={job.output} is "
                "the name of one file; give the name of a folder, without ending"
            )
    return of_parts and not is_file


def find_parts_to_write(job: PredictionJob) -> list[PartFile]:
    """All parts of `data.path` that have rows, in order, with the files to write.

    Raises UserError when there is none, or two have one name, and what `open_table` raises.
    """
    table = open_table(job.data.path, job.data.as_written())  # their headers are alike
    names = Counter(path.name for path in table.files)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise UserError(
            f"data.path={job.data.path}: {names[twice[0]]} parts have the name {twice[0]}, and "
            "would be written to one file; give a folder, or a pattern of one folder"
        )
    for note in table.notes:
        log.info("%s", note)
    full, empty = table.with_rows()
    if empty:
        log.info("%s: without rows, not written: %s", job.data.path, _listed(empty, "part"))
    return [PartFile(path, job.output / path.name) for path in full]


def parts_to_do(job: PredictionJob, parts: Sequence[PartFile]) -> list[PartFile]:
    """The parts that are not there yet, or are older than what they were predicted for.

    What they are predicted by is noted in the folder, which is made. Raises UserError where other
    parts, or other files, are in it.
    """
    _check_note(job)
    done: list[PartFile] = []
    left: list[PartFile] = []
    for part in parts:
        (done if _is_done(part) else left).append(part)
    old = [part for part in left if part.output.exists()]
    if done:
        names = _listed([part.output for part in done], "part")
        log.info("%s: there already, and skipped: %s of %d", job.output, names, len(parts))
    if old:
        names = _listed([part.output for part in old], "part")
        log.info("%s: older than its part of data.path, predicted again: %s", job.output, names)
    known = {part.output.name for part in parts}
    strange = [path for path in _files(job.output) if path.name not in known]
    if strange:
        log.warning(
            "warning: %s: holds also what is no part of data.path=%s: %s",
            job.output,
            job.data.path,
            _listed(strange, "file"),
        )
    if not left:
        log.info("%s: nothing is left to predict", job.output)
    return left


def _is_done(part: PartFile) -> bool:
    return part.output.is_file() and part.output.stat().st_mtime >= part.source.stat().st_mtime


def _check_note(job: PredictionJob) -> None:
    """Note what parts are predicted by. Raises UserError where others were by something else."""
    path, now, found = job.output / NOTE, _made_by(job), _files(job.output)
    if not path.exists() or not found:
        if found:
            raise UserError(
                f"output={job.output}: holds {_listed(found, 'file')}, written by no prediction of "
                "parts; choose an empty or a new folder"
            )
        write_text(path, json.dumps(now, indent=2, ensure_ascii=False) + "\n")
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        other = [key for key in now if before[key] != now[key]]
    except (ValueError, KeyError, TypeError, UnicodeError) as error:
        raise UserError(
            f"{path}: is damaged, and it is not known what the parts beside it were predicted by; "
            f"delete {job.output}, or choose another folder"
        ) from error
    if other:
        raise UserError(
            f"output={job.output}: holds parts that were predicted otherwise: there is another "
            f"{', another '.join(other)}; choose another folder, delete this one, or give the "
            "command as it was"
        )


def _made_by(job: PredictionJob) -> dict[str, Any]:
    """All that the values of a part depend on, beside the part, as plain values."""
    asked = job.model_dump(mode="json", include=set(_ASKED))
    files = [_digested(path) for path in job.checkpoint]
    data = job.data.model_dump(mode="json", exclude={"path", "columns"})
    return {"checkpoint": files, **asked, "data.columns": job.data.columns.given(), "data": data}


def _digested(checkpoint: Path) -> str:
    """What is in a checkpoint's file; of an exported folder, its sums say what is in all files."""
    from product_length.artefacts import digest_file  # it imports numpy

    sums = checkpoint.parent / "SHA256SUMS"
    return digest_file(sums if sums.is_file() else checkpoint)


def _files(folder: Path) -> list[Path]:
    """The files in a folder that may be parts."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in found if not path.name.startswith((".", "_"))]


def _listed(paths: Sequence[Path], what: str) -> str:
    """So many files in words, the first ones by name."""
    names = ", ".join(path.name for path in paths[:_SHOWN])
    names += ", …" if len(paths) > _SHOWN else ""
    return f"{len(paths)} {what}{'s' * (len(paths) != 1)} ({names})"
