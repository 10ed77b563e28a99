"""Evaluates a run: metrics with intervals beside baselines and oracle, and what deserves worry."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from product_length.artefacts import ArtefactStore, Json, save_array
from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.split import TRAIN
from product_length.catalogue.vocabulary import rows_of_type
from product_length.decision.config import Decision
from product_length.decision.conformal import Calibration
from product_length.evaluation.bands import Bands
from product_length.evaluation.baselines import fit_baselines
from product_length.evaluation.calibration import places_among_bands
from product_length.evaluation.estimates import Measured, measure
from product_length.evaluation.intervals import LEVEL, interval_report
from product_length.evaluation.metrics import MAPE, absolute_percentage_errors
from product_length.evaluation.records import (
    Baseline,
    IntervalReport,
    Resampling,
    SnapEffect,
    SplitReport,
)
from product_length.evaluation.remarks import remarks
from product_length.evaluation.resampling import Paired, mean_differences, resample
from product_length.features.feature import Feature
from product_length.features.neighbours.feature import NeighboursFeature
from product_length.training.objective import Objective
from product_length.training.predict import decided, intervals_of

log = logging.getLogger(__name__)

_FORMAT = 1  # of what is kept of baselines; raise it when they would predict something else
_ORACLE = "oracle"

Predicted = Mapping[str, NDArray[np.float64]]
"""Predicted lengths float64 (n,), catalogue's unit, by the name of what predicted them."""


def predict_baselines(
    catalogue: Catalogue,
    features: Iterable[Feature],
    splits: Mapping[str, NDArray[np.int64]],
    seed: int,
    store: ArtefactStore,
    made_from: Mapping[str, Json],
) -> dict[str, Predicted]:
    """What baselines fitted on the training rows predict for every split; kept in `store`.

    `splits`: row numbers int64 (n,) by name. `features`: of the run; without neighbours among them
    their baseline is left out. `made_from`: what all of these come from, JSON-able.
    """

    found = [each.found for each in features if isinstance(each, NeighboursFeature)]

    def make(folder: Path) -> dict[str, Json]:
        baselines = fit_baselines(
            texts=catalogue.texts_of,
            types=catalogue.types,
            lengths=catalogue.lengths,
            groups=catalogue.text_keys,
            train_rows=catalogue.rows(TRAIN),
            neighbours=found[0] if found else None,
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


def evaluate(
    catalogue: Catalogue,
    splits: Mapping[str, NDArray[np.int64]],
    predicted: Mapping[str, NDArray[np.float32]],
    baselines: Mapping[str, Predicted],
    oracle: Predicted,
    for_metrics: Mapping[str, Mapping[Decision, NDArray[np.float32]]],
    intervals: Mapping[str, IntervalReport],
    *,
    bands: Bands,
    resampling: Resampling,
) -> dict[str, SplitReport]:
    """The metrics of every split with intervals, beside the baselines and the oracle.

    `splits`: row numbers int64 (n,) by name; `predicted` and `oracle`: float (n,), in the
    catalogue's unit, by split; `baselines` by split, where there are any; `for_metrics` by split
    and decision, where a distribution was predicted; `intervals` by split, where they can be
    evaluated.
    """
    return {
        split: evaluate_split(
            catalogue.lengths[rows],
            predicted[split],
            bands=bands,
            resampling=resampling,
            baselines=baselines.get(split),
            oracle=oracle.get(split),
            for_metrics=for_metrics.get(split),
            intervals=intervals.get(split),
        )
        for split, rows in splits.items()
    }


def evaluate_split(
    lengths: ArrayLike,
    predictions: ArrayLike,
    *,
    bands: Bands,
    resampling: Resampling,
    baselines: Mapping[str, ArrayLike] | None = None,
    oracle: ArrayLike | None = None,
    for_metrics: Mapping[Decision, ArrayLike] | None = None,
    intervals: IntervalReport | None = None,
) -> SplitReport:
    """The model's metrics on one split, and its paired difference to every baseline there.

    Baselines are made for MAPE, as the oracle is: where a distribution was predicted the model is
    decided for MAPE too, to be compared with them.

    `lengths`, `predictions`, `oracle` and each of `baselines` and `for_metrics` (predictions by the
    decision that made them from a distribution): float (rows,), in the catalogue's unit;
    `intervals` as `evaluate_intervals` found them on these rows. Raises ValueError for what
    `metrics.checked` refuses, or a baseline named "oracle".
    """
    others = dict(baselines or {})
    if _ORACLE in others:
        raise ValueError(f'no baseline may be named "{_ORACLE}"')
    if oracle is not None:
        others[_ORACLE] = oracle
    decided = for_metrics or {}
    errors = absolute_percentage_errors(lengths, decided.get(MAPE.decision, predictions))
    paired = Paired(
        [(errors, absolute_percentage_errors(lengths, other)) for other in others.values()]
    )
    measured = Measured(lengths, [predictions, *decided.values()], bands)
    samples = resample(
        [*measured.statistics, *paired.statistics],
        measured.rows,
        resamples=resampling.resamples,
        seed=resampling.seed,
    )
    ends = resampling.confidence, resampling.seed
    differences = paired.differences(samples[len(measured.statistics) :], *ends)
    own, *under = measured.estimates(samples[: len(measured.statistics)], *ends)
    scored = {
        name: Baseline(metrics=measure(lengths, other, bands), difference=difference)
        for (name, other), difference in zip(others.items(), differences, strict=True)
    }
    best_possible = scored.pop(_ORACLE, None)
    decisions = dict(zip(decided, under, strict=True))
    return SplitReport(
        metrics=own,
        baselines=scored,
        oracle=best_possible,
        decisions=decisions,
        intervals=intervals,
        remarks=remarks(decisions.get(MAPE.decision, own), scored),
    )


def evaluate_intervals(
    catalogue: Catalogue,
    test_rows: NDArray[np.int64],
    objective: Objective,
    raw: Tensor,
    calibration: Calibration,
    bands: Bands,
) -> IntervalReport:
    """Coverage and width of the calibrated intervals of rows that did not calibrate them.

    `test_rows`: int64 (n,); `raw`: float32 (n, outputs), the network's outputs for them;
    `calibration`: by the validation rows. Raises ValueError when the objective predicts no
    distribution.
    """
    lengths = catalogue.lengths[test_rows]
    return interval_report(
        lengths,
        intervals_of(objective, raw, calibration.coverage(LEVEL)),
        decided(objective, raw, "median"),
        places_among_bands(objective, raw, lengths, bands),
        rows_of_type(catalogue.types.take(test_rows), catalogue.types.take(catalogue.rows(TRAIN))),
        calibration,
        bands,
    )


def snap_effect(
    lengths: ArrayLike,
    plain: ArrayLike,
    snapped: ArrayLike,
    *,
    applied: bool,
    resampling: Resampling,
) -> SnapEffect:
    """What snapping does to MAPE on val rows; arrays float (rows,), catalogue's unit."""
    after, before = (absolute_percentage_errors(lengths, each) for each in (snapped, plain))
    (difference,) = mean_differences([(after, before)], **resampling.model_dump())
    return SnapEffect(
        applied=applied,
        mape_without=float(before.mean()),
        mape_with=float(after.mean()),
        difference=difference,
    )
