"""Training from a Python program: the same run as that of the command, from a frame or a file."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from product_length.api.columns import data_overrides
from product_length.api.frames import Frame, frame_of
from product_length.catalogue.config import FileData
from product_length.catalogue.file_columns import FileColumns
from product_length.comparison.recipe import CONFIG_FILE
from product_length.composition import assignment, check_overrides, read_texts
from product_length.errors import ConfigError, UserError
from product_length.experiment import Experiment
from product_length.log_file import LogFile
from product_length.preflight import check_inputs
from product_length.secrets import hide
from product_length.shortage import in_words
from product_length.tables.open_table import open_table
from product_length.writing import write_whole

if TYPE_CHECKING:
    from product_length.api.model import Model
    from product_length.evaluation.records import Report

PRODUCTS_FILE = "products.parquet"
"""In the folder of a run that was trained on a frame: the columns that it read."""
_LOG_FILE = "train.log"
_OF_COMMAND = ("sweep", "study", "storage", "trainer.resume")
_training = threading.Lock()
"""One run at a time: torch has one generator of random numbers, and a log file is the process's."""


@dataclass(frozen=True)
class TrainedRun:
    """A finished run. `folder`: all that it left, as a run of the command does."""

    folder: Path

    @cached_property
    def model(self) -> Model:
        """The model of the best epoch."""
        from product_length.api.model import load

        return load(self.folder)

    @cached_property
    def report(self) -> Report:
        """Metrics with their intervals, beside baselines, and what was trained on what."""
        from product_length.evaluation.report import load_report

        return load_report(self.folder)

    def __str__(self) -> str:
        from product_length.evaluation.summary import summary

        return summary(self.report)


def train(products: Any, *overrides: str, folder: str | Path | None = None) -> TrainedRun:
    """Train and evaluate one recipe on products with known lengths.

    `products`: a table of pandas, polars or pyarrow, a list of dicts, the path of a file, or None
    where overrides say it all ("data=demo").
    `overrides`: as on the command line, such as "experiment=best", "trainer.max_epochs=5",
    "data.columns.length=width", "data.unit=cm"; columns that none names are found by their names.
    Nothing is tracked unless "tracking=wandb" is among them. `folder`: of the run; default
    outputs/DATE/TIME. The rows of a frame are kept there too, as products.parquet.

    Raises ConfigError or UserError in plain words for whatever a person can fix.
    """
    place = Path(folder).expanduser() if folder is not None else _new_folder()
    if (place / CONFIG_FILE).exists():
        raise ConfigError(f"{place}: holds a run already; give another folder, or none")
    with _training:
        experiment, given, frame = _composed(products, overrides, place)
        if frame is not None:
            _keep(frame, experiment, place)
        check_inputs(experiment)
        _run(experiment, place, given)
    return TrainedRun(place)


def _composed(
    products: Any, overrides: Sequence[str], place: Path
) -> tuple[Experiment, list[str], Frame | None]:
    """The checked configuration, all of its overrides, and the frame if it is one."""
    given = [hide(text) for text in overrides]
    for text in given:
        key = text.partition("=")[0].lstrip("+")
        if key in _OF_COMMAND:
            raise ConfigError(f"{text}: is for the command, python -m product_length.train")
    defaults = ["tracking=none"]
    frame, path = None, None
    if isinstance(products, str | Path):
        path = Path(products).expanduser()
        defaults += data_overrides(open_table(path).names, given)
    elif products is not None:
        frame, path = frame_of(products), place / PRODUCTS_FILE
        defaults += data_overrides(frame.names, given)
    own = [*defaults, *given]
    if path is not None:
        if any(text.partition("=")[0] == "data.path" for text in given):
            raise ConfigError("data.path: is the products that are given; leave it out")
        own.append(assignment("data.path", str(path)))
    experiment = check_overrides("train", Experiment, read_texts(Experiment, own), multirun=False)
    if experiment.trainer.devices != 1:
        raise ConfigError(
            f"trainer.devices={experiment.trainer.devices}: a Python program trains on one device; "
            "several need the command, python -m product_length.train"
        )
    return experiment, own, frame


def _keep(frame: Frame, experiment: Experiment, place: Path) -> None:
    """Write the columns that the run reads into its folder."""
    if not isinstance(experiment.data, FileData):
        raise ConfigError("data=demo: makes its own products; give those, or another data=")
    columns = FileColumns.of(experiment.data.columns)
    columns.check("products", frame.names)
    if not len(frame):
        raise UserError("products: there are no rows")
    table = frame.table([name for _, name in columns.each()])
    write_whole(place / PRODUCTS_FILE, partial(pq.write_table, table))


def _run(experiment: Experiment, place: Path, overrides: list[str]) -> None:
    import torch  # it and what imports it not before all is checked

    from product_length.pipeline import run

    try:
        with _logged(place), torch.random.fork_rng(devices=[]):
            run(experiment, place, overrides)
    except UserError:
        raise
    except Exception as error:
        fault = in_words(error, place)
        raise fault from (error if fault is not error else error.__cause__)


def _new_folder() -> Path:
    now = datetime.now()
    return Path("outputs", f"{now:%Y-%m-%d}", f"{now:%H-%M-%S-%f}")


@contextmanager
def _logged(place: Path) -> Iterator[None]:
    """The run's log goes into its folder, as that of the command; the console is the program's."""
    place.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger("product_length")
    level = logger.level
    file = LogFile(place / _LOG_FILE, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger.addHandler(file)
    if logger.getEffectiveLevel() > logging.INFO:
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(file)
        logger.setLevel(level)
        file.close()
