"""The straight line from a catalogue to a scored run: read, embed, describe, fit, judge, keep."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from product_length.artefacts import ArtefactStore, Json
from product_length.assembly import assemble
from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.config import Columns, FileData
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.scripts import scripts_of
from product_length.catalogue.split import SPLIT_NAMES, TEST, TRAIN, VAL
from product_length.embeddings.embed import Embedding, embed_catalogue
from product_length.evaluation.assess import snap_effect
from product_length.evaluation.calibration import calibrate
from product_length.evaluation.judge import judge, judge_intervals, predict_baselines
from product_length.evaluation.oracle import best_possible
from product_length.evaluation.plots import write_plots
from product_length.evaluation.predictions import load_predictions, write_predictions
from product_length.evaluation.records import OWN_DECISIONS, DataRecord, Resampling
from product_length.evaluation.report import build_report, write_report
from product_length.evaluation.summary import summary
from product_length.experiment import EmbeddingJob, Experiment
from product_length.features.describe import Features, describe
from product_length.latest import Latest
from product_length.lightning_import import rank_zero_only
from product_length.prediction.checkpoint import complete_checkpoint
from product_length.prediction.predictor import Predictor, snapped
from product_length.secrets import without_secrets
from product_length.stopwatch import Stopwatch, beginning
from product_length.tracking.callback import EpochCallback
from product_length.tracking.outcome import tell_outcome
from product_length.tracking.tracker import open_tracker
from product_length.training.batches import OrderedBatches
from product_length.training.fit import fit
from product_length.training.hardware import (
    refuse_sparse_updates,
    resolve_accelerator,
    resolve_precision,
)
from product_length.training.predict import decided, predict_raw
from product_length.unseen import distinct_types
from product_length.writing import write_text

log = logging.getLogger(__name__)

_PREDICTION_BATCH = 4096
_SCRIPT_ROWS = 10_000
_NOT_IN_NAME = ("study=", "sweep=", "storage=")
# Options of `features=` that say what the network makes of what is described.
_OF_THE_NETWORK: Any = {
    "use_log_target": True,
    "type": {"dimensions", "dropout"},
    "knn": {"projection"},
    "dimensions": {"projection"},
}
# The runs of a sweep, in one process, share these while their inputs are the same.
_described: Latest[Features] = Latest("features")


def run(experiment: Experiment, folder: Path, overrides: Sequence[str]) -> float:
    """Train and judge one recipe, leaving everything in `folder`; MAPE on val rows, a fraction.

    Raises UserError for whatever a person can mend.
    """
    started = beginning()
    watch = Stopwatch()
    watch.add("start", started)
    trainer = experiment.trainer
    accelerator = resolve_accelerator(trainer)
    resolve_precision(trainer, accelerator)  # told before hours of encoding
    if experiment.embeddings.with_vectors() != list(experiment.embeddings.encoders):
        refuse_sparse_updates(trainer, accelerator)
    config = without_secrets(experiment.model_dump(mode="json"))
    write_text(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    catalogue, embeddings = read_and_embed(experiment, watch)
    with watch("features"):
        store = ArtefactStore(experiment.cache_dir)
        seen = _what_is_seen(experiment, catalogue, embeddings)
        features = _described.get(
            seen, lambda: describe(catalogue, embeddings, experiment.features, store)
        )
        parts = assemble(experiment, catalogue, embeddings, features)
    network, objective, inputs = parts.network, parts.objective, parts.inputs
    train_rows = catalogue.rows(TRAIN)
    name = " ".join(text for text in overrides if not text.startswith(_NOT_IN_NAME)) or "defaults"
    with open_tracker(
        experiment.tracking,
        config={**config, "overrides": list(overrides)},
        folder=folder,
        name=name,
        group=experiment.study,
    ) as tracker:
        with watch("train"):
            fitted = fit(
                network,
                objective,
                inputs,
                train_rows,
                catalogue.rows(VAL),
                options=trainer.for_rows(len(train_rows)),
                seed=experiment.seed,
                folder=folder,
                callbacks=[EpochCallback(tracker)],
            )
        if getattr(rank_zero_only, "rank", 0) != 0:  # one process of several speaks for the run
            return fitted.best_val_mape
        with watch("evaluate"):
            splits = {
                SPLIT_NAMES[split]: rows
                for split in (VAL, TEST)
                if len(rows := catalogue.rows(split))
            }
            raw = {
                split: predict_raw(
                    network,
                    OrderedBatches(inputs, rows, _PREDICTION_BATCH),
                    accelerator,
                )
                for split, rows in splits.items()
            }
            val_lengths = catalogue.lengths[splits["val"]]
            calibration = None  # a point loss has no intervals to calibrate
            if objective.decisions:
                calibration = calibrate(catalogue, splits["val"], objective, raw["val"])
        predictor = Predictor(
            recipe=experiment.data.text,
            columns=experiment.data.columns if isinstance(experiment.data, FileData) else Columns(),
            encoders=tuple(embedding.encoder for embedding in embeddings),
            vocabulary=features.vocabulary,
            lookup=None if features.neighbours is None else features.neighbours.lookup,
            lookup_encoders=features.neighbour_encoders,
            network=network,
            objective=objective,
            usual_lengths=np.unique(catalogue.lengths[train_rows]),
            seen_types=tuple(distinct_types(catalogue.types.take(train_rows))),
            scripts=_scripts(catalogue, train_rows),
            decision=experiment.decision,
            dimensions=None if features.dimensions is None else features.dimensions.reader,
            terms=None if features.terms is None else features.terms.index,
            calibration=calibration,
        )
        with watch("write"):
            complete_checkpoint(fitted.best_checkpoint, predictor, parts.architecture, config)
        with watch("evaluate"):
            predicted = {
                split: decided(objective, outputs, experiment.decision)
                for split, outputs in raw.items()
            }
            for_metrics = {
                split: {each: decided(objective, outputs, each) for each in OWN_DECISIONS}
                for split, outputs in raw.items()
                if objective.decisions
            }
            intervals = {
                split: judge_intervals(catalogue, splits[split], objective, outputs, calibration)
                for split, outputs in raw.items()
                if calibration is not None and split != "val"  # val rows were calibrated on
            }
            oracle = best_possible(experiment.data, catalogue, splits)
            near = None if features.neighbours is None else features.neighbours.neighbours
            seed = experiment.evaluation.seed
            baselines = {}
            if experiment.evaluation.baselines:
                baselines = predict_baselines(catalogue, near, splits, seed, store, seen)
            scored = judge(
                catalogue,
                splits,
                predicted,
                baselines,
                oracle,
                for_metrics,
                intervals,
                resampling=_resampling(experiment),
            )
            snap = snap_effect(
                val_lengths,
                predicted["val"],
                snapped(predicted["val"], predictor.usual_lengths),
                applied=False,
                resampling=_resampling(experiment),
            )
        with watch("write"):
            for split, rows in splits.items():
                write_predictions(
                    folder,
                    split,
                    product_ids=catalogue.product_ids.take(rows),
                    types=catalogue.types.take(rows),
                    lengths=catalogue.lengths[rows],
                    predictions=predicted[split],
                    oracle=oracle.get(split),
                )
        report = build_report(
            overrides=overrides,
            seed=experiment.seed,
            data=_data_record(experiment, catalogue),
            splits=scored,
            history=fitted.history,
            epochs=fitted.epochs,
            best_epoch=fitted.best_epoch,
            parameters=parts.parameters,
            timings=watch.seconds,
            seconds_before_first_step=fitted.first_step_at and fitted.first_step_at - started,
            resampling=_resampling(experiment),
            truncated_shares={each.name: each.truncated_share for each in embeddings},
            snap=snap,
        )
        with watch("write"):
            drawn = {split: load_predictions(folder, split) for split in splits}
            write_plots(folder, report, drawn)
        report = report.model_copy(update={"timings": dict(watch.seconds)})
        ending = time.perf_counter()
        # Of a study's trials test rows are shown for the chosen recipe only, when all are compared.
        told = report.without_test() if experiment.study else report
        shown = {str(split): splits[split] for split in told.splits}
        tell_outcome(tracker, told, catalogue, shown, predicted)
        write_report(folder, report)  # last: where it stands, the run is finished
    watch.add("end", ending)
    log.info("%s", summary(told.model_copy(update={"timings": watch.seconds})))
    log.info("everything of this run is in %s", folder)
    return fitted.best_val_mape


def read_and_embed(
    job: EmbeddingJob, watch: Stopwatch | None = None
) -> tuple[Catalogue, list[Embedding]]:
    """The catalogue and one array per encoder, from the cache where they are there already."""
    watch = watch or Stopwatch()
    store = ArtefactStore(job.cache_dir)
    with watch("read"):
        catalogue = open_catalogue(job.data, store)
    for line in catalogue.reading.lines():
        log.info("%s", line)
    with watch("embed"):
        embeddings = embed_catalogue(
            catalogue.usable_texts,
            catalogue.usable_keys(),
            catalogue.places()[catalogue.rows(TRAIN)],
            job.embeddings,
            store,
            recipe=job.data.text.model_dump(mode="json"),
            only=catalogue.places(),  # every track shares what was encoded
        )
    return catalogue, embeddings


def _what_is_seen(
    experiment: Experiment, catalogue: Catalogue, embeddings: Sequence[Embedding]
) -> dict[str, Json]:
    """What features and baselines are made from."""
    return {
        "rows": catalogue.fingerprint,
        "data": experiment.data.model_dump(mode="json"),
        "vectors": [embedding.encoder.address for embedding in embeddings],
        "features": experiment.features.model_dump(mode="json", exclude=_OF_THE_NETWORK),
    }


def _scripts(catalogue: Catalogue, rows: NDArray[np.int64]) -> tuple[str, ...]:
    """The scripts that the texts of rows are in, by some of them, evenly spaced."""
    step = max(1, len(rows) // _SCRIPT_ROWS)
    return tuple(scripts_of(catalogue.texts_of(rows[::step])))


def _resampling(experiment: Experiment) -> Resampling:
    return Resampling(**experiment.evaluation.model_dump(exclude={"baselines"}))


def _data_record(experiment: Experiment, catalogue: Catalogue) -> DataRecord:
    return DataRecord(
        source=catalogue.reading.source,
        fingerprint=catalogue.fingerprint,
        min_length=experiment.data.min_length,
        max_length=experiment.data.max_length,
        rows={name: len(catalogue.rows(split)) for split, name in enumerate(SPLIT_NAMES)},
        reading=catalogue.reading.to_json(),
    )
