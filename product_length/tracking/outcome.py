"""What is logged of a finished run."""

from collections.abc import Callable, Mapping, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from product_length.catalogue.catalogue import Catalogue
from product_length.evaluation.metrics import METRICS
from product_length.evaluation.records import Report
from product_length.tracking.tracker import Tracker


def log_outcome(
    tracker: Tracker,
    report: Report,
    catalogue: Catalogue,
    splits: Mapping[str, NDArray[np.int64]],
    predicted: Mapping[str, NDArray[np.float32]],
) -> None:
    """Log the predictions of every split, and a summary of the report.

    `splits`: row numbers int64 (n,) by name; `predicted`: float32 (n,), catalogue's unit.
    """
    for split, rows in splits.items():
        tracker.predictions(
            split,
            lengths=catalogue.lengths[rows],
            predictions=predicted[split],
            product_ids=LazyStrings(rows, lambda row: str(catalogue.product_ids[row])),
            types=LazyStrings(rows, lambda row: str(catalogue.types[row])),
            quantity=report.quantity,
            bands=report.bands,
            texts=LazyStrings(rows, lambda row: catalogue.texts(row, row + 1)[0]),
        )
    tracker.summary(
        {
            "target": report.target,
            "unit": report.unit,
            "band_edges": report.band_edges,
            "short_below": report.bands.short_below,
            "decision": report.decision,
            "epochs": report.epochs,
            "best_epoch": report.best_epoch,
            "parameters": report.parameters,
            "seconds": report.timings,
            # Of the best epoch, in the place of the last one's, and decided as those were.
            **{
                f"{split}/{metric.name}": scored.own(metric.name).value
                for split, scored in report.splits.items()
                for metric in METRICS
            },
        }
    )


class LazyStrings(Sequence[str]):
    """Strings of some rows, each read when it is asked for."""

    def __init__(self, rows: NDArray[np.int64], read: Callable[[int], str]) -> None:
        self._rows = rows
        self._read = read

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return LazyStrings(self._rows[at], self._read)
        return self._read(int(self._rows[at]))
