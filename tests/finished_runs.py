"""Finished runs on one catalogue, which tests of prediction, serving and their pages share.

What they need is imported when they are asked for: conftest.py names them for every test.
"""

import pytest

QUICK = [
    "data=amazon2023",
    "embeddings.encoders.lsa.dimensions=16",
    "embeddings.encoders.lsa.char_ngrams=null",
    "model=mlp",
    "model.hidden=[32,16]",
    "trainer.max_epochs=3",
    "trainer.batch_size=64",
    "trainer=cpu",
    "trainer.progress=false",
    "tracking=none",
    "evaluation.resamples=100",
    "evaluation.baselines=false",
]


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory):
    """A folder with 600 products, `train.csv`, and the same without lengths, `test.csv`."""
    from builders import demo_files

    return demo_files(tmp_path_factory.mktemp("catalogue"), rows=600, types=20, seed=3)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, catalogue):
    """Trains a recipe on the catalogue: the folder of the run."""
    from builders import job

    from product_length.experiment import Experiment
    from product_length.pipeline import run

    cache = tmp_path_factory.mktemp("cache")

    def train(*overrides):
        data = [f"data.path={catalogue / 'train.csv'}", f"cache_dir={cache}"]
        folder = tmp_path_factory.mktemp("trained") / "run"
        run(job("train", Experiment, *QUICK, *data, *overrides), folder, [])
        return folder

    return train


@pytest.fixture(scope="session")
def point(trained):
    """A run that predicts one length, from neighbours and measurements too."""
    return trained("features=full", "features.neighbours.k=5", "features.use_log_target=true")


@pytest.fixture(scope="session")
def distributed(trained):
    """A run of predicted distributions, decided for RMSLE."""
    return trained("loss=histogram", "loss.bins=32", "decision=rmsle")


@pytest.fixture(scope="session")
def everything(trained):
    """All features and experts, two encoders and n-grams, other bins, another text."""
    return trained(
        "data.text.fields=[title]",
        "embeddings=[lsa,words,ngrams]",
        "embeddings.encoders.ngrams.buckets=500",
        "embeddings.encoders.ngrams.dimensions=4",
        "features=[full,terms]",
        "features.experts=true",
        "features.neighbours.embedding=[lsa,words]",
        "features.terms.min_rows=3",
        "features.terms.min_train_rows=0",
        "model.input_dropout=0.1",
        "model.dropout_rows=100",
        "loss=histogram",
        "loss.bins=20",
        "seed=1",
    )
