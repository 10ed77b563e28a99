"""Where a run is followed while it happens: the tracker that every other module calls."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from numpy.typing import ArrayLike
from typing_extensions import Self

from product_length.evaluation.bands import Bands
from product_length.evaluation.quantity import Quantity


class Tracker:
    """Follows one run, here nowhere; as a context manager it is closed however the block ends.

    A block that ends in an exception, an interrupt or a non-zero exit marks the run as failed.
    """

    has_figures = False
    """Whether it shows figures: they take seconds to make."""

    def start(self, config: Mapping[str, Any], folder: Path, name: str) -> None:
        """Open the run: `config` is all it is made from, `folder` is where it keeps its files.

        Raises UserError when the run cannot be followed as asked.
        """

    def epoch(self, metrics: Mapping[str, float], epoch: int) -> None:
        """Log the metrics of a finished epoch, counted from 1; later epochs have larger numbers.

        Names are such as `train/loss` and `val/mape` (a fraction).
        """

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
        """Show how far the predictions of a split ("val" or "test") are from the truth.

        `lengths` and `predictions`: float (rows,), of `quantity`, in `bands`. Of `product_ids`,
        `types` and `texts`, each (rows,), only the few products shown are looked up: they may be
        lazy. Raises ValueError for unequal sizes, no rows, or a length that is not positive and
        finite.
        """

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Show a table of plain values."""

    def figure(self, name: str, figure: Any) -> None:
        """Show a Plotly figure."""

    def page(self, name: str, html: str) -> None:
        """Show a self-contained HTML page."""

    def summary(self, values: Mapping[str, Any]) -> None:
        """Log what the run came to; values may be nested."""

    def finish(self, *, failed: bool) -> None:
        """Close the run; a second call does nothing."""

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
