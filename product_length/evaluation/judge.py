"""Scores every split of a run beside the same baselines."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from product_length.artefacts import ArtefactStore, Json, save_array
from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.split import TRAIN
from product_length.catalogue.vocabulary import rows_of_type
from product_length.decision.config import Decision
from product_length.decision.conformal import Calibration
from product_length.evaluation.assess import assess_split
from product_length.evaluation.baselines import fit_baselines
from product_length.evaluation.calibration import places_among_bands
from product_length.evaluation.intervals import LEVEL, assess_intervals
from product_length.evaluation.records import IntervalReport, Resampling, SplitReport
from product_length.features.neighbours import Neighbours
from product_length.training.objective import Objective
from product_length.training.predict import decided, intervals_of

log = logging.getLogger(__name__)

_FORMAT = 1  # of what is kept of baselines; raise it when they would predict something else

Predicted = Mapping[str, NDArray[np.float64]]
"""Predicted lengths float64 (n,), 1/100 inch, by the name of what predicted them."""


def predict_baselines(
    catalogue: Catalogue,
    neighbours: Neighbours | None,
    splits: Mapping[str, NDArray[np.int64]],
    seed: int,
    store: ArtefactStore,
    made_from: Mapping[str, Json],
) -> dict[str, Predicted]:
    """What baselines fitted on the training rows predict for every split; kept in `store`.

    `splits`: row numbers int64 (n,) by name. `neighbours`: of all rows, or None, which leaves
    their baseline out. `made_from`: what all of these come from, JSON-able.
    """

    def make(folder: Path) -> dict[str, Json]:
        baselines = fit_baselines(
            texts=catalogue.texts_of,
            types=catalogue.types,
            lengths=catalogue.lengths,
            groups=catalogue.text_keys,
            train_rows=catalogue.rows(TRAIN),
            neighbours=neighbours,
            seed=seed,
        )
        for split, rows in splits.items():
            for name, lengths in baselines.predict(rows).items():
                save_array(folder / f"{split}.{name}.npy", lengths)
        return {"names": list(baselines.predictors), "left_out": dict(baselines.left_out)}

    kept = store.folder("baselines", {"format": _FORMAT, "seed": seed, **made_from}, make)
    for name, reason in kept.facts["left_out"].items():
        log.info("baseline %s left out: %s", name, reason)
    return {
        split: {name: np.load(kept.path / f"{split}.{name}.npy") for name in kept.facts["names"]}
        for split in splits
    }


def judge(
    catalogue: Catalogue,
    splits: Mapping[str, NDArray[np.int64]],
    predicted: Mapping[str, NDArray[np.float32]],
    baselines: Mapping[str, Predicted],
    oracle: Predicted,
    for_metrics: Mapping[str, Mapping[Decision, NDArray[np.float32]]],
    intervals: Mapping[str, IntervalReport],
    *,
    resampling: Resampling,
) -> dict[str, SplitReport]:
    """The metrics of every split with intervals, beside the baselines and the oracle.

    `splits`: row numbers int64 (n,) by name; `predicted` and `oracle`: float (n,), 1/100 inch, by
    split; `baselines` by split, where there are any; `for_metrics` by split and decision, where a
    distribution was predicted; `intervals` by split, where they can be judged.
    """
    return {
        split: assess_split(
            catalogue.lengths[rows],
            predicted[split],
            resampling=resampling,
            baselines=baselines.get(split),
            oracle=oracle.get(split),
            for_metrics=for_metrics.get(split),
            intervals=intervals.get(split),
        )
        for split, rows in splits.items()
    }


def judge_intervals(
    catalogue: Catalogue,
    test_rows: NDArray[np.int64],
    objective: Objective,
    raw: Tensor,
    calibration: Calibration,
) -> IntervalReport:
    """Coverage and width of the calibrated intervals of rows that did not calibrate them.

    `test_rows`: int64 (n,); `raw`: float32 (n, outputs), the network's outputs for them;
    `calibration`: by the validation rows. Raises ValueError when the objective predicts no
    distribution.
    """
    lengths = catalogue.lengths[test_rows]
    return assess_intervals(
        lengths,
        intervals_of(objective, raw, calibration.masses(LEVEL)),
        decided(objective, raw, "median"),
        places_among_bands(objective, raw, lengths),
        rows_of_type(catalogue.types.take(test_rows), catalogue.types.take(catalogue.rows(TRAIN))),
        calibration,
    )
