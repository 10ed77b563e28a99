"""Recipes that learn or keep more than weights: a run's predictions and its submission agree."""

import csv
import logging
import re

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hydra import compose, initialize_config_dir

from product_length.composition import CONF
from product_length.demo.generator import DemoGenerator
from product_length.evaluation.report import load_report
from product_length.experiment import Experiment, from_config
from product_length.pipeline import run
from product_length.predict import predict
from product_length.prediction.config import PredictionJob

QUICK = [
    "model.hidden=[16]",
    "trainer=cpu",
    "trainer.max_epochs=4",
    "trainer.learning_rate=0.01",
    "trainer.batch_size=64",
    "trainer.progress=false",
    "tracking=none",
    "evaluation.resamples=100",
    "evaluation.baselines=false",
]
POINT = ["loss=rmsle", "features.use_log_target=true"]
NGRAMS = [
    *POINT,
    "embeddings.encoders.ngrams.buckets=2000",
    "embeddings.encoders.ngrams.dimensions=8",
    "embeddings.encoders.ngrams.length=150",
]
LSA = ["embeddings.encoders.lsa.dimensions=8", "embeddings.encoders.lsa.char_ngrams=null"]


def job(name, schema, *overrides):
    with initialize_config_dir(str(CONF)):
        return from_config(compose(name, overrides=list(overrides)), schema)


@pytest.mark.parametrize(
    "chosen",
    [
        ["embeddings=ngrams", "features=text", *NGRAMS],
        ["embeddings=[ngrams,lsa]", "features=knn", *NGRAMS, *LSA],
        [
            "features=full",
            "features.terms={min_rows: 3, least_rows: 100}",
            "loss=histogram",
            "model.priors=[neighbours,types,dimensions,ratios,terms]",
            *LSA,
        ],
        [
            "features=text",
            "features.terms={least_rows: 401}",
            "loss=histogram",
            "model.priors=[types,terms]",
            *LSA,
        ],
    ],
    ids=["n-grams alone", "n-grams beside lsa", "priors", "too few rows for terms"],
)
def test_a_run_and_its_submission_agree(chosen, tmp_path, caplog):
    table = pa.Table.from_batches(DemoGenerator(rows=400, types=10, seed=3).batches())
    pa.csv.write_csv(table, tmp_path / "train.csv")
    pa.csv.write_csv(table.drop_columns(["PRODUCT_LENGTH"]), tmp_path / "test.csv")
    cache = f"cache_dir={tmp_path / 'cache'}"
    data = ["data=amazon2023", f"data.path={tmp_path / 'train.csv'}"]
    experiment = job("train", Experiment, cache, *chosen, *data, *QUICK)
    caplog.set_level(logging.INFO)
    mape = run(experiment, tmp_path / "run", chosen)
    report = load_report(tmp_path / "run")
    assert report.val.metrics.mape.value == pytest.approx(mape, rel=1e-6)
    few = re.search(r"terms: not counted, \d+ training rows are fewer than .*=401", caplog.text)
    assert (few is not None) == ("features.terms={least_rows: 401}" in chosen)
    if "ngrams" in chosen[0]:
        assert "150 places for n-grams, computed" in caplog.text
        assert "of the rows cut to so many n-grams" in caplog.text
        assert 0 < report.truncated_shares["ngrams"] < 1

    predict(
        job(
            "predict",
            PredictionJob,
            f"checkpoint={tmp_path / 'run/checkpoints/best.ckpt'}",
            f"data.path={tmp_path / 'test.csv'}",
            f"output={tmp_path / 'submission.csv'}",
            cache,
            "device=cpu",
        ),
        tmp_path,
        [],
    )
    with (tmp_path / "submission.csv").open(newline="", encoding="utf-8") as file:
        lengths = {row["PRODUCT_ID"]: float(row["PRODUCT_LENGTH"]) for row in csv.DictReader(file)}
    assert len(lengths) == 400
    for split in ("val", "test"):
        found = pq.read_table(tmp_path / "run" / f"predictions_{split}.parquet").to_pydict()
        mine = [lengths[each] for each in found["PRODUCT_ID"]]
        np.testing.assert_allclose(mine, found["prediction"], rtol=2e-3)
    assert len({round(each) for each in lengths.values()}) > 50
