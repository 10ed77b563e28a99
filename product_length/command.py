"""How a command line becomes a run, or a sweep of runs, under Hydra."""

from __future__ import annotations

import atexit
import contextlib
import gc
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from product_length.command_line.flags import read_arguments
from product_length.composition import CONF, check_flags, check_overrides, read_texts, replaced
from product_length.errors import (
    FAILURE_FILE,
    ConfigError,
    InterruptedFitError,
    UserError,
    reason_of,
    whole_text,
)
from product_length.experiment import AnyConfig, Experiment, from_config
from product_length.log_file import log_to_file, replace_log_files
from product_length.resumed_run import Resumed, resumed
from product_length.secrets import hide, keep_out_of_logs, shown, shown_variables
from product_length.shortage import cannot_write, in_words
from product_length.tracking.identity import leave_out_identity
from product_length.version import __version__
from product_length.writing import write_text

if TYPE_CHECKING:
    from product_length.sweeping.prepare import Sweep

log = logging.getLogger(__name__)


def run_command(
    config_name: str,
    schema: type[AnyConfig],
    task: Callable[[AnyConfig, Path, list[str]], float | None],
    *,
    check: Callable[[AnyConfig], None] | None = None,
    after_sweep: Callable[[AnyConfig, Path], None] | None = None,
) -> None:
    """Compose `conf/<config_name>.yaml` with the command line, check it, and run `task`.

    `task` gets the typed configuration, the run's folder and the overrides. `check` gets the
    configuration, of a sweep's first run, before a folder is made, and may raise UserError;
    `after_sweep` that and the sweep's folder, however the sweep has ended. A person's mistake ends
    the process with one message and exit code 1 or 2.
    """
    keep_out_of_logs()
    _collect_garbage_rarely()
    try:
        sweep, continued = _read_command_line(config_name, schema, check)
    except UserError as error:
        _exit(error)

    started = False

    def main(config: DictConfig) -> float | None:
        nonlocal started
        started = True
        typed: Any = continued.config if continued is not None else None
        is_quiet = after_sweep is not None
        return _run_task(lambda: typed or from_config(config, schema), task, is_quiet=is_quiet)

    # A verb whose sweeps end in something else than their runs says itself where they stand.
    followed = sweep if after_sweep is not None else None
    # Without this Hydra prints faults itself, with a part of their traceback.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    try:
        with _console_of(followed):
            try:
                with _followed(followed):
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


def _console_of(sweep: Sweep[Any] | None) -> contextlib.AbstractContextManager[None]:
    """What a sweep says is shown while this is open, and all that is logged kept in its folder."""
    if sweep is None:
        return contextlib.nullcontext()
    from product_length.sweeping.console import sweep_console  # it imports tqdm

    return sweep_console(sweep.folder)


def _followed(sweep: Sweep[Any] | None) -> contextlib.AbstractContextManager[object]:
    """A sweep that Hydra runs by itself is followed from outside; a study says what it does."""
    if sweep is None or not sweep.names:
        return contextlib.nullcontext()
    from product_length.sweeping.watch import Watch  # it imports numpy

    return Watch(sweep.folder, len(sweep.names), names=sweep.names)


def _collect_garbage_rarely() -> None:
    """Python would search all that is imported for garbage again and again, and once more at exit.

    That is a quarter of a short command's processor time.
    """
    gc.set_threshold(50_000, 20, 20)
    atexit.register(gc.freeze)


def _read_command_line(
    config_name: str, schema: type[AnyConfig], check: Callable[[AnyConfig], None] | None
) -> tuple[Sweep[AnyConfig] | None, Resumed | None]:
    """The sweep that the command line asks for, or the run to continue; both None for a plain run.

    `sys.argv`, which Hydra reads, gets its values quoted and without secrets, and what a sweep or
    a continued run adds. Raises UserError with every fault of the command line.
    """
    given = [text if text.startswith("-") else hide(text) for text in sys.argv[1:]]
    arguments = read_arguments(given)
    if arguments.version:  # Hydra would say its own
        sys.stdout.write(f"product_length {__version__}\n")
        sys.exit(0)
    check_flags(config_name, arguments.unknown)
    overrides = read_texts(schema, arguments.overrides, multirun=arguments.multirun)
    as_read = dict(zip(arguments.overrides, overrides, strict=True))
    sys.argv[1:] = [*(as_read.get(text, text) for text in given), *_apart()]
    if arguments.help:
        sys.stdout.write(_help(config_name, schema, overrides))
        sys.exit(0)
    if not arguments.runs:  # Hydra answers (--hydra-help, --cfg …), not the task
        return None, None
    for line in replaced(config_name, overrides):
        sys.stderr.write(f"note: {shown(line)}\n")
    continued = None
    if not arguments.multirun:
        if named := [text for text in overrides if text.startswith("sweep=")]:
            raise ConfigError(f"{named[0]}: a sweep is many runs; add -m (--multirun)")
        continued = resumed(config_name, overrides) if schema is Experiment else None
    if continued is not None:
        sys.argv[1:1] = continued.overrides
        return None, continued
    config = check_overrides(config_name, schema, overrides, multirun=arguments.multirun)
    if check is not None:
        check(config)
    return _sweep(config_name, schema, overrides) if arguments.multirun else None, None


def _apart() -> list[str]:
    """What keeps the log of a process apart that torchrun has started beside the first."""
    rank = os.environ.get("RANK", "0")
    if "LOCAL_WORLD_SIZE" not in os.environ or rank == "0":
        return []
    return [f"hydra.job.name=process_{rank}", "hydra.output_subdir=null"]


def _help(config_name: str, schema: type[AnyConfig], overrides: Sequence[str]) -> str:
    from product_length.verb_help import help_of  # no run needs it

    return help_of(config_name, schema, overrides)


def _sweep(config_name: str, schema: type[AnyConfig], overrides: Sequence[str]) -> Sweep[AnyConfig]:
    """The sweep about to start; the command line and the environment are made ready for it."""
    from product_length.sweeping.prepare import prepare  # it imports numpy

    sweep = prepare(config_name, schema, overrides)
    sys.argv += sweep.overrides
    if left_out := leave_out_identity():
        sys.stderr.write(f"W&B: {', '.join(left_out)} not used: each run of a sweep is its own\n")
    return sweep


def _run_task(
    config: Callable[[], AnyConfig],
    task: Callable[[AnyConfig, Path, list[str]], float | None],
    *,
    is_quiet: bool,
) -> float | None:
    """Run `task` in Hydra's folder for it; how it failed is left there too.

    `is_quiet`: of a run of a sweep the console gets warnings only.
    """
    run = HydraConfig.get()
    folder = Path(run.runtime.output_dir)
    keep_out_of_logs()  # here too: a launcher's worker is a process of its own
    replace_log_files()
    if is_quiet and run.mode is RunMode.MULTIRUN:
        from product_length.sweeping.console import only_warnings_on_console

        only_warnings_on_console()
    if run.job.env_set and run.output_subdir:
        _clean_variables(folder / run.output_subdir / "hydra.yaml")
    try:
        # As they were given: to resolve them would write what stands in the environment.
        overrides: Any = OmegaConf.to_container(run.overrides.task, resolve=False)
        return task(config(), folder, list(map(str, overrides)))
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
            write_text(folder / FAILURE_FILE, f"{shown(reason_of(fault))}\n")
        elif isinstance(fault, UserError):
            _exit(fault)
        raise


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


def _clean_variables(path: Path) -> None:
    """Hydra writes environment variables that it was asked to set: secrets may be among them."""
    written = OmegaConf.load(path)
    written.hydra.job.env_set = shown_variables(written.hydra.job.env_set)
    OmegaConf.save(written, path)


def _exit(error: UserError) -> NoReturn:
    sys.stderr.write(f"error: {shown(str(error))}\n")
    sys.exit(error.exit_code)
