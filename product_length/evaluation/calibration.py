"""Intervals calibrated by the validation rows of a run, among the bands of its report."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.split import TRAIN
from product_length.decision.conformal import Calibration, PitValues, common_bands
from product_length.evaluation.metrics import BAND_EDGES, BANDS, band_codes
from product_length.training.objective import Objective
from product_length.training.predict import ranks


def calibrate(
    catalogue: Catalogue, val_rows: NDArray[np.int64], objective: Objective, raw: Tensor
) -> Calibration:
    """By the validation rows int64 (n,) and the network's outputs float32 (n, outputs) for them.

    Raises ValueError when the objective predicts no distribution.
    """
    places = places_among_bands(objective, raw, catalogue.lengths[val_rows])
    trained_on = band_codes(catalogue.lengths[catalogue.rows(TRAIN)])
    return Calibration(places, BAND_EDGES, common_bands(trained_on, len(BANDS)))


def places_among_bands(
    objective: Objective, raw: Tensor, lengths: NDArray[np.float32]
) -> PitValues:
    """Where lengths float32 (n,), 1/100 inch, lie; `raw`: float32 (n, outputs).

    Raises ValueError when the objective predicts no distribution.
    """
    edges = [np.full_like(lengths, edge) for edge in BAND_EDGES]
    return PitValues(
        ranks(objective, raw, lengths),
        np.stack([ranks(objective, raw, edge) for edge in edges], axis=1),
        band_codes(lengths),
    )
