"""From the options of `tracking=` to a tracker that follows the run."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from product_length.errors import UserError
from product_length.tracking.config import NoTracking, Wandb
from product_length.tracking.tracker import Tracker
from product_length.tracking.wandb_tracker import WandbTracker

MODES = ("online", "offline", "disabled")

_log = logging.getLogger(__name__)


def open_tracker(
    options: NoTracking | Wandb,
    *,
    config: Mapping[str, Any],
    folder: Path,
    name: str,
    group: str | None = None,
) -> Tracker:
    """The started tracker that `tracking=` asks for; use it in a `with`.

    `config` is a nested plain dict; `name` and `group` are the run's where `options` give none.
    WANDB_MODE=disabled, and any process but the first of several, get one that does nothing.
    Raises UserError for an unknown WANDB_MODE, or when W&B refuses the run.
    """
    tracker = Tracker()
    if isinstance(options, Wandb) and _first_process():
        mode = _mode()
        if mode == "disabled":
            _log.info("W&B: not followed, as WANDB_MODE=disabled asks")
        else:
            if group is not None:  # one of many, which cannot all have one name
                named = options.run_name and f"{options.run_name}: {name}"
                options = options.model_copy(
                    update={"group": options.group or group, "run_name": named}
                )
            tracker = WandbTracker(options, mode=mode)
    tracker.start(config, folder, name)
    return tracker


def _mode() -> str | None:
    """What WANDB_MODE asks for; None when it is not set."""
    mode = os.environ.get("WANDB_MODE", "").strip().lower() or None
    mode = {"run": "online", "dryrun": "offline"}.get(mode or "", mode)  # W&B's former names
    if mode is not None and mode not in MODES:
        raise UserError(
            f"WANDB_MODE={os.environ['WANDB_MODE']}: no such mode; set one of {', '.join(MODES)}"
        )
    return mode


def _first_process() -> bool:
    """Whether this process speaks for the run: with `trainer=ddp` every GPU has its own."""
    from product_length.lightning_import import rank_zero_only

    return int(getattr(rank_zero_only, "rank", 0)) == 0
