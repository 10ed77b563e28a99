"""What a finished run tells its tracker."""

from collections.abc import Callable, Mapping, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from product_length.catalogue.catalogue import Catalogue
from product_length.evaluation.records import Report
from product_length.tracking.tracker import Tracker


def tell_outcome(
    tracker: Tracker,
    report: Report,
    catalogue: Catalogue,
    splits: Mapping[str, NDArray[np.int64]],
    predicted: Mapping[str, NDArray[np.float32]],
) -> None:
    """Predictions of every split, and a summary of the report.

    `splits`: row numbers int64 (n,) by name; `predicted`: float32 (n,), 1/100 inch.
    """
    for split, rows in splits.items():
        tracker.predictions(
            split,
            lengths=catalogue.lengths[rows],
            predictions=predicted[split],
            product_ids=Looked(rows, lambda row: str(catalogue.product_ids[row])),
            types=Looked(rows, lambda row: str(catalogue.types[row])),
            texts=Looked(rows, lambda row: catalogue.texts(row, row + 1)[0]),
        )
    tracker.summary(
        {
            "epochs": report.epochs,
            "best_epoch": report.best_epoch,
            "parameters": report.parameters,
            "seconds": report.timings,
            # Of the best epoch, in the place of the last one's, and decided as those were.
            **{
                f"{split}/{name}": scored.own(name).value
                for split, scored in report.splits.items()
                for name in ("mape", "score", "rmsle", "median_ape")
            },
        }
    )


class Looked(Sequence[str]):
    """Strings of some rows, looked up one by one when asked for."""

    def __init__(self, rows: NDArray[np.int64], look_up: Callable[[int], str]) -> None:
        self._rows = rows
        self._look_up = look_up

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return Looked(self._rows[at], self._look_up)
        return self._look_up(int(self._rows[at]))
