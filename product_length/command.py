"""How a command line becomes a run, or a sweep of runs, under Hydra."""

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from product_length.composition import CONF, check_overrides
from product_length.errors import (
    FAILURE_FILE,
    ConfigError,
    InterruptedFitError,
    UserError,
    first_line,
    reason_of,
)
from product_length.experiment import AnyConfig, from_config
from product_length.log_file import replace_log_files
from product_length.shortage import cannot_write, in_words
from product_length.sweeping.prepare import Sweep, prepare
from product_length.writing import write_text

_FLAGS_WITH_VALUE = {"--package", "-p", "--config-name", "-cn", "--config-path", "-cp"}
_FLAGS_WITH_VALUE |= {"--config-dir", "-cd", "--experimental-rerun", "--info", "-i"}


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
    arguments = sys.argv[1:]
    overrides = _overrides(arguments)
    plain = not any(argument.startswith("-") for argument in arguments)
    sweeping = any(argument in ("-m", "--multirun") for argument in arguments)
    sweep: Sweep[AnyConfig] | None = None
    if plain or sweeping:  # with another flag (--help, --cfg …) Hydra answers, not the task
        try:
            check_overrides(config_name, schema, overrides)
            if sweeping:
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
        replace_log_files()
        run = HydraConfig.get()
        folder = Path(run.runtime.output_dir)
        try:
            return task(from_config(config, schema), folder, list(run.overrides.task))
        except (KeyboardInterrupt, InterruptedFitError) as error:
            # Leaves a sweep too, which would take an exception for one run's fault and go on.
            said = str(error) or f"interrupted; what was finished is in {folder}"
            sys.stderr.write(f"{said}\n")
            sys.exit(130)
        except Exception as error:
            fault = in_words(error, folder)
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
        _exit(ConfigError(first_line(error)))
    except OSError as error:
        if started:
            raise
        place = error.filename or "the run's folder"
        _exit(cannot_write(place, error, "choose another folder with hydra.run.dir=…"))


def _end(
    sweep: Sweep[AnyConfig] | None, after_sweep: Callable[[AnyConfig, Path], None] | None
) -> None:
    if sweep is not None and after_sweep is not None and sweep.folder.exists():
        after_sweep(sweep.config, sweep.folder)


def _overrides(arguments: Sequence[str]) -> list[str]:
    values = {at + 1 for at, argument in enumerate(arguments) if argument in _FLAGS_WITH_VALUE}
    return [a for at, a in enumerate(arguments) if not a.startswith("-") and at not in values]


def _exit(error: UserError) -> NoReturn:
    sys.stderr.write(f"error: {error}\n")
    sys.exit(error.exit_code)
