"""Follows a run on Weights & Biases; `wandb_run` lists what is sent there."""

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from product_length.errors import UserError, first_line
from product_length.evaluation.bands import Bands
from product_length.evaluation.estimates import measure
from product_length.evaluation.metrics import METRICS, absolute_percentage_errors, checked
from product_length.evaluation.quantity import Quantity
from product_length.tracking.config import Wandb
from product_length.tracking.samples import best_rows, worst_rows
from product_length.tracking.tracker import Tracker
from product_length.tracking.wandb_run import open_run, plain, staging, sync_command

if TYPE_CHECKING:
    import wandb

EXTREME_ROWS = 25
"""Products in the table of the best predictions, and in that of the worst."""

TEXT_CHARACTERS = 200

_log = logging.getLogger(__name__)


class WandbTracker(Tracker):
    """One W&B run, apart from any other in the process; its files lie in the run folder.

    Once it is open, a fault of W&B or of the network ends the following, never the run.
    """

    has_figures = True

    def __init__(self, options: Wandb, *, mode: str | None = None) -> None:
        """`mode`: "online", "offline", or None for online where W&B knows the user."""
        self._options = options
        self._mode = mode
        self._run: wandb.Run | None = None

    def start(self, config: Mapping[str, Any], folder: Path, name: str) -> None:
        """Open the run without asking anything; offline when W&B is not at hand.

        Raises UserError when W&B refuses the run, or cannot be reached though WANDB_MODE=online.
        """
        if self._run is not None:
            raise RuntimeError("this tracker follows a run already")
        try:
            self._run = open_run(self._options, config, folder, name, self._mode)
        except Exception as error:  # whatever it is, W&B is not what the user came for
            raise UserError(
                f"W&B could not open the run: {first_line(error)}; correct tracking.*, or log in "
                "with `wandb login`, or set WANDB_MODE=offline or tracking=none"
            ) from error

    def epoch(self, metrics: Mapping[str, float], epoch: int) -> None:
        """Log the metrics of a finished epoch, counted from 1; the W&B step is the epoch."""
        logged = {"epoch": epoch, **plain(metrics)}
        self._send(lambda run: run.log(logged, step=epoch, commit=True))

    def predictions(
        self,
        split: str,
        *,
        lengths: ArrayLike,
        predictions: ArrayLike,
        product_ids: Sequence[str],
        types: Sequence[str],
        texts: Sequence[str],
        quantity: Quantity,
        bands: Bands,
    ) -> None:
        """Log the tables `<split>/worst`, `/best` and `/error_by_band`.

        Arguments and errors as in `Tracker.predictions`; `ape` and `mape` are fractions.
        """
        y, p = checked(lengths, predictions)
        sizes = [len(product_ids), len(types), len(texts)]
        if set(sizes) != {y.size}:
            raise ValueError(f"{y.size} lengths, but {sizes} product ids, types and texts")
        errors = absolute_percentage_errors(y, p)

        def products(rows: NDArray[np.intp]) -> list[list[Any]]:
            return [
                [
                    *(str(product_ids[row]), str(types[row])),
                    *(float(y[row]), float(p[row]), float(errors[row])),
                    str(texts[row])[:TEXT_CHARACTERS],
                ]
                for row in rows.tolist()
            ]

        true, predicted = quantity.labelled("true"), quantity.labelled("predicted")
        columns: list[str | int] = ["product_id", "type", true, predicted, "ape", "text"]
        banded = [metric.name for metric in METRICS if metric.by_band]
        tables: dict[str, tuple[list[str | int], list[list[Any]]]] = {
            f"{split}/worst": (columns, products(worst_rows(errors, EXTREME_ROWS))),
            f"{split}/best": (columns, products(best_rows(errors, EXTREME_ROWS))),
            f"{split}/error_by_band": (
                [true, "rows", *banded],
                [
                    [band.band, band.rows, *(band[name].value for name in banded)]
                    for band in measure(y, p, bands).bands
                ],
            ),
        }
        self._send(lambda run: _log_tables(run, tables))

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Log a table of plain values."""
        named: list[str | int] = list(columns)
        made: list[list[Any]] = [plain(row) for row in rows]
        self._send(lambda run: _log_tables(run, {name: (named, made)}))

    def figure(self, name: str, figure: Any) -> None:
        """Log a Plotly figure."""
        self._send(lambda run: _log_figure(run, name, figure))

    def page(self, name: str, html: str) -> None:
        """Log a self-contained HTML page."""
        self._send(lambda run: _log_page(run, name, html))

    def summary(self, values: Mapping[str, Any]) -> None:
        """Log what the run came to; replaces the last epoch's value of the same name."""
        self._send(lambda run: run.summary.update(plain(values)))

    def finish(self, *, failed: bool) -> None:
        """Close the run with exit code 0, or 1 where it failed; a second call does nothing."""
        self._send(lambda run: run.finish(exit_code=1 if failed else 0))
        self._run = None

    def _send(self, send: Callable[["wandb.Run"], object]) -> None:
        run = self._run
        if run is None:
            return
        try:
            send(run)
        except Exception as error:  # hours of training outweigh whatever broke here
            self._run = None
            _log.warning(
                "W&B: no longer followed (%s); send what is missing with: %s",
                first_line(error),
                sync_command(run),
            )
            if not isinstance(error, TimeoutError):
                _restart()


def _log_tables(
    run: "wandb.Run", tables: Mapping[str, tuple[list[str | int], list[list[Any]]]]
) -> None:
    import wandb

    with staging(run):
        run.log(
            {
                name: wandb.Table(columns=columns, data=[*rows])
                for name, (columns, rows) in tables.items()
            }
        )


def _log_page(run: "wandb.Run", name: str, html: str) -> None:
    import wandb

    with staging(run):
        run.log({name: wandb.Html(html, inject=False)})


def _log_figure(run: "wandb.Run", name: str, figure: Any) -> None:
    import wandb

    with staging(run):
        run.log({name: wandb.Plotly(figure)})


def _restart() -> None:
    """Leave W&B's broken background process, so that a sweep's next run gets a new one."""
    import wandb

    with contextlib.suppress(Exception, SystemExit):  # it prints the same fault again, or exits
        wandb.teardown(exit_code=1)
