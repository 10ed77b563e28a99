"""Strong baselines of the gate: what a recipe has to beat, from the same rows and features.

lightgbm, rows weighted by 1/length   gradient-boosted trees on all that the network sees, L1 loss
                                      on ln(length), stopped by val rows: with these weights its
                                      median is the decision that is best for MAPE
lightgbm                              the same without weights, whose decision is best for median
                                      APE
tfidf ridge, words and characters     ridge regression of ln(length) on TF-IDF of words, pairs of
                                      words and character n-grams; its penalty is chosen on val rows
neighbour median, type median,        weighted medians of the training lengths, as in every run's
constant                              report

As a recipe does, each decides for either metric: MAPE is that of the predictions times a scale from
val rows (weights 1/length for the medians), median APE that of the predictions alone (equal weights
for the medians). The scale is the median of those that are best on each of five parts of the val
rows: by all at once one tiny length can decide it, and did (0.002 on a table with one of 0.03 cm).
The weighted trees have one decision for both. No baseline is given a length of a test row. What a
baseline predicts is kept in a folder and not computed again.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from product_length.artefacts import ArtefactStore
from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.split import TEST, TRAIN, VAL
from product_length.errors import UserError
from product_length.evaluation.baselines import neighbour_median, type_median
from product_length.evaluation.metrics import absolute_percentage_errors, mape
from product_length.evaluation.predictions import write_predictions
from product_length.evaluation.quantity import Quantity
from product_length.evaluation.tfidf_ridge import best_scale
from product_length.experiment import Experiment
from product_length.features.features import fit_features
from product_length.features.neighbours.feature import NeighboursFeature
from product_length.features.neighbours.index import Neighbours
from product_length.pipeline import read_and_embed
from product_length.weighted_median import weighted_median
from product_length.writing import write_text

Lengths = NDArray[np.float64]
Rows = NDArray[np.int64]

BASELINE_FILE = "baseline.json"
FOR_MAPE, FOR_MEDIAN = "test_for_mape", "test_for_median"
TREES: dict[str, Any] = {
    "objective": "l1",
    "metric": "l1",
    "learning_rate": 0.03,
    "num_leaves": 31,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "seed": 0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
MOST_TREES, PATIENCE = 2000, 100
PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0)
SCALES = 5
CODES = ("types", "categories")
# Characters of a text that the ridge reads, as many as the ridge of every run's report.
TEXT_HEAD = 1000


@dataclass(frozen=True)
class Fold:
    """What a baseline is given: the lengths of training and val rows, no others.

    `features`: float32 (rows, width), all that the network sees beside product types as codes,
    which are the columns `codes`. `types`: strings (rows,). `neighbours`: of all rows, places in
    the order of the training rows, or None. `train`, `val`, `test`: int64 (n,), row numbers.
    `train_lengths`, `val_lengths`: float64 (n,), catalogue's unit.
    """

    features: NDArray[np.float32]
    codes: list[int]
    texts: Callable[[Rows], Sequence[str]]
    types: Any
    neighbours: Neighbours | None
    train: Rows
    val: Rows
    test: Rows
    train_lengths: Lengths
    val_lengths: Lengths


@dataclass(frozen=True)
class Predicted:
    """Lengths of the test rows, float64 (n,), catalogue's unit, decided for each metric.

    `chosen`: what val rows decided.
    """

    for_mape: Lengths
    for_median: Lengths
    chosen: dict[str, float] = field(default_factory=dict)


def boosted_trees(fold: Fold, *, weighted: bool) -> Predicted:
    """LightGBM with L1 loss on ln(length); `weighted` gives each row the weight 1/length."""
    import lightgbm

    def rows_of(rows: Rows, lengths: Lengths, bins_of: Any = None) -> Any:
        weights = 1 / lengths if weighted else np.ones_like(lengths)
        return lightgbm.Dataset(
            fold.features[rows],
            np.log(lengths),
            # LightGBM's least weight of a leaf is absolute, the unit of lengths is not.
            weight=weights / weights.mean(),
            categorical_feature=fold.codes,
            reference=bins_of,
            params=TREES,
        )

    train = rows_of(fold.train, fold.train_lengths)
    model = lightgbm.train(
        TREES,
        train,
        num_boost_round=MOST_TREES,
        valid_sets=[rows_of(fold.val, fold.val_lengths, train)],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )
    val, test = (
        np.exp(np.asarray(model.predict(fold.features[rows], num_threads=1), np.float64))
        for rows in (fold.val, fold.test)
    )
    scale = steady_scale(fold.val_lengths, val)
    chosen = {"trees": float(model.best_iteration), "scale": scale}
    return Predicted(scale * test, scale * test if weighted else test, chosen)


def tfidf_ridge(fold: Fold) -> Predicted:
    """Ridge regression of ln(length) on TF-IDF, its penalty chosen on val rows for each metric."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import FeatureUnion

    words = TfidfVectorizer(
        ngram_range=(1, 2), min_df=2, max_features=100_000, sublinear_tf=True, dtype=np.float32
    )
    characters = TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=(3, 5),
        min_df=2,
        max_features=100_000,
        sublinear_tf=True,
        dtype=np.float32,
    )
    weigh = FeatureUnion([("words", words), ("characters", characters)])

    def heads(rows: Rows) -> list[str]:
        return [text[:TEXT_HEAD] for text in fold.texts(rows)]

    train = weigh.fit_transform(heads(fold.train))
    val, test = (weigh.transform(heads(rows)) for rows in (fold.val, fold.test))
    target = np.log(fold.train_lengths)
    tried = []
    for penalty in PENALTIES:
        ridge = Ridge(alpha=penalty, solver="sparse_cg", tol=1e-3).fit(train, target)
        of_val, of_test = (
            # Beyond the training lengths a linear model is not to be believed.
            np.exp(np.clip(np.asarray(ridge.predict(each), np.float64), target.min(), target.max()))
            for each in (val, test)
        )
        scale = steady_scale(fold.val_lengths, of_val)
        tried.append(
            {
                "penalty": penalty,
                "scale": scale,
                "mape": mape(fold.val_lengths, scale * of_val),
                "median_ape": float(
                    np.median(absolute_percentage_errors(fold.val_lengths, of_val))
                ),
                "test": of_test,
            }
        )
    best = min(tried, key=lambda each: each["mape"])
    typical = min(tried, key=lambda each: each["median_ape"])
    return Predicted(
        best["scale"] * best["test"],
        typical["test"],
        {
            "penalty": best["penalty"],
            "scale": best["scale"],
            "penalty_for_median": typical["penalty"],
        },
    )


def steady_scale(lengths: Lengths, predictions: Lengths) -> float:
    """The median of the scales that are best for MAPE on each of five parts of some rows."""
    parts = [slice(at, None, SCALES) for at in range(min(SCALES, len(lengths)))]
    return float(np.median([best_scale(lengths[each], predictions[each]) for each in parts]))


def neighbours_alone(fold: Fold) -> Predicted:
    if fold.neighbours is None:
        raise UserError(
            "neighbour median: the features have no neighbours; leave it out (--recipes)"
        )
    near, lengths = fold.neighbours, fold.train_lengths
    for_mape, for_median = (
        neighbour_median(near, lengths, weights)(fold.test) for weights in both_weights(lengths)
    )
    return Predicted(for_mape, for_median)


def types_alone(fold: Fold) -> Predicted:
    for_mape, for_median = (
        type_median(fold.types, fold.train_lengths, weights, fold.train)(fold.test)
        for weights in both_weights(fold.train_lengths)
    )
    return Predicted(for_mape, for_median)


def constant(fold: Fold) -> Predicted:
    for_mape, for_median = (
        np.full(len(fold.test), weighted_median(fold.train_lengths, weights))
        for weights in both_weights(fold.train_lengths)
    )
    return Predicted(for_mape, for_median)


def both_weights(lengths: Lengths) -> tuple[Lengths, Lengths]:
    """With which a median is best for MAPE, and for median APE."""
    return 1 / lengths, np.ones_like(lengths)


BASELINES: dict[str, Callable[[Fold], Predicted]] = {
    "lightgbm, rows weighted by 1/length": partial(boosted_trees, weighted=True),
    "lightgbm": partial(boosted_trees, weighted=False),
    "tfidf ridge, words and characters": tfidf_ridge,
    "neighbour median": neighbours_alone,
    "type median": types_alone,
    "constant": constant,
}


def missing_library(baselines: Sequence[str]) -> str | None:
    """What to do where a baseline's library is not installed; None where nothing is missing."""
    if any(name.startswith("lightgbm") for name in baselines):
        try:
            import lightgbm  # noqa: F401
        except ImportError:
            return (
                "lightgbm is not installed: pip install -c constraints.txt -e '.[benchmarks]', or "
                "leave it out of --recipes"
            )
    return None


def measure(experiment: Experiment, overrides: Sequence[str], folders: dict[str, Path]) -> None:
    """Have each of some baselines predict the test rows of one fold, and keep it in its folder."""
    catalogue, fold = fold_of(experiment)
    for name, folder in folders.items():
        started = time.perf_counter()
        predicted = BASELINES[name](fold)
        seconds = time.perf_counter() - started
        for decision, lengths in (
            (FOR_MAPE, predicted.for_mape),
            (FOR_MEDIAN, predicted.for_median),
        ):
            write_predictions(
                folder,
                decision,
                product_ids=catalogue.product_ids.take(fold.test),
                types=catalogue.types.take(fold.test),
                lengths=catalogue.lengths[fold.test],
                predictions=lengths,
                quantity=Quantity(experiment.data.columns.length, catalogue.unit),
            )
        facts = {"overrides": list(overrides), "seconds": seconds, "chosen": predicted.chosen}
        # Last: where it stands, the baseline is finished.
        write_text(folder / BASELINE_FILE, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


def fold_of(experiment: Experiment) -> tuple[Catalogue, Fold]:
    """The catalogue of a run, and what a baseline sees of it."""
    catalogue, embeddings = read_and_embed(experiment)
    store = ArtefactStore(experiment.cache_dir)
    fitted = fit_features(catalogue, embeddings, experiment.features, store)
    # Ids of n-grams and of terms are no numbers to split at.
    numbers = [
        np.asarray(fitted.columns[each.name], np.float32)
        for each in fitted.features
        if each.name not in (*CODES, "terms") and not (each.text_encoder and each.text_encoder.bag)
    ]
    codes = [
        fitted.columns[name].reshape(len(catalogue), -1).astype(np.float32)  # exact up to 2**24
        for name in CODES
        if name in fitted.columns
    ]
    features = np.hstack([*numbers, *codes])  # codes last
    found = [each.found for each in fitted.features if isinstance(each, NeighboursFeature)]
    train, val, test = (catalogue.rows(split) for split in (TRAIN, VAL, TEST))
    return catalogue, Fold(
        features=features,
        codes=list(range(sum(each.shape[1] for each in numbers), features.shape[1])),
        texts=catalogue.texts_of,
        types=catalogue.types,
        neighbours=found[0] if found else None,
        train=train,
        val=val,
        test=test,
        train_lengths=catalogue.lengths[train].astype(np.float64),
        val_lengths=catalogue.lengths[val].astype(np.float64),
    )
