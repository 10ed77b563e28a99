"""The files of a prediction, looked at before any work and before any heavy library is imported."""

import fnmatch
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from product_length.devices import check_device
from product_length.errors import ConfigError, UserError
from product_length.prediction.config import PredictionJob
from product_length.prediction.parts import PartFile, find_parts_to_write, is_by_parts
from product_length.prediction.workbook import check_installed
from product_length.tables.open_table import open_table
from product_length.writing import refuse_input

log = logging.getLogger(__name__)

ENDINGS = (".csv", ".csv.gz", ".parquet", ".jsonl", ".jsonl.gz", ".xlsx")
"""What an output's name may end with, in any case: the format that is written."""

_BEST = Path("checkpoints", "best.ckpt")
_EXPORTED = "model.safetensors"
"""In a folder that `export` wrote; `prediction.exported` reads it, and imports torch."""
_SHOWN = 5


def checked_files(job: PredictionJob) -> tuple[PredictionJob, list[PartFile] | None]:
    """The same job, with a file for each checkpoint that was given as a run's folder.

    And the parts to write where the output is a folder of them; None where it is one file. Raises
    ConfigError when a checkpoint is named twice, or for options that exclude each other, and
    UserError when a checkpoint, the catalogue or the device is not there, or when the output cannot
    be written or would replace one of them.
    """
    try:
        checkpoints = checked_checkpoints(job.checkpoint, job.device)
        job = job.model_copy(update={"checkpoint": checkpoints})
        inputs = [
            (_place(number, len(checkpoints)), path) for number, path in enumerate(checkpoints)
        ]
        if is_by_parts(job, ENDINGS):
            return job, _checked_parts(job, inputs)
        table = open_table(job.data.path, job.data.as_written())
        check_output(
            job.output, [*(("data.path", path) for path in table.files), *inputs], job.encoders
        )
        check_no_part(job.output, job.data.path)
    except OSError as error:  # a folder that may not be entered, a name that is too long
        raise UserError(f"{error.filename}: {error.strerror or error}") from error
    return job, None


def _checked_parts(job: PredictionJob, inputs: Sequence[tuple[str, Path]]) -> list[PartFile]:
    """All parts to write, none of which replaces one that is read, or another of `inputs`."""
    check_folder(job.output, job.encoders)
    parts = find_parts_to_write(job)
    for part in parts:
        if not part.output.name.lower().endswith(ENDINGS):
            raise UserError(
                f"data.path={job.data.path}: parts are written under their own names, and the "
                f"ending of {part.output.name} is of no format that is written "
                f"({', '.join(ENDINGS)}); rename the parts, or give output= the name of one file"
            )
        if part.output.name.lower().endswith(".xlsx"):
            check_installed(part.output)
        for name, path in inputs:
            refuse_input(part.output, f"output={part.output}", {name: path})
        check_no_part(part.output, job.data.path)
    return parts


def checked_checkpoints(paths: Sequence[Path], device: str) -> list[Path]:
    """A file for each checkpoint, where a run's folder may stand for its own.

    Raises ConfigError when one is named twice, and UserError when one, or the device, is not there.
    """
    checkpoints = find_checkpoints(paths)
    check_device(device, "device")
    return checkpoints


def find_checkpoints(paths: Sequence[Path]) -> list[Path]:
    """The file of each checkpoint, see `find_checkpoint`.

    Raises UserError when one is missing, ConfigError when one is named twice.
    """
    checkpoints = [find_checkpoint(path) for path in paths]
    for number, path in enumerate(checkpoints):
        if any(path.samefile(other) for other in checkpoints[:number]):
            raise ConfigError(
                f"checkpoint: {path} is named twice; each has the same weight, name it once"
            )
    return checkpoints


def run_folder_of(checkpoint: Path) -> Path:
    """The folder of the run, or of the export, that the checkpoint lies in."""
    folder = checkpoint.absolute().parent
    return folder.parent if folder.name == _BEST.parent.name else folder


def find_checkpoint(path: Path) -> Path:
    """The file at `path`, or the best checkpoint of the run whose folder it is.

    Of an exported folder, the file of its weights.

    Raises UserError when there is none, naming the runs where the folder holds several.
    """
    if not path.is_dir():
        if not path.exists():
            raise UserError(f"{path}: there is no such checkpoint (from {Path.cwd()})")
        return path
    for own in (path / _BEST, path / _BEST.name, path / _EXPORTED):
        if own.is_file():
            return own
    runs = sorted(best.parent.parent for best in path.glob(f"**/{_BEST}"))
    if runs:
        named = ", ".join(map(str, runs[:_SHOWN])) + (", …" if len(runs) > _SHOWN else "")
        raise UserError(
            f"checkpoint={path}: a folder of {_count(len(runs), 'run')}, and one run is meant: "
            f"give {named}; or several in a list, whose distributions are averaged"
        )
    raise UserError(
        f"checkpoint={path}: no run's folder, it has neither {_BEST} nor {_BEST.name}; give the "
        "folder of a finished run, its checkpoint, or an exported folder"
    )


def check_output(
    output: Path, inputs: Sequence[tuple[str, Path]], models: Mapping[str, str]
) -> None:
    """Raise UserError unless `output` can be written and replaces none of `inputs`.

    `inputs`: with the name of their setting; `models`: folders (or names) of encoders, by encoder.
    """
    for name, path in inputs:
        refuse_input(output, f"output={output}", {name: path})
    if output.is_dir():
        raise UserError(f"{output}: is a folder; give output= the name of a file")
    if ending_of(output) == ".xlsx":
        check_installed(output)
    _check_place(output, models)
    if output.exists():
        if not output.is_file():
            raise UserError(f"{output}: is not a regular file; give output= another name")
        log.info("%s: is there already, and is replaced as a whole at the end", output)


def check_folder(output: Path, models: Mapping[str, str]) -> None:
    """Raise UserError unless a folder can be written at `output`; see `check_output`."""
    if output.exists() and not output.is_dir():
        raise UserError(f"{output}: is a file; give output= the name of a folder for the parts")
    _check_place(output / "part", models)


def _check_place(output: Path, models: Mapping[str, str]) -> None:
    """Raise UserError unless a file can be written at `output`, in no folder of a model."""
    for name, model in models.items():
        folder = Path(model).expanduser()
        if folder.is_dir() and output.resolve().is_relative_to(folder.resolve()):
            raise UserError(
                f"output={output}: lies in the model's folder encoders.{name}={model}; choose "
                "another folder for what is written"
            )
    folder = next(parent for parent in output.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise UserError(f"{output}: cannot be written ({folder} is a file, not a folder)")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{output}: cannot be written (no permission to write in {folder})")


def check_no_part(output: Path, table: Path) -> None:
    """Raise UserError when a folder, or a pattern, of parts would have `output` as one of them."""
    if table.is_dir():
        is_part = output.resolve().parent == table.resolve()
    else:
        name, pattern = Path(os.path.abspath(output)), os.path.abspath(table)  # noqa: PTH100 -- ..
        of_any_depth = "**" in pattern and fnmatch.fnmatch(str(name), pattern)
        is_part = not table.exists() and (of_any_depth or name.match(pattern))
    if is_part:
        raise UserError(
            f"output={output}: would be read as a part of data.path={table} the next time; choose "
            "another folder for what is written"
        )


def ending_of(output: Path) -> str:
    """Which of `ENDINGS` an output's name has. Raises UserError when it has none of them."""
    endings = [ending for ending in ENDINGS if output.name.lower().endswith(ending)]
    if not endings:
        raise UserError(
            f"output={output}: the ending says the format that is written, and none is known by "
            f"this one; end it with {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
        )
    return endings[0]


def _place(number: int, of: int) -> str:
    """The setting of a checkpoint, as `inputs` of `check_output` names it."""
    return "checkpoint" if of == 1 else f"checkpoint.{number}"


def _count(number: int, word: str) -> str:
    return f"1 {word}" if number == 1 else f"{number} {word}s"
