"""What a run tells while it happens, and to whom."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from numpy.typing import ArrayLike
from typing_extensions import Self

from product_length.errors import UserError
from product_length.tracking.config import NoTracking, Wandb

MODES = ("online", "offline", "disabled")

_log = logging.getLogger(__name__)


class Tracker(Protocol):
    """Follows one run; as a context manager it is closed however the block ends.

    A block that ends in an exception, an interrupt or a non-zero exit marks the run as failed.
    """

    def start(self, config: Mapping[str, Any], folder: Path, name: str) -> None:
        """Open the run: `config` is all it is made from, `folder` is where it keeps its files.

        Raises UserError when the run cannot be followed as asked.
        """
        ...

    def epoch(self, metrics: Mapping[str, float], epoch: int) -> None:
        """Note the metrics of a finished epoch, counted from 1; later epochs have larger numbers.

        Names are such as `train/loss` and `val/mape` (a fraction).
        """
        ...

    def predictions(
        self,
        split: str,
        *,
        lengths: ArrayLike,
        predictions: ArrayLike,
        product_ids: Sequence[str],
        types: Sequence[str],
        texts: Sequence[str],
    ) -> None:
        """Show how far the predictions of a split ("val" or "test") are from the truth.

        `lengths` and `predictions`: float (rows,), 1/100 inch. Of `product_ids`, `types` and
        `texts`, each (rows,), only the few products shown are looked up: they may be lazy.
        Raises ValueError for unequal sizes, no rows, or a length that is not positive and finite.
        """
        ...

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Show a table of plain values."""
        ...

    def page(self, name: str, html: str) -> None:
        """Show a self-contained HTML page."""
        ...

    def summary(self, values: Mapping[str, Any]) -> None:
        """Note what the run came to; values may be nested."""
        ...

    def finish(self, *, failed: bool) -> None:
        """Close the run; a second call does nothing."""
        ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        left_well = error is None or (isinstance(error, SystemExit) and not error.code)
        self.finish(failed=not left_well)


class NoTracker(Tracker):
    """Tells nobody."""

    def start(self, config: Mapping[str, Any], folder: Path, name: str) -> None:
        """Do nothing."""

    def epoch(self, metrics: Mapping[str, float], epoch: int) -> None:
        """Do nothing."""

    def predictions(
        self,
        split: str,
        *,
        lengths: ArrayLike,
        predictions: ArrayLike,
        product_ids: Sequence[str],
        types: Sequence[str],
        texts: Sequence[str],
    ) -> None:
        """Do nothing."""

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Do nothing."""

    def page(self, name: str, html: str) -> None:
        """Do nothing."""

    def summary(self, values: Mapping[str, Any]) -> None:
        """Do nothing."""

    def finish(self, *, failed: bool) -> None:
        """Do nothing."""


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
    WANDB_MODE=disabled, and any process but the first of several, get a tracker that tells nobody.
    Raises UserError for an unknown WANDB_MODE, or when W&B refuses the run.
    """
    tracker: Tracker = NoTracker()
    if isinstance(options, Wandb) and _first_process():
        mode = _mode()
        if mode == "disabled":
            _log.info("W&B: not followed, as WANDB_MODE=disabled asks")
        else:
            from product_length.tracking.wandb_tracker import WandbTracker

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
