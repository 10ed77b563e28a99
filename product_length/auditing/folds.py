"""What models predict for rows that they have not seen: one model a fold, kept in the cache."""

from __future__ import annotations

import gc
import hashlib
import logging
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from product_length.artefacts import Artefact, ArtefactStore, Json
from product_length.auditing.config import AuditJob
from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.split import TEST, TRAIN, VAL
from product_length.catalogue.text import string_keys
from product_length.decision.distribution import Distribution
from product_length.evaluation.bands import bands_of
from product_length.experiment import Experiment
from product_length.features.features import fit_features
from product_length.pipeline import build_model, read_and_embed
from product_length.training.batches import OrderedBatches
from product_length.training.fit import fit
from product_length.training.hardware import resolve_accelerator
from product_length.training.predict import predict_raw

log = logging.getLogger(__name__)

_FORMAT = 1  # of the files below, and of what they are made by; raise it when they change
_BATCH_ROWS = 4096
# They say where a training runs, not what comes of it.
_NOT_RECIPE = {"cache_dir", "tracking", "study", "storage", "sweep", "decision", "evaluation"}
_NOT_OF_TRAINER = {"progress", "memory", "shuffle_mb", "resume"}
_NOT_OF_ENCODERS = {"engine", "workers", "ray_address"}


@dataclass(frozen=True)
class Fold:
    """What one model predicts for the rows of a catalogue that it has not seen.

    `rows`: int64 (n,), ascending; `probabilities`: float32 (n, cells), each row sums to 1;
    `edges`: float64 (cells + 1,), ln of the catalogue's unit; `best_epoch`, `epochs`: of its
    training.
    """

    rows: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    edges: NDArray[np.float64]
    best_epoch: int
    epochs: int

    def distribution(self, start: int = 0, stop: int | None = None) -> Distribution:
        """Of the rows [start, stop) of this fold, in float64, in the catalogue's unit."""
        probabilities = torch.from_numpy(self.probabilities[start:stop].astype(np.float64))
        return Distribution(probabilities, torch.from_numpy(self.edges))


def judge(job: AuditJob) -> tuple[Catalogue, list[Fold]]:
    """The catalogue, and for each fold of it what a model predicts that was trained without it.

    Rows with equal texts are in one fold. A fold that the cache holds is not trained again; one
    that another process is training is waited for. Raises UserError for whatever a person can fix.
    """
    store = ArtefactStore(job.cache_dir)
    catalogue = open_catalogue(job.data, store)
    digest = _digest_of_columns(catalogue)
    folds = []
    with tqdm(total=job.folds, unit=" folds", desc="audit", disable=None, leave=False) as bar:
        for number in range(job.folds):
            experiment = job.of_fold(number)
            made_from = _made_from(experiment, catalogue, digest)

            def make(folder: Path, experiment: Experiment = experiment) -> Mapping[str, Json]:
                return _train(experiment, folder)

            artefact = store.folder("audit", made_from, make)
            became = "found in the cache" if artefact.reused else "trained"
            log.info("fold %d of %d: %s", number + 1, job.folds, became)
            folds.append(_opened(artefact))
            bar.update()
    return catalogue, folds


def _train(experiment: Experiment, folder: Path) -> Mapping[str, Json]:
    """Train without a fold, and write into `folder` what is predicted for it."""
    catalogue, embeddings = read_and_embed(experiment)
    train_rows, rows = catalogue.rows(TRAIN), catalogue.rows(TEST)
    store = ArtefactStore(experiment.cache_dir)
    fitted = fit_features(catalogue, embeddings, experiment.features, store)
    bands = bands_of(experiment.data, catalogue.unit, catalogue.lengths[train_rows])
    model = build_model(experiment, catalogue, fitted, bands)
    training = folder / "training"
    trained = fit(
        model.network,
        model.objective,
        model.inputs,
        train_rows,
        catalogue.rows(VAL),
        options=experiment.trainer.for_rows(len(train_rows)),
        seed=experiment.seed,
        folder=training,
    )
    shutil.rmtree(training)
    device = resolve_accelerator(experiment.trainer)
    raw = predict_raw(model.network, OrderedBatches(model.inputs, rows, _BATCH_ROWS), device)
    edges = np.empty(0)
    with torch.inference_mode(), (folder / "probabilities.f32").open("wb") as file:
        for some in torch.split(raw, _BATCH_ROWS):
            predicted = model.objective.distribution(some.double())
            assert predicted is not None  # checked before: loss=histogram
            edges = predicted.edges.numpy()
            file.write(predicted.probabilities.float().numpy().tobytes())
    np.save(folder / "edges.npy", edges)
    np.save(folder / "rows.npy", rows)
    del model, fitted, embeddings
    gc.collect()  # before the next fold: both may not fit
    return {"best_epoch": trained.best_epoch, "epochs": trained.epochs}


def _opened(artefact: Artefact) -> Fold:
    rows, edges = np.load(artefact.path / "rows.npy"), np.load(artefact.path / "edges.npy")
    shape = (len(rows), len(edges) - 1)
    path = artefact.path / "probabilities.f32"
    probabilities = (
        np.memmap(path, np.float32, "r", shape=shape) if len(rows) else np.empty(shape, np.float32)
    )
    return Fold(rows, probabilities, edges, artefact.facts["best_epoch"], artefact.facts["epochs"])


def _made_from(experiment: Experiment, catalogue: Catalogue, columns: str) -> dict[str, Json]:
    """All that the predictions of a fold depend on; where and how the table lies is no part."""
    recipe = experiment.model_dump(mode="json", exclude=_NOT_RECIPE | {"data"})
    recipe["trainer"] = _without(recipe["trainer"], _NOT_OF_TRAINER)
    recipe["embeddings"] = _without(recipe["embeddings"], _NOT_OF_ENCODERS)
    data = experiment.data
    recipe["split"] = data.split.model_dump(mode="json")
    recipe["numbers and categories"] = [*data.columns.numbers, "|", *data.columns.categories]
    return {
        "format": _FORMAT,
        "catalogue": catalogue.fingerprint,
        "columns": columns,
        "text": data.text.model_dump(mode="json"),
        "recipe": recipe,
    }


def _without(options: Mapping[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key not in keys}


def _digest_of_columns(catalogue: Catalogue) -> str:
    """sha256 hex of the columns that the catalogue's fingerprint does not cover."""
    digest = hashlib.sha256()
    for part in _columns(catalogue):
        digest.update(part)
    return digest.hexdigest()


def _columns(catalogue: Catalogue) -> Iterator[bytes]:
    for name in catalogue.number_names:
        yield catalogue.number(name).tobytes()
    for name in catalogue.category_names:
        for chunk in catalogue.category(name).chunks:
            yield string_keys(chunk).tobytes()
