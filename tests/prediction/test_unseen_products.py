"""What a recipe does not know of the products it predicts for is counted, and never silent."""

import csv
import re

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import torch
from builders import demo_files, job, predict_by, read_rows, scored

from product_length.artefacts import ArtefactStore
from product_length.embeddings.engine import local_engine
from product_length.errors import UserError
from product_length.experiment import EmbeddingJob, Experiment
from product_length.pipeline import read_and_embed, run
from product_length.prediction.checkpoint import load_predictors
from product_length.prediction.config import PredictedColumns, PredictedData
from product_length.prediction.ensemble import Ensemble
from product_length.prediction.submission import write_submission

RUN = [
    "data=amazon2023",
    "embeddings=[lsa,ngrams]",
    "embeddings.encoders.lsa.dimensions=8",
    "embeddings.encoders.lsa.char_ngrams=null",
    "embeddings.encoders.ngrams.buckets=2000",
    "embeddings.encoders.ngrams.length=64",
    "features=text",
    "features.types.min_rows=8",
    "loss=histogram",
    "loss.bins=16",
    "model=mlp",
    "model.hidden=[16]",
    "trainer=cpu",
    "trainer.max_epochs=2",
    "trainer.progress=false",
    "tracking=none",
    "evaluation.resamples=100",
    "evaluation.baselines=false",
]
CHINESE = "高品质不锈钢保温杯"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run on `train.csv` beside it, most of whose types are rare."""
    root = tmp_path_factory.mktemp("trained")
    demo_files(root, rows=300, types=60, seed=3)
    chosen = [f"data.path={root / 'train.csv'}", f"cache_dir={root / 'cache'}"]
    run(job("train", Experiment, *RUN, *chosen), root / "run", [])
    return root


@pytest.fixture(scope="module")
def rows(trained):
    """The rows that were trained on, and those of val and test."""
    found = read_rows(trained / "train.csv")
    others = {row for split in ("val", "test") for row in scored(trained / "run", split)["length"]}
    assert others
    return (
        [row for row in found if row["PRODUCT_ID"] not in others],
        [row for row in found if row["PRODUCT_ID"] in others],
    )


def write(path, rows, names=None):
    names = names or ["PRODUCT_ID", "TITLE", "BULLET_POINTS", "DESCRIPTION", "PRODUCT_TYPE_ID"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def predicted(trained, path, output, *overrides):
    return predict_by(trained / "run", path, output, *overrides)


def told(caplog, words):
    """The one line that says these words, and its level."""
    (record,) = [each for each in caplog.records if words in each.getMessage()]
    return record.getMessage(), record.levelname


def test_products_like_those_of_training_hold_nothing_unknown(trained, rows, tmp_path, caplog):
    caplog.set_level("INFO")
    predicted(trained, write(tmp_path / "a.csv", rows[0]), tmp_path / "s.csv")
    line, level = told(caplog, "a.csv: ")
    # Rare types share a vector, but they are not unseen.
    assert "product type" not in line
    assert "knows nothing" not in line
    assert level == "INFO"


@pytest.mark.parametrize(("every", "level"), [(2, "WARNING"), (20, "INFO")])
def test_unseen_types_are_counted(trained, rows, tmp_path, caplog, every, level):
    caplog.set_level("INFO")
    changed = [
        row | ({"PRODUCT_TYPE_ID": f"x{i}"} if i % every == 0 else {})
        for i, row in enumerate(rows[0][:200])
    ]
    changed[1]["PRODUCT_TYPE_ID"] = " "
    predicted(trained, write(tmp_path / "a.csv", changed), tmp_path / "s.csv")
    line, found = told(caplog, "a.csv: ")
    many = 200 // every
    assert (
        f"of 200 rows 1 (0.5%) have no product type, {many} ({many / 200:.1%}) have a product type "
        "that training did not have" in line.replace("warning: ", "")
    )
    assert found == level
    assert line.startswith("warning: ") == (level == "WARNING")
    assert ("those lengths are guesses" in line) == (level == "WARNING")


def test_texts_of_another_script_and_rows_without_text_are_counted(trained, rows, tmp_path, caplog):
    nothing = {"TITLE": "", "BULLET_POINTS": "", "DESCRIPTION": ""}
    foreign = [row | nothing | {"TITLE": f"{CHINESE} {i} cm"} for i, row in enumerate(rows[0][:40])]
    foreign += [row | nothing | {"TITLE": "🙂🙂"} for row in rows[0][40:50]]
    foreign += [row | nothing for row in rows[0][50:100]]
    predicted(trained, write(tmp_path / "a.csv", foreign), tmp_path / "s.csv")
    line, level = told(caplog, "a.csv: ")
    assert "50 (50.0%) have no text and are predicted from the other columns" in line
    # The numbers and units of Chinese texts are known, but no word.
    assert "40 (40.0%) have a text mostly in a script that training did not have" in line
    assert "10 (10.0%) have a text in which encoder lsa knows nothing" in line
    assert "10 (10.0%) have a text in which encoder ngrams knows nothing" in line
    assert level == "WARNING"


def ensemble(trained, change=None):
    best = trained / "run" / "checkpoints" / "best.ckpt"
    members = load_predictors([best], {}, "cpu")
    if change is not None:
        with torch.no_grad():
            change(members[best].network.head)
    return Ensemble.of(members, "auto")


def submit(trained, chosen, path, output, *, snap=False):
    return write_submission(
        chosen,
        PredictedData(path=path, columns=PredictedColumns()),
        output,
        snap=snap,
        batch_rows=64,
        device=torch.device("cpu"),
        store=ArtefactStore(trained / "predicting"),
        engine=local_engine(1),
    )


@pytest.mark.parametrize("output", [0, -1])
def test_lengths_at_the_ends_of_those_of_training_are_counted(
    trained, rows, tmp_path, caplog, output
):
    """A network that always says the lower, or the upper tail."""

    def always(head):
        head.bias[output] = 1000

    path = write(tmp_path / "a.csv", rows[0][:100])
    submit(trained, ensemble(trained, always), path, tmp_path / "s.csv", snap=True)
    line, level = told(caplog, "a.csv: ")
    assert "100 (100.0%) are predicted at the ends of the training lengths" in line
    assert level == "WARNING"


@pytest.mark.parametrize(("value", "interval"), [("nan", False), ("inf", False), ("nan", True)])
def test_predictions_that_are_not_finite_are_an_error(trained, rows, tmp_path, value, interval):
    def harmed(head):
        head.bias[3] = float(value)

    path = write(tmp_path / "a.csv", rows[0][:100])
    output = tmp_path / "s.csv"
    output.write_text("old")
    chosen = ensemble(trained, harmed)
    if interval:
        chosen = chosen.with_intervals(0.5)
    ids = ", ".join(row["PRODUCT_ID"] for row in rows[0][:5])
    with pytest.raises(UserError, match=rf"100 of 100 predictions are not finite.*of {ids}, …;"):
        submit(trained, chosen, path, output)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.csv", "s.csv"]
    assert output.read_text() == "old"


def test_an_end_of_an_interval_that_is_not_finite_is_an_error(trained, rows, tmp_path, monkeypatch):
    chosen = ensemble(trained).with_intervals(0.5)
    forecast = Ensemble.forecast

    def broken(self, raws):
        found = forecast(self, raws)
        found.ends[2, 1] = np.inf
        return found

    monkeypatch.setattr(Ensemble, "forecast", broken)
    path = write(tmp_path / "a.csv", rows[0][:100])
    ids = f"{rows[0][2]['PRODUCT_ID']}, {rows[0][66]['PRODUCT_ID']}"
    with pytest.raises(UserError, match=rf"2 of 100 predictions .*of {ids}; nothing"):
        submit(trained, chosen, path, tmp_path / "s.csv")
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    "absent",
    [
        ["BULLET_POINTS"],
        ["DESCRIPTION", "BULLET_POINTS"],
        ["PRODUCT_TYPE_ID"],
        ["TITLE"],
        ["TITLE", "DESCRIPTION", "PRODUCT_TYPE_ID"],
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_that_the_file_lacks_are_read_as_empty(
    trained, rows, tmp_path, caplog, absent, kind
):
    names = ["PRODUCT_ID", "TITLE", "BULLET_POINTS", "DESCRIPTION", "PRODUCT_TYPE_ID"]
    left = [name for name in names if name not in absent]
    empty = [row | dict.fromkeys(absent, "") for row in rows[0]]
    with_all = write(tmp_path / "all.csv", empty)
    lacking = write(tmp_path / "few.csv", empty, left)
    if kind == "parquet":
        kinds = pa.csv.ConvertOptions(column_types=dict.fromkeys(left, pa.string()))
        newlines = pa.csv.ParseOptions(newlines_in_values=True)
        table = pa.csv.read_csv(lacking, convert_options=kinds, parse_options=newlines)
        lacking = tmp_path / "few.parquet"
        pq.write_table(table, lacking)
    predicted(trained, with_all, tmp_path / "a.csv")
    assert "read as empty" not in caplog.text
    predicted(trained, lacking, tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    line, level = told(caplog, "read as empty")
    assert level == "WARNING"
    for name in absent:
        key = "product_type" if name == "PRODUCT_TYPE_ID" else name.lower()
        assert f"no column '{name}' (data.columns.{key})" in line
    assert f"the table has: {', '.join(map(repr, left))}" in line


@pytest.mark.parametrize(
    ("names", "options", "said"),
    [
        (["PRODUCT_ID"], [], "no column 'TITLE'"),
        (["PRODUCT_ID", "title"], ["data.columns.product_id=SKU"], "no column 'SKU'"),
        (["PRODUCT_ID", "TITLE"], ["data.columns.description=TEXT"], "no column 'TEXT'"),
        (["PRODUCT_ID", "TITLE"], ["data.columns.product_type=KIND"], "no column 'KIND'"),
        (["PRODUCT_ID", "title"], [], "no column 'TITLE', did you mean 'title'?"),
    ],
)
def test_columns_that_must_be_there(trained, rows, tmp_path, names, options, said):
    changed = [row | {"title": row["TITLE"]} for row in rows[0]]
    path = write(tmp_path / "few.csv", changed, names)
    with pytest.raises(UserError, match=re.escape(said)):
        predicted(trained, path, tmp_path / "s.csv", *options)
    assert [each.name for each in tmp_path.iterdir()] == ["few.csv"]


def test_the_ending_says_the_format(trained, rows, tmp_path):
    path = write(tmp_path / "a.csv", rows[0])
    left = tmp_path / ".s.csv-0123abcd.partial.gz"
    left.write_bytes(b"half")
    plain = predicted(trained, path, tmp_path / "s.csv", "interval=0.5", "batch_rows=50")
    packed = predicted(trained, path, tmp_path / "s.csv.gz", "interval=0.5", "batch_rows=50")
    other = predicted(trained, path, tmp_path / "S.PARQUET", "interval=0.5", "batch_rows=50")
    assert not left.exists()
    table = pq.read_table(other)
    assert table.schema.names == ["PRODUCT_ID", "PRODUCT_LENGTH", "LOWER", "UPPER"]
    found = read_rows(plain)
    assert [row["PRODUCT_ID"] for row in rows[0]] == table["PRODUCT_ID"].to_pylist()
    for name in table.schema.names[1:]:
        numbers = np.float32([row[name] for row in found])
        np.testing.assert_array_equal(numbers, table[name].to_numpy())
    unpacked = pa.csv.read_csv(packed)
    assert unpacked.equals(pa.csv.read_csv(plain))


def test_training_counts_types_and_lengths_that_no_training_row_has(
    trained, rows, tmp_path, caplog
):
    caplog.set_level("INFO")
    others = {row["PRODUCT_ID"] for row in rows[1]}
    changed = [
        row | ({"PRODUCT_TYPE_ID": row["PRODUCT_ID"]} if row["PRODUCT_ID"] in others else {})
        for row in [*rows[0], *rows[1]]
    ]
    longest = max(float(row["PRODUCT_LENGTH"]) for row in rows[0])
    val = list(scored(trained / "run")["length"])
    for row in changed:
        if row["PRODUCT_ID"] == val[0]:
            row["PRODUCT_LENGTH"] = str(2 * longest)
    names = ["PRODUCT_ID", "TITLE", "BULLET_POINTS", "DESCRIPTION", "PRODUCT_TYPE_ID"]
    path = write(tmp_path / "train.csv", changed, [*names, "PRODUCT_LENGTH"])
    run(
        job("train", Experiment, *RUN, f"data.path={path}", f"cache_dir={tmp_path / 'cache'}"),
        tmp_path / "run",
        [],
    )
    for split, beyond in [
        ("val", f", 1 ({1 / len(val):.1%}) have a length beyond those of"),
        ("test", ""),
    ]:
        many = len(val) if split == "val" else len(others) - len(val)
        line, level = told(caplog, f"{split}: of {many} rows {many} (100.0%) have a product type")
        assert f"that training did not have{beyond}" in line
        assert level == "WARNING"


def test_training_warns_of_texts_in_which_an_encoder_knows_nothing(tmp_path, caplog):
    caplog.set_level("INFO")
    # Each character is a word of its own text only, so none is frequent enough to be counted.
    lines = [f"{i},{chr(0x4E00 + 3 * i)}{chr(0x6E00 + i)},{i + 1}\n" for i in range(300)]
    path = tmp_path / "train.csv"
    path.write_text("PRODUCT_ID,TITLE,PRODUCT_LENGTH\n" + "".join(lines), encoding="utf-8")
    absent = ["bullet_points", "description", "product_type"]
    chosen = job(
        "embed",
        EmbeddingJob,
        *("data=amazon2023", f"data.path={path}", f"cache_dir={tmp_path / 'cache'}"),
        *(f"++data.columns.{name}=null" for name in absent),
        *("embeddings=words", "embeddings.encoders.words.min_rows=2"),
    )
    for how in ("computed", "reused"):
        caplog.clear()
        _, [embedding] = read_and_embed(chosen)
        assert how in caplog.text
        blank = int((~embedding.vectors.any(axis=1)).sum())
        assert blank == embedding.blank_rows > 0
        share = f"{blank / 300:.1%}"
        assert f"nothing known in {share} of the rows" in caplog.text
        line, level = told(caplog, "it knows nothing")
        assert f"warning: words: of 300 rows {blank} ({share}) have a text in which it" in line
        assert level == "WARNING"
