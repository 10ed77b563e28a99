"""A catalogue whose types, stated lengths and neighbours mislead: experts do no harm there."""

import csv
import random

import numpy as np
import pytest
from builders import job, scored

from product_length.experiment import Experiment
from product_length.pipeline import run

SIZES = {"tiny": 8.0, "small": 15.0, "medium": 30.0, "large": 60.0, "huge": 120.0}
FILLERS = [
    f"{one}{other}" for one in ("soft", "bright", "plain") for other in ("ware", "line", "mark")
]
TEXTS, COPIES = 360, 6


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """One word says the length. Each text is there six times with the same length.

    A type has two texts: a copy of a training row's text that is of the same type says its length,
    and no validation row has such a copy. The number that a text states says nothing.
    """
    luck = random.Random(3)
    rows = []
    for text in range(TEXTS):
        size = luck.choice(list(SIZES))
        words = luck.sample(FILLERS, 6)
        title = " ".join([*words[:3], size, *words[3:], f"{luck.randrange(5, 200)} cm"])
        length = round(SIZES[size] * luck.lognormvariate(0, 0.15), 1)
        rows += [(title, f"kind {text // 2}", length)] * COPIES
    path = tmp_path_factory.mktemp("misleading") / "table.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("title", "kind", "length"), *rows])
    return path


def errors(table, name, *overrides):
    """Absolute percentage errors, fractions, of all rows that were not trained on, by product."""
    options = job(
        "train", Experiment, "data=file", f"data.path={table}", "data.unit=cm",
        "data.decision=mape", "data.columns.title=title", "data.columns.product_type=kind",
        "data.columns.length=length", "data.split.train=0.6", "data.split.val=0.2",
        "data.split.test=0.2",
        "experiment=best", "features.terms.min_train_rows=0", "trainer=cpu",
        "trainer.progress=false", "trainer.max_epochs=12", "tracking=none",
        "evaluation.resamples=100", "evaluation.baselines=false",
        f"cache_dir={table.parent / 'cache'}", *overrides,
    )  # fmt: skip
    folder = table.parent / name
    run(options, folder, [])
    found = {}
    for split in ("val", "test"):
        of_split = scored(folder, split)
        for product, length in of_split["length"].items():
            found[product] = abs(of_split["prediction"][product] / length - 1)
    return found


def test_a_mixture_is_as_good_as_without_experts_that_mislead(table):
    mixed = errors(table, "mixed")
    alone = errors(table, "alone", "features.experts=false", "features.terms=null")
    assert mixed.keys() == alone.keys()
    ids = list(mixed)
    difference = np.array([mixed[product] - alone[product] for product in ids])
    texts = (
        difference[np.argsort([int(product) for product in ids])].reshape(-1, COPIES).mean(axis=1)
    )
    bound = 2 * texts.std(ddof=1) / np.sqrt(len(texts))
    assert texts.mean() < bound, f"worse by {texts.mean():.3f}, noise {bound:.3f}"
