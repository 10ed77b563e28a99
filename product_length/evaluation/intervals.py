"""How often calibrated intervals hold the truth on rows they were not calibrated on, how wide."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from product_length.decision.conformal import Calibration, Coverage, PitValues
from product_length.evaluation.bands import Bands
from product_length.evaluation.groups import by_frequency
from product_length.evaluation.records import IntervalGroup, IntervalReport, Reliability

LEVEL = 0.9
"""The level of the intervals that a run reports."""
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""The levels of the reliability plot."""

Floats = NDArray[np.floating[Any]]


def interval_report(
    lengths: Floats,
    ends: Floats,
    medians: Floats,
    places: PitValues,
    rows_of_type: NDArray[np.int64],
    calibration: Calibration,
    bands: Bands,
) -> IntervalReport:
    """Coverage and width of the intervals of `LEVEL` on test rows, whole and in groups.

    `lengths`, `medians` (of the predicted distributions): float (rows,), catalogue's unit; `ends`:
    float (rows, 2), of the intervals of `LEVEL`; `places`: of `lengths` in the predicted
    distributions; `rows_of_type`: int64 (rows,), training rows of each row's type; `calibration`:
    by validation rows, which these are not.
    """
    covered = (ends[:, 0] <= lengths) & (lengths <= ends[:, 1])
    widths = (ends[:, 1] - ends[:, 0]).astype(np.float64) / medians

    def group(name: str, rows: NDArray[np.bool_]) -> IntervalGroup:
        some = bool(rows.any())
        return IntervalGroup(
            name=name,
            rows=int(rows.sum()),
            coverage=float(covered[rows].mean()) if some else None,
            mean_width=float(widths[rows].mean()) if some else None,
            median_width=float(np.median(widths[rows])) if some else None,
        )

    codes = bands.codes(lengths)
    return IntervalReport(
        level=LEVEL,
        calibration_rows=len(calibration),
        overall=group("all", np.ones(len(lengths), dtype=bool)),
        bands=[group(name, codes == code) for code, name in enumerate(bands.names)],
        types=[group(name, rows) for name, rows in by_frequency(rows_of_type)],
        reliability=[
            Reliability(
                level=level,
                coverage=float(calibration.coverage(level).holds(places).mean()),
                uncalibrated=float(Coverage(level, {}).holds(places).mean()),
            )
            for level in LEVELS
        ],
    )
