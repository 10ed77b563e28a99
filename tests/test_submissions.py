"""Recipes that learn or keep more than weights: a run's predictions and its submission agree."""

import logging
import re

import pytest
from builders import demo_files, job, predict_by, scored, submission

from product_length.evaluation.report import load_report
from product_length.experiment import Experiment
from product_length.pipeline import run

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


@pytest.mark.parametrize(
    "chosen",
    [
        ["embeddings=ngrams", "features=text", *NGRAMS],
        ["embeddings=[ngrams,lsa]", "features=knn", *NGRAMS, *LSA],
        [
            "features=[text,terms]",
            "features.terms.min_train_rows=401",
            "features.types.expert=true",
            "loss=histogram",
            *LSA,
        ],
    ],
    ids=["n-grams alone", "n-grams beside lsa", "too few rows for terms"],
)
def test_a_run_and_its_submission_agree(chosen, tmp_path, caplog):
    demo_files(tmp_path, rows=400, types=10, seed=3)
    cache = f"cache_dir={tmp_path / 'cache'}"
    data = ["data=amazon2023", f"data.path={tmp_path / 'train.csv'}"]
    experiment = job("train", Experiment, cache, *chosen, *data, *QUICK)
    caplog.set_level(logging.INFO)
    mape = run(experiment, tmp_path / "run", chosen)
    report = load_report(tmp_path / "run")
    assert report.val.metrics.mape.value == pytest.approx(mape, rel=1e-6)
    few = re.search(r"terms: not counted, \d+ training rows are fewer than .*=401", caplog.text)
    assert (few is not None) == ("features.terms.min_train_rows=401" in chosen)
    if "ngrams" in chosen[0]:
        assert "150 places for n-grams, computed" in caplog.text
        assert "of the rows cut to so many n-grams" in caplog.text
        assert 0 < report.truncated_shares["ngrams"] < 1

    output = predict_by(tmp_path / "run", tmp_path / "test.csv", tmp_path / "s.csv", cache)
    lengths = dict(zip(*submission(output), strict=True))
    assert len(lengths) == 400
    for split in ("val", "test"):
        own = scored(tmp_path / "run", split)["prediction"]
        assert {row: lengths[row] for row in own} == pytest.approx(own, rel=2e-3)
    assert len({round(each) for each in lengths.values()}) > 50
