"""A feature of one's own, `title_words.py`, through the real commands; no package file knows it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from product_length.demo.generator import DemoGenerator

HERE = Path(__file__).parent
WORDS = [
    *("data.rows=400", "data.types=8", "experiment=best", "features=[types]", "embeddings=lsa"),
    *("embeddings.encoders.lsa.dimensions=8", "model.hidden=[16]", "model.dropout=0"),
    *("model.input_dropout=0", "trainer.max_epochs=30", "trainer.patience=30"),
    *("trainer.accelerator=cpu", "tracking=none", "evaluation.resamples=100"),
]
OWN_KIND = "title_words.TitleWordsOptions"
OWN = [
    f"+features.custom.title_words.kind={OWN_KIND}",
    "+features.custom.title_words.options.width=4",
]

PREDICT = ["checkpoint=run/checkpoints/best.ckpt", "data.path=new.parquet", "output=out.parquet"]
FAULTY = """
from title_words import TitleWordsOptions
class Raising(TitleWordsOptions):
    def fit(self, training):
        raise ValueError("7 has no title")
class Short(TitleWordsOptions):
    def fit(self, training):
        feature, column = super().fit(training)
        return feature, column[:2]
class Other(TitleWordsOptions):
    def fit(self, training):
        feature, column = super().fit(training)
        object.__setattr__(feature, "name", "other")
        return feature, column
class Advising(TitleWordsOptions):
    def fit(self, training):
        from product_length.errors import UserError
        raise UserError("give a column of titles")
"""


def command(folder, verb, *words, path=()):
    """A command in `folder`, where Python finds the package and the folders of `path`."""
    places = [str(HERE.parent), *map(str, path)]
    return subprocess.Popen(
        [sys.executable, "-m", f"product_length.{verb}", f"cache_dir={folder / 'cache'}", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*args, **options):
    """What a command that succeeds writes."""
    with command(*args, **options) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def refused(*args, **options):
    """The one sentence, and the exit code, of a command that fails."""
    with command(*args, **options) as process:
        _, err = process.communicate()
    lines = [line for line in err.splitlines() if not line.startswith("note: ")]
    assert "Traceback" not in err, err
    assert len(lines) == 1, err
    return lines[0], process.returncode


def load(folder):
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run in `run`, and its products as a file, with one of a very long title."""
    folder = tmp_path_factory.mktemp("own")
    run(folder, "train", *WORDS, *OWN, "hydra.run.dir=run", path=[HERE])
    table = pa.Table.from_batches(DemoGenerator(rows=400, types=8, seed=0).batches())
    rows = table.drop_columns(["PRODUCT_LENGTH"]).to_pylist()
    rows.append({**rows[0], "PRODUCT_ID": "long", "TITLE": "word " * 200})
    pq.write_table(pa.Table.from_pylist(rows), folder / "new.parquet")
    return folder


def test_it_is_trained_and_reported(folder):
    report = load(folder / "run")
    assert [each["name"] for each in report["features"]] == ["lsa", "types", "title_words"]
    text, types, own = report["features"]
    assert (text["width"], types["width"], own["width"]) == (8, 128, 4)
    assert text["expert_share"] is None
    assert 0 < own["expert_share"] < 1
    assert 0 < types["expert_share"] + own["expert_share"] < 1
    log = (folder / "run/train.log").read_text(encoding="utf-8")
    assert "title_words (4 numbers, expert " in log


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_end(folder):
    last = folder / "killed/checkpoints/last.ckpt"
    process = command(folder, "train", *WORDS, *OWN, "hydra.run.dir=killed", path=[HERE])
    with process:
        while not last.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert not (folder / "killed/report.json").exists()
    words = ["trainer.resume=killed", "hydra.run.dir=resumed"]
    assert "epochs are done" in run(folder, "train", *words, path=[HERE])
    whole, resumed = load(folder / "run"), load(folder / "resumed")
    losses = [[epoch["val/loss"] for epoch in each["history"]] for each in (whole, resumed)]
    assert len(losses[0]) == 30
    assert losses[1] == losses[0]
    assert resumed["features"] == whole["features"]


def test_it_predicts_what_was_predicted_in_training(folder):
    told = run(folder, "predict", *PREDICT, path=[HERE])
    assert "1 (0.2%) have a title of more words than any training row" in told
    predicted = pq.read_table(folder / "out.parquet").to_pylist()
    lengths = {each["PRODUCT_ID"]: each["PRODUCT_LENGTH"] for each in predicted}
    val = pq.read_table(folder / "run/predictions_val.parquet").to_pylist()
    assert len(val) > 30
    for each in val:
        assert lengths[each["PRODUCT_ID"]] == pytest.approx(each["prediction"], rel=1e-4)


def test_prediction_says_that_its_module_is_not_there(folder):
    said, code = refused(folder, "predict", *PREDICT)
    assert said.startswith("error: the checkpoint has a feature of its own: title_words.TitleWords")
    assert "No module named 'title_words'" in said
    assert said.endswith("is its folder on PYTHONPATH?")
    assert code == 1


def test_its_expert_needs_a_predicted_distribution(tmp_path):
    words = [*WORDS, *OWN, "loss=mape", "features.experts=false"]
    said, code = refused(tmp_path, "train", *words, path=[HERE])
    assert said.startswith("error: features: title_words predict by themselves, mixed with")
    assert "give ++features.custom.title_words.options.expert=false, or loss=histogram" in said
    assert code == 2


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["title_wordz.TitleWordsOptions"], "No module named 'title_wordz'", 2),
        (["title_words.TitleWordzOptions"], "no attribute 'TitleWordzOptions'", 2),
        (["title_words.TitleWords"], "title_words.TitleWords is not a FeatureOptions", 2),
        (["title_words"], "must be an import path, as in my_module.MyOptions", 2),
        (["broken.Syntax"], "broken.Syntax cannot be imported (SyntaxError: ", 2),
        ([OWN_KIND, "width=wide"], "title_words.TitleWordsOptions: width: ", 2),
        ([OWN_KIND, "widht=4"], "title_words.TitleWordsOptions: widht: ", 2),
        (["faulty.Raising"], "faulty.Raising: ValueError: 7 has no title (faulty.py, line 5)", 1),
        (["faulty.Other"], "faulty.Other: its feature calls itself other: write features.cus", 1),
        (["faulty.Short"], "faulty.Short: its column has 2 rows, the catalogue has ", 1),
        (["faulty.Advising"], "faulty.Advising: give a column of titles", 1),
    ],
)
def test_what_is_wrong_with_it_is_one_sentence(folder, tmp_path, words, said, code):
    (tmp_path / "broken.py").write_text("class Syntax(\n", encoding="utf-8")
    (tmp_path / "faulty.py").write_text(FAULTY, encoding="utf-8")
    kind, *options = words
    given = [f"+features.custom.title_words.kind={kind}"]
    given += [f"+features.custom.title_words.options.{each}" for each in options]
    run_dir = f"hydra.run.dir={tmp_path / 'run'}"
    line, ended = refused(folder, "train", *WORDS, *given, run_dir, path=[HERE, tmp_path])
    assert line.startswith("error: features.custom.title_words")
    assert said in line
    assert ended == code
    if "ValueError" in said:  # whoever wrote it wants to know more
        log = (tmp_path / "run/train.log").read_text(encoding="utf-8")
        assert "Traceback" in log
        assert "raise ValueError" in log
