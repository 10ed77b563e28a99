"""Opens one W&B run: which mode, which files, and nothing sent that was not asked for.

Sent: the configuration as given, metrics per epoch and at the end, load of CPU, GPU, memory, disk
and network, figures of the run's page with ids and types of products, tables of predictions with
the first characters of the text as well. Not sent: code, git state, host name, command line,
installed packages, console output, crash reports.
"""

import contextlib
import logging
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from product_length.errors import first_line
from product_length.tracking.config import Wandb

if TYPE_CHECKING:
    import wandb

INIT_SECONDS = 30.0
"""How long W&B may take to answer before a run goes on without it."""

FINISH_SECONDS = 120.0
"""How long the last uploads may take; what remains is on disk, for `wandb sync`."""

_log = logging.getLogger(__name__)


def open_run(
    options: Wandb, config: Mapping[str, Any], folder: Path, name: str, mode: str | None
) -> "wandb.Run | None":
    """A new run, its files in `folder/wandb`; None where `wandb disabled` was the user's choice.

    `mode`: "online", "offline", or None for online where W&B knows the user and can be reached,
    else offline. Never asks anything. Raises wandb.Error when W&B refuses the run or, if the mode
    is "online", cannot be reached.
    """
    # Crash reports would go to W&B's makers; a user who set this keeps their choice.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb

    # Set for the process, as W&B speaks to its user before a run exists.
    settings = wandb.setup(wandb.Settings(silent=_silent())).settings
    chosen, reason = mode or settings.mode, "as WANDB_MODE asks"
    if mode is None:  # `wandb disabled` or `wandb offline` may have chosen
        reason = f"as `wandb {chosen}` asked"
    if chosen == "disabled":
        _log.info("W&B: not followed, %s", reason)
        return None
    if chosen == "online":
        try:
            return _open_online(options, config, folder, name)
        except _NotAtHandError as error:
            if mode == "online":
                raise wandb.errors.CommError(f"WANDB_MODE=online, but {error}") from error
            reason = f"as {error}"
    run = _open(options, config, folder, name, "offline")
    _log.info("W&B: kept offline, %s; send it with: %s", reason, sync_command(run))
    return run


def sync_command(run: "wandb.Run") -> str:
    """What a person types to send an offline or unfinished run to W&B."""
    return f"wandb sync {shlex.quote(str(Path(run.dir).parent))}"


@contextlib.contextmanager
def staging(run: "wandb.Run") -> Iterator[None]:
    """Let W&B stage tables beside the run, for a later `wandb sync`, instead of in the home."""
    if "WANDB_DATA_DIR" in os.environ:
        yield
        return
    os.environ["WANDB_DATA_DIR"] = str(Path(run.dir).parent)
    try:
        yield
    finally:
        del os.environ["WANDB_DATA_DIR"]


def plain(value: Any) -> Any:
    """The same value made of dicts, lists, str, int, float, bool and None alone."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


class _NotAtHandError(Exception):
    """W&B cannot be used online now; the message says why."""


def _open_online(options: Wandb, config: Mapping[str, Any], folder: Path, name: str) -> "wandb.Run":
    import wandb

    # Takes WANDB_API_KEY or what `wandb login` left, and never asks, as opening a run would.
    # The key is not verified here, as that has no time limit: opening the run does it.
    if not wandb.login(prompt=False, verify=False):
        raise _NotAtHandError("no API key was found")
    try:
        run = _open(options, config, folder, name, "online")
    except wandb.errors.AuthenticationError:
        raise
    except (wandb.errors.CommError, TimeoutError) as error:
        raise _NotAtHandError(f"W&B cannot be used now ({first_line(error)})") from error
    _log.info("W&B: follow this run at %s", run.url)
    return run


def _open(
    options: Wandb,
    config: Mapping[str, Any],
    folder: Path,
    name: str,
    mode: Literal["online", "offline"],
) -> "wandb.Run":
    import wandb

    files = folder / "wandb"
    before = set(files.glob("*"))
    default = Wandb.model_fields["project"].default
    own_project = bool(os.environ.get("WANDB_PROJECT")) and options.project == default
    try:
        run = wandb.init(
            # None leaves it to W&B's own variables, such as WANDB_RUN_GROUP; what `tracking` says
            # comes first.
            project=None if own_project else options.project,
            entity=options.entity,
            group=options.group,
            name=options.run_name or (None if os.environ.get("WANDB_NAME") else name),
            tags=options.tags or None,
            config=plain(config),
            dir=folder,
            mode=mode,
            reinit="create_new",  # shares nothing with a run that is open elsewhere
            settings=wandb.Settings(
                console="off",
                host="",
                symlink=False,
                save_code=False,
                disable_code=True,
                disable_git=True,
                disable_job_creation=True,
                label_disable=True,
                x_disable_meta=True,
                x_save_requirements=False,
                init_timeout=INIT_SECONDS,
                finish_timeout=FINISH_SECONDS,
                finish_timeout_raises=True,
            ),
        )
    except BaseException:
        for left_over in set(files.glob("*")) - before:
            shutil.rmtree(left_over, ignore_errors=True)
        raise
    run.define_metric("*", step_metric="epoch")
    return run


def _silent() -> bool:
    return os.environ.get("WANDB_SILENT", "true").strip().lower() not in ("false", "0", "no")
