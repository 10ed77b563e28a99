"""How a command line becomes a run, or a sweep of runs, under Hydra."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from product_length.command_line.flags import read_arguments
from product_length.composition import CONF, check_flags, check_overrides, read_texts
from product_length.errors import (
    FAILURE_FILE,
    ConfigError,
    InterruptedFitError,
    UserError,
    reason_of,
    whole_text,
)
from product_length.experiment import AnyConfig, Experiment, from_config
from product_length.resumed_run import Resumed, resumed
from product_length.run_log import log_to_file
from product_length.shortage import cannot_write, in_words
from product_length.writing import write_text

if TYPE_CHECKING:
    from product_length.sweeping.prepare import Sweep

log = logging.getLogger(__name__)


def run_command(
    config_name: str,
    schema: type[AnyConfig],
    task: Callable[[AnyConfig, Path, list[str]], float | None],
    after_sweep: Callable[[AnyConfig, Path], None] | None = None,
) -> None:
    """Compose `conf/<config_name>.yaml` with the command line, check it, and run `task`.

    `task` gets the typed configuration, the run's folder and the overrides; `after_sweep` the
    configuration of a sweep's first run and the sweep's folder, however the sweep has ended. A
    person's mistake ends the process with one message and exit code 1 or 2 before a folder is made.
    """
    arguments = read_arguments(sys.argv[1:])
    sweep: Sweep[AnyConfig] | None = None
    going_on: Resumed | None = None
    try:
        check_flags(config_name, arguments.unknown)
        overrides = read_texts(schema, arguments.overrides, multirun=arguments.multirun)
        as_read = dict(zip(arguments.overrides, overrides, strict=True))
        sys.argv[1:] = [as_read.get(argument, argument) for argument in sys.argv[1:]]
        if arguments.runs:  # else Hydra answers (--help, --cfg …), not the task
            if not arguments.multirun and schema is Experiment:
                going_on = resumed(config_name, overrides)
            if going_on is not None:
                sys.argv[1:1] = going_on.overrides
            else:
                check_overrides(config_name, schema, overrides, multirun=arguments.multirun)
            if arguments.multirun:
                from product_length.sweeping.prepare import prepare  # it imports numpy

                sweep = prepare(config_name, schema, overrides)
                sys.argv += sweep.overrides
            elif named := [text for text in overrides if text.startswith("sweep=")]:
                raise ConfigError(f"{named[0]}: a sweep is many runs; add -m (--multirun)")
    except UserError as error:
        _exit(error)

    started = False

    def main(config: DictConfig) -> float | None:
        nonlocal started
        started = True
        run = HydraConfig.get()
        folder = Path(run.runtime.output_dir)
        try:
            typed: Any = from_config(config, schema) if going_on is None else going_on.config
            return task(typed, folder, list(run.overrides.task))
        except (KeyboardInterrupt, InterruptedFitError) as error:
            # Leaves a sweep too, which would take an exception for one run's fault and go on.
            said = str(error) or f"interrupted; what was finished is in {folder}"
            log_to_file(log, logging.WARNING, said)
            sys.stderr.write(f"{said}\n")
            sys.exit(130)
        except Exception as error:
            fault = in_words(error, folder)
            _log_failure(fault, alone=run.mode is RunMode.RUN)
            if run.mode is RunMode.MULTIRUN:  # one run of many: its sweep decides what follows
                write_text(folder / FAILURE_FILE, f"{reason_of(fault)}\n")
            elif isinstance(fault, UserError):
                _exit(fault)
            raise

    # Without this Hydra prints faults itself, with a part of their traceback.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    try:
        try:
            hydra.main(config_path=str(CONF), config_name=config_name)(main)()
        except BaseException:
            with contextlib.suppress(UserError):  # why it ended says more than what it lacks
                _end(sweep, after_sweep)
            raise
        _end(sweep, after_sweep)
    except UserError as error:  # from a job of a sweep
        _exit(error)
    except HydraException as error:
        _exit(ConfigError(whole_text(error)))
    except OSError as error:
        if started:
            raise
        place = error.filename or "the run's folder"
        _exit(cannot_write(place, error, "choose another folder with hydra.run.dir=…"))


def _log_failure(error: Exception, *, alone: bool) -> None:
    """Leave why a run failed in its log; of a fault of the code its traceback too."""
    # Of a sweep's run Hydra itself logs the traceback.
    fault = error if alone and not isinstance(error, UserError) else None
    log_to_file(log, logging.ERROR, f"error: {reason_of(error)}", fault)


def _end(
    sweep: Sweep[AnyConfig] | None, after_sweep: Callable[[AnyConfig, Path], None] | None
) -> None:
    if sweep is not None and after_sweep is not None and sweep.folder.exists():
        after_sweep(sweep.config, sweep.folder)


def _exit(error: UserError) -> NoReturn:
    sys.stderr.write(f"error: {error}\n")
    sys.exit(error.exit_code)
