"""The straight line from a catalogue to a scored run: read, fit features, build, train, finish."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import yaml

from product_length.artefacts import ArtefactStore, Json
from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.split import TRAIN, VAL
from product_length.catalogue.unit_check import unit_warning
from product_length.comparison.recipe import without_sweep
from product_length.comparison.runs import STOPPED_FILE
from product_length.embeddings.embed import Embedding, embed_catalogue
from product_length.evaluation.bands import Bands, bands_of
from product_length.experiment import EmbeddingJob, Experiment
from product_length.features.features import FittedFeatures, fit_features
from product_length.lightning_import import Callback, rank_zero_only
from product_length.loss.point import WeightedMape
from product_length.mapped_memory import give_back, give_back_freed
from product_length.memo import Memo
from product_length.model.network import LengthNetwork
from product_length.model.trunk import parameter_count
from product_length.results import Model, Run, finish_run
from product_length.secrets import without_secrets
from product_length.stopwatch import Stopwatch, beginning
from product_length.tracking.callback import EpochCallback
from product_length.tracking.open_tracker import open_tracker
from product_length.tracking.tracker import Tracker
from product_length.training.batches import Inputs
from product_length.training.epoch_note import EpochNote
from product_length.training.fit import FitResult, fit
from product_length.training.hardware import (
    refuse_sparse_updates,
    resolve_accelerator,
    resolve_precision,
)
from product_length.training.objective import build_objective
from product_length.writing import write_text

if TYPE_CHECKING:
    from product_length.sweeping.stopping import TrialStopping

log = logging.getLogger(__name__)

# The runs of a sweep, in one process, share these while their inputs are the same.
_fitted: Memo[FittedFeatures] = Memo("features")


def run(experiment: Experiment, folder: Path, overrides: Sequence[str]) -> float:
    """Train and evaluate one recipe, all of it kept in `folder`; MAPE on val rows, a fraction.

    Raises UserError for whatever a person can fix.
    """
    watch = Stopwatch()
    started = beginning()
    watch.add("start", started)
    _check_devices(experiment)
    for line in experiment.unread_columns():
        log.warning("warning: %s", line)
    config = without_secrets(experiment.model_dump(mode="json"))
    write_text(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    catalogue, embeddings = read_and_embed(experiment, watch)
    bands = _bands(experiment, catalogue)
    made_from = _made_from(experiment, catalogue, embeddings)
    with watch("features"):
        store = ArtefactStore(experiment.cache_dir)
        fitted = _fitted.get(
            made_from, lambda: fit_features(catalogue, embeddings, experiment.features, store)
        )
        fitted = fitted.with_options(experiment.features)
        give_back(*fitted.columns.values())
        give_back_freed()
        model = build_model(experiment, catalogue, fitted, bands)
    this = Run(
        experiment,
        folder,
        overrides,
        config,
        catalogue,
        embeddings,
        fitted,
        made_from,
        bands,
        watch,
        started,
    )
    with _tracker(this) as tracker:
        stopping = _stopping(this)
        noted = [EpochNote(folder, time.perf_counter() - started)] if experiment.study else []
        trained = _train(this, model, [EpochCallback(tracker), *stopping, *noted])
        give_back_freed()
        if getattr(rank_zero_only, "rank", 0) == 0:  # one process of several speaks for the run
            reason = stopping[0].reason if stopping else None
            if reason is None:
                finish_run(this, model, trained, tracker)
            else:
                _note_stopped(this, reason, tracker)
    return trained.best_val_mape


def read_and_embed(
    job: EmbeddingJob, watch: Stopwatch | None = None
) -> tuple[Catalogue, list[Embedding]]:
    """The catalogue and one array per encoder, from the cache where they are there already."""
    watch = watch or Stopwatch()
    store = ArtefactStore(job.cache_dir)
    with watch("read"):
        catalogue = open_catalogue(job.data, store)
        doubt = unit_warning(catalogue)
    for line in catalogue.reading.lines():
        log.info("%s", line)
    if doubt:
        log.warning("warning: %s", doubt)
    with watch("embed"):
        embeddings = embed_catalogue(
            catalogue.usable_texts,
            catalogue.usable_keys(),
            catalogue.places()[catalogue.rows(TRAIN)],
            job.embeddings,
            store,
            recipe=job.data.text.model_dump(mode="json"),
            only=catalogue.places(),  # every range of lengths shares what was encoded
        )
    return catalogue, embeddings


def _check_devices(experiment: Experiment) -> None:
    """Raise ConfigError, before hours of encoding, for what this machine cannot do."""
    trainer = experiment.trainer
    accelerator = resolve_accelerator(trainer)
    resolve_precision(trainer, accelerator)
    if experiment.embeddings.with_vectors() != list(experiment.embeddings.encoders):
        refuse_sparse_updates(trainer, accelerator)


def _bands(experiment: Experiment, catalogue: Catalogue) -> Bands:
    """The bands of true length, said where the options do not name them."""
    train_lengths = catalogue.lengths[catalogue.rows(TRAIN)]
    bands = bands_of(experiment.data, catalogue.unit, train_lengths)
    if experiment.data.bands is None:
        names = ", ".join(bands.names)
        log.info("bands of true values (%s): %s; data.bands sets others", catalogue.unit, names)
    return bands


def _made_from(
    experiment: Experiment, catalogue: Catalogue, embeddings: Sequence[Embedding]
) -> dict[str, Json]:
    """What features and baselines are made from."""
    return {
        "rows": catalogue.fingerprint,
        "data": experiment.data.model_dump(mode="json", exclude={"bands", "decision"}),
        "vectors": [embedding.encoder.address for embedding in embeddings],
        "features": experiment.features.fitted_by(),
    }


def build_model(
    experiment: Experiment, catalogue: Catalogue, fitted: FittedFeatures, bands: Bands
) -> Model:
    """The untrained network; the seed decides its first weights."""
    lengths = fitted.training.lengths
    loss = experiment.loss
    unit_size = catalogue.unit.in_model_units
    if isinstance(loss, WeightedMape):
        scale = loss.scale or bands.short_below or float(catalogue.lengths.min())
        log.info("loss.scale: lengths from %g %s on weigh 1", scale, catalogue.unit)
        loss = loss.model_copy(update={"scale": scale * unit_size})
    objective = build_objective(
        loss, lengths, log_target=experiment.features.use_log_target, unit_size=unit_size
    )
    options = experiment.model.for_rows(len(lengths))
    torch.manual_seed(experiment.seed)
    network = LengthNetwork(
        fitted.features,
        options,
        objective.outputs,
        objective.bin_grid(lengths),
        objective.initial_bias(lengths),
    )
    network.fit_experts(fitted.training)
    log.info(
        "%s: %s parameters, dropout %.2g, of inputs %.2g",
        options.name,
        f"{parameter_count(network):,}",
        options.dropout,
        options.input_dropout,
    )
    inputs = Inputs(fitted.columns, catalogue.model_lengths, fitted.training.repeated_texts)
    return Model(network, objective, inputs)


def _tracker(this: Run) -> Any:
    return open_tracker(
        this.experiment.tracking,
        config={
            **this.config,
            "target": this.quantity.target,
            "unit": str(this.quantity.unit),
            "overrides": list(this.overrides),
        },
        folder=this.folder,
        name=" ".join(without_sweep(this.overrides)) or "defaults",
        group=this.experiment.study,
    )


def _stopping(this: Run) -> list[TrialStopping]:
    """What stops this run where it is a hopeless trial of a sweep that asks for it; else empty."""
    experiment = this.experiment
    sweep, study, storage = experiment.sweep, experiment.study, experiment.storage
    if sweep is None or sweep.pruner is None or study is None or storage is None:
        return []
    from product_length.sweeping.stopping import TrialStopping  # not before: it imports Optuna

    return [TrialStopping(study, storage, int(this.folder.name), sweep.pruner)]


def _note_stopped(this: Run, reason: str, tracker: Tracker) -> None:
    """Say and keep why a trial was stopped; it has no report, since it is no finished run."""
    tracker.summary({"stopped_early": reason})
    write_text(this.folder / STOPPED_FILE, f"{reason}\n")
    log.info("stopped early, %s (sweep.pruner)", reason)


def _train(this: Run, model: Model, callbacks: Sequence[Callback]) -> FitResult:
    experiment, rows = this.experiment, this.catalogue.rows(TRAIN)
    with this.watch("train"):
        return fit(
            model.network,
            model.objective,
            model.inputs,
            rows,
            this.catalogue.rows(VAL),
            options=experiment.trainer.for_rows(len(rows)),
            seed=experiment.seed,
            folder=this.folder,
            callbacks=callbacks,
        )
