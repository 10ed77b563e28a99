"""What a trained run leaves behind: its checkpoint, predictions, figures, plots and report."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from product_length.artefacts import ArtefactStore, Json
from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.scripts import scripts_of
from product_length.catalogue.split import SPLIT_NAMES, TEST, TRAIN, VAL
from product_length.decision.config import Decision
from product_length.embeddings.embed import Embedding
from product_length.evaluation.bands import Bands
from product_length.evaluation.calibration import calibrate
from product_length.evaluation.evaluate import (
    evaluate,
    evaluate_intervals,
    predict_baselines,
    snap_effect,
)
from product_length.evaluation.examples import write_examples
from product_length.evaluation.oracle import best_possible
from product_length.evaluation.predictions import ProductFacts, write_predictions
from product_length.evaluation.quantity import Quantity
from product_length.evaluation.records import (
    OWN_DECISIONS,
    Report,
    Resampling,
    SplitReport,
)
from product_length.evaluation.report import build_report, write_report
from product_length.evaluation.summary import summary
from product_length.experiment import Experiment
from product_length.features.features import FittedFeatures
from product_length.mapped_memory import give_back
from product_length.model.network import LengthNetwork
from product_length.model.trunk import parameter_count
from product_length.pages.run import run_figures, write_run_page
from product_length.prediction.checkpoint import complete_checkpoint
from product_length.prediction.predictor import Predictor, snapped
from product_length.run_records import data_record, feature_records
from product_length.shown_products import examples, product_facts
from product_length.stopwatch import Stopwatch
from product_length.tracking.outcome import log_outcome
from product_length.tracking.tracker import Tracker
from product_length.training.batches import Inputs, OrderedBatches
from product_length.training.fit import FitResult
from product_length.training.hardware import resolve_accelerator
from product_length.training.objective import Objective
from product_length.training.predict import decided, predict_raw

log = logging.getLogger(__name__)

_PREDICTION_BATCH = 4096
_SCRIPT_ROWS = 10_000


@dataclass(frozen=True)
class Run:
    """What every step of a run needs.

    `made_from`: what features were fitted on, JSON-able; `bands`: of true length;
    `started`: by `time.perf_counter`.
    """

    experiment: Experiment
    folder: Path
    overrides: Sequence[str]
    config: Mapping[str, Any]
    catalogue: Catalogue
    embeddings: Sequence[Embedding]
    fitted: FittedFeatures
    made_from: Mapping[str, Json]
    bands: Bands
    watch: Stopwatch
    started: float

    @property
    def resampling(self) -> Resampling:
        """How intervals of metrics are made."""
        options = self.experiment.evaluation
        return Resampling(**options.model_dump(exclude={"baselines"}))

    @property
    def quantity(self) -> Quantity:
        """What is predicted, and its unit."""
        return Quantity(self.experiment.data.columns.length, self.catalogue.unit)

    @property
    def decision(self) -> Decision | None:
        """What the run's own predictions are decided for; None where the loss emits one length."""
        decided_for = self.experiment.decided_for
        return None if decided_for == "auto" else decided_for

    def splits(self) -> dict[str, NDArray[np.int64]]:
        """Row numbers int64 (n,) of val, and of test if there are any, by name."""
        rows = {SPLIT_NAMES[split]: self.catalogue.rows(split) for split in (VAL, TEST)}
        return {split: some for split, some in rows.items() if len(some)}


@dataclass(frozen=True)
class Model:
    """A network, what it is trained for, and what it sees."""

    network: LengthNetwork
    objective: Objective
    inputs: Inputs


@dataclass(frozen=True)
class _Scored:
    """Predicted lengths float32 (n,), catalogue's unit, by split, and what they are worth."""

    predicted: dict[str, NDArray[np.float32]]
    oracle: Mapping[str, NDArray[np.float64]]
    splits: dict[str, SplitReport]


def finish_run(this: Run, model: Model, trained: FitResult, tracker: Tracker) -> None:
    """Evaluate what was trained, and keep everything."""
    watch = this.watch
    with watch("evaluate"):
        raw = _predict(this, model)
        give_back(*model.inputs.arrays())
        predictor = _predictor(this, model, raw["val"])
    with watch("write"):
        complete_checkpoint(trained.best_checkpoint, predictor, this.config)
    with watch("evaluate"):
        scored = _evaluate(this, predictor, raw)
        facts = product_facts(this.catalogue, this.splits(), predictor, raw)
    with watch("write"):
        _write_predictions(this, scored, facts)
    with watch("evaluate"):
        report = _report(this, model, trained, scored, predictor)
        give_back(*model.inputs.arrays())
    # Of a study's trials test rows are shown for the chosen recipe only, when all are compared.
    shown = report.without_test() if this.experiment.study else report
    with watch("write"):
        page = _write_page(this, shown, scored, facts, predictor)
    report = report.model_copy(update={"timings": dict(watch.seconds)})
    shown = shown.model_copy(update={"timings": report.timings})
    ending = time.perf_counter()
    rows = {str(split): this.splits()[split] for split in shown.splits}
    log_outcome(tracker, shown, this.catalogue, rows, scored.predicted)
    if tracker.has_figures:
        for name, figure in run_figures(this.folder, shown).items():
            tracker.figure(f"page/{name}", figure)
    write_report(this.folder, report)  # last: where it stands, the run is finished
    watch.add("end", ending)
    log.info("%s", summary(shown.model_copy(update={"timings": watch.seconds})))
    log.info("everything of this run is in %s", this.folder)
    log.info("to look at it, open %s", page)


def _predict(this: Run, model: Model) -> dict[str, Tensor]:
    """Raw outputs float32 (n, outputs) for the rows of each split."""
    accelerator = resolve_accelerator(this.experiment.trainer)
    return {
        split: predict_raw(
            model.network, OrderedBatches(model.inputs, rows, _PREDICTION_BATCH), accelerator
        )
        for split, rows in this.splits().items()
    }


def _predictor(this: Run, model: Model, raw: Tensor) -> Predictor:
    """What a checkpoint keeps; `raw`: the outputs for val rows, by which intervals are set."""
    experiment, catalogue = this.experiment, this.catalogue
    calibration = None  # a point loss has no intervals to calibrate
    if model.objective.decisions:
        calibration = calibrate(catalogue, catalogue.rows(VAL), model.objective, raw, this.bands)
    rows = catalogue.rows(TRAIN)
    some = rows[:: max(1, len(rows) // _SCRIPT_ROWS)]
    return Predictor(
        recipe=experiment.data.text,
        columns=experiment.data.columns,
        unit=this.catalogue.unit,
        kept=this.fitted.kept,
        model=experiment.model.for_rows(len(rows)),
        network=model.network,
        objective=model.objective,
        usual_lengths=np.unique(catalogue.lengths[rows]),
        scripts=tuple(scripts_of(catalogue.texts_of(some))),
        decision=experiment.decided_for,
        calibration=calibration,
    )


def _evaluate(this: Run, predictor: Predictor, raw: Mapping[str, Tensor]) -> _Scored:
    """Metrics of each split, with intervals, beside the baselines."""
    experiment, catalogue, splits = this.experiment, this.catalogue, this.splits()
    objective, calibration = predictor.objective, predictor.calibration
    predicted = {
        split: decided(objective, outputs, experiment.decided_for) for split, outputs in raw.items()
    }
    oracle = best_possible(experiment.data, catalogue, splits)
    baselines = {}
    if experiment.evaluation.baselines:
        seed, store = experiment.evaluation.seed, ArtefactStore(experiment.cache_dir)
        baselines = predict_baselines(
            catalogue, this.fitted.features, splits, seed, store, this.made_from
        )
    scored = evaluate(
        catalogue,
        splits,
        predicted,
        baselines,
        oracle,
        for_metrics={
            split: {each: decided(objective, outputs, each) for each in OWN_DECISIONS}
            for split, outputs in raw.items()
            if objective.decisions
        },
        intervals={
            split: evaluate_intervals(
                catalogue, splits[split], objective, outputs, calibration, this.bands
            )
            for split, outputs in raw.items()
            if calibration is not None and split != "val"  # val rows were calibrated on
        },
        bands=this.bands,
        resampling=this.resampling,
    )
    return _Scored(predicted, oracle, scored)


def _write_page(
    this: Run,
    report: Report,
    scored: _Scored,
    facts: Mapping[str, ProductFacts],
    predictor: Predictor,
) -> Path:
    """The run's page, of the report as far as it may be shown, and what of it is kept besides."""
    val = this.splits()["val"]
    predicted, columns = scored.predicted["val"], this.fitted.columns
    shown = examples(this.catalogue, val, predicted, facts["val"], "val", predictor, columns)
    write_examples(this.folder, shown)
    return write_run_page(this.folder, report)


def _write_predictions(this: Run, scored: _Scored, facts: Mapping[str, ProductFacts]) -> None:
    catalogue = this.catalogue
    for split, rows in this.splits().items():
        write_predictions(
            this.folder,
            split,
            product_ids=catalogue.product_ids.take(rows),
            types=catalogue.types.take(rows),
            lengths=catalogue.lengths[rows],
            predictions=scored.predicted[split],
            quantity=this.quantity,
            oracle=scored.oracle.get(split),
            facts=facts[split],
        )


def _report(
    this: Run, model: Model, trained: FitResult, scored: _Scored, predictor: Predictor
) -> Report:
    val = scored.predicted["val"]
    snap = snap_effect(
        this.catalogue.lengths[this.catalogue.rows(VAL)],
        val,
        snapped(val, predictor.usual_lengths),
        applied=False,
        resampling=this.resampling,
    )
    first_step = trained.first_step_at
    val_batches = OrderedBatches(model.inputs, this.splits()["val"], _PREDICTION_BATCH)
    accelerator = resolve_accelerator(this.experiment.trainer)
    return build_report(
        quantity=this.quantity,
        bands=this.bands,
        decision=this.decision,
        overrides=this.overrides,
        seed=this.experiment.seed,
        data=data_record(this.experiment, this.catalogue),
        splits=scored.splits,
        history=trained.history,
        epochs=trained.epochs,
        best_epoch=trained.best_epoch,
        parameters=parameter_count(model.network),
        timings=this.watch.seconds,
        features=feature_records(this.fitted.features, model.network, val_batches, accelerator),
        seconds_before_first_step=first_step and first_step - this.started,
        resampling=this.resampling,
        truncated_shares={each.name: each.truncated_share for each in this.embeddings},
        snap=snap,
    )
