"""Small run folders, written through the public functions, for tests to read back."""

from pathlib import Path

import numpy as np
import yaml

from product_length.catalogue.units import HUNDREDTH_INCH
from product_length.decision.config import Decision
from product_length.evaluation.bands import Bands
from product_length.evaluation.evaluate import evaluate_split, snap_effect
from product_length.evaluation.predictions import write_predictions
from product_length.evaluation.quantity import Quantity
from product_length.evaluation.records import DataRecord, Report, Resampling
from product_length.evaluation.report import build_report, write_report

RESAMPLING = Resampling(resamples=200, confidence=0.95, seed=0)
FINGERPRINT = "ab" * 32
BANDS = Bands((40, 100, 500, 1000, 5000))
"""Those of the challenge."""
LENGTH = Quantity("PRODUCT_LENGTH", HUNDREDTH_INCH)


def catalogue(rows: int, seed: int = 0) -> np.ndarray:
    """Lengths float32 (rows,), in every one of `BANDS`."""
    return np.exp(np.random.default_rng(seed).normal(6.4, 1.3, rows)).astype(np.float32)


def predict(lengths: np.ndarray, noise: float, seed: int = 1) -> np.ndarray:
    """Lengths seen through log-normal noise, float32 (rows,)."""
    factor = np.exp(np.random.default_rng(seed).normal(0, noise, lengths.size))
    return (lengths * factor).astype(np.float32)


def resolved(overrides: list[str], seed: int) -> dict:
    """A resolved configuration, as far as comparisons look at it."""
    config = {
        "cache_dir": ".cache",
        "data": {"source": "demo", "split": {"seed": 0}},
        "embeddings": {"encoders": {"lsa": {"kind": "lsa"}}},
        "seed": seed,
        "features": {"use_log_target": False, "neighbours": None},
        "loss": {"name": "mape"},
        "model": {"name": "mlp", "dropout": 0.2},
        "trainer": {"learning_rate": 1e-3, "progress": True, "resume": None},
        "tracking": {"name": "none"},
    }
    for override in overrides:
        key, _, text = override.lstrip("+").partition("=")
        *path, last = key.split(".")
        node = config
        for part in path:
            node = node.setdefault(part, {})
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            value = text
        if override == "features=knn":
            node[last]["neighbours"] = {"k": 20}
        elif isinstance(node.get(last), dict):
            node[last] = {**node[last], "name": value}
        else:
            node[last] = value
    return config


def write_run(
    folder: Path,
    *,
    overrides: list[str] | None = None,
    noise: float = 0.5,
    rows: int = 400,
    seed: int = 0,
    fingerprint: str = FINGERPRINT,
    max_length: float | None = None,
    ids_from: int = 0,
    shuffle: bool = False,
    resampling: Resampling = RESAMPLING,
    oracle: bool = True,
    epochs: int = 6,
    test: bool = True,
    luck: float = 0.0,
    config: dict | None = None,
    waited: float | None = None,
    quantity: Quantity = LENGTH,
    bands: Bands = BANDS,
    decision: Decision | None = None,
) -> Report:
    """Write config.yaml, report.json and predictions of a made-up run.

    `luck` is what the seed adds to the noise, times a normal number.
    """
    noise = max(0.05, noise + luck * np.random.default_rng([seed, 7]).normal())
    splits = {}
    for split, size in [("val", rows), *([("test", rows // 2)] if test else [])]:
        lengths = catalogue(size, seed=3 if split == "val" else 4)
        predictions = predict(lengths, noise, seed=round(1000 * noise) + len(split) + 10_000 * seed)
        best = predict(lengths, 0.1, seed=8)
        splits[split] = evaluate_split(
            lengths,
            predictions,
            baselines={
                "best_constant": np.full(size, 113.0),
                "type_median": predict(lengths, 0.9, seed=5),
                "tfidf_ridge": predict(lengths, 0.7, seed=6),
            },
            oracle=best if oracle else None,
            bands=bands,
            resampling=resampling,
        )
        order = np.arange(size)[::-1] if shuffle else np.arange(size)
        ids = np.array([f"{ids_from + i:06d}{split[0]}" for i in range(size)])
        write_predictions(
            folder,
            split,
            product_ids=list(ids[order]),
            types=[f"t{i % 7}" for i in order],
            lengths=lengths[order],
            predictions=predictions[order],
            quantity=quantity,
            oracle=best[order] if oracle else None,
        )
        if split == "val":
            snap = snap_effect(
                lengths,
                predictions,
                np.round(predictions) + 1,
                applied=False,
                resampling=RESAMPLING,
            )
    final = splits["val"].metrics.mape.value
    report = build_report(
        quantity=quantity,
        bands=bands,
        decision=decision,
        overrides=overrides or [],
        seed=seed,
        data=DataRecord(
            source="demo",
            fingerprint=fingerprint,
            max_length=max_length,
            rows={"train": 10 * rows, "val": rows, "test": rows // 2 if test else 0},
            reading={
                "rows_read": 12 * rows,
                "dropped": {"no length": {"count": 2, "first_rows": [5]}},
            },
        ),
        splits=splits,
        history=[
            {
                "epoch": epoch,
                "train/loss": 0.4 + 1.1 / epoch,
                "val/loss": 0.5 + 0.9 / epoch,
                "val/mape": final * (1 + 1.5 / epoch - 1.5 / epochs),
            }
            for epoch in range(1, epochs + 1)
        ],
        epochs=epochs,
        best_epoch=max(1, epochs - 1),
        parameters=1_234_567,
        timings={"catalogue": 1.5, "embeddings": 42.0, "train": 190.0 + 100 * noise},
        seconds_before_first_step=waited,
        resampling=resampling,
        truncated_shares={"minilm": 0.031, "lsa": None},
        snap=snap,
    )
    config = resolved(overrides or [], seed) if config is None else config
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    write_report(folder, report)
    return report
