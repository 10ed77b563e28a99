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
from omegaconf import DictConfig, OmegaConf

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
from product_length.secrets import hide, keep_out_of_logs, shown, shown_variables
from product_length.sweeping.prepare import Sweep, prepare
from product_length.tracking.identity import leave_out_identity
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
    keep_out_of_logs()
    arguments = [text if text.startswith("-") else hide(text) for text in sys.argv[1:]]
    sys.argv[1:] = arguments  # all that Hydra sees, and writes
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
                if left_out := leave_out_identity():
                    names = ", ".join(left_out)
                    sys.stderr.write(f"W&B: {names} not used: each run of a sweep is its own\n")
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
        keep_out_of_logs()  # here too: a launcher's worker is a process of its own
        if run.job.env_set and run.output_subdir:
            _clean_variables(folder / run.output_subdir / "hydra.yaml")
        try:
            # As they were given: to resolve them would write what stands in the environment.
            given = OmegaConf.to_container(run.overrides.task, resolve=False)
            assert isinstance(given, list)
            return task(from_config(config, schema), folder, list(map(str, given)))
        except (KeyboardInterrupt, InterruptedFitError) as error:
            # Leaves a sweep too, which would take an exception for one run's fault and go on.
            said = str(error) or f"interrupted; what was finished is in {folder}"
            sys.stderr.write(f"{said}\n")
            sys.exit(130)
        except Exception as error:
            if run.mode is RunMode.MULTIRUN:  # one run of many: its sweep decides what follows
                write_text(folder / FAILURE_FILE, f"{shown(reason_of(error))}\n")
            elif isinstance(error, UserError):
                _exit(error)
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
        reason = f"{error.filename}: cannot be written ({error.strerror or error})"
        _exit(UserError(f"{reason}; choose another folder with hydra.run.dir=…"))


def _end(
    sweep: Sweep[AnyConfig] | None, after_sweep: Callable[[AnyConfig, Path], None] | None
) -> None:
    if sweep is not None and after_sweep is not None and sweep.folder.exists():
        after_sweep(sweep.config, sweep.folder)


def _overrides(arguments: Sequence[str]) -> list[str]:
    values = {at + 1 for at, argument in enumerate(arguments) if argument in _FLAGS_WITH_VALUE}
    return [a for at, a in enumerate(arguments) if not a.startswith("-") and at not in values]


def _clean_variables(path: Path) -> None:
    """Hydra writes environment variables that it was asked to set: secrets may be among them."""
    written = OmegaConf.load(path)
    written.hydra.job.env_set = shown_variables(written.hydra.job.env_set)
    OmegaConf.save(written, path)


def _exit(error: UserError) -> NoReturn:
    sys.stderr.write(f"error: {shown(str(error))}\n")
    sys.exit(error.exit_code)
