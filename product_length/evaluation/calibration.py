"""Intervals calibrated by the validation rows of a run, among the bands of its report."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.split import TRAIN
from product_length.decision.conformal import Calibration, PitValues, common_bands
from product_length.evaluation.bands import Bands
from product_length.training.objective import Objective
from product_length.training.predict import ranks


def calibrate(
    catalogue: Catalogue,
    val_rows: NDArray[np.int64],
    objective: Objective,
    raw: Tensor,
    bands: Bands,
) -> Calibration:
    """By the validation rows int64 (n,) and the network's outputs float32 (n, outputs) for them.

    Raises ValueError when the objective predicts no distribution.
    """
    places = places_among_bands(objective, raw, catalogue.lengths[val_rows], bands)
    trained_on = bands.codes(catalogue.lengths[catalogue.rows(TRAIN)])
    return Calibration(places, bands.edges, common_bands(trained_on, len(bands)))


def places_among_bands(
    objective: Objective, raw: Tensor, lengths: NDArray[np.float32], bands: Bands
) -> PitValues:
    """Where lengths float32 (n,), in the catalogue's unit, lie; `raw`: float32 (n, outputs).

    Raises ValueError when the objective predicts no distribution.
    """
    at_edges = [ranks(objective, raw, np.full_like(lengths, edge)) for edge in bands.edges]
    return PitValues(
        ranks(objective, raw, lengths),
        np.stack(at_edges, axis=1) if at_edges else np.empty((len(lengths), 0)),
        bands.codes(lengths),
    )
