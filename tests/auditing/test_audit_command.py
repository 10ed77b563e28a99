"""`python -m product_length.audit` on a small catalogue in which some labels are wrong."""

import csv
import dataclasses
import html
import logging
import shutil
import sys

import numpy as np
import pytest
from builders import demo_files, job, read_rows

from product_length import audit as verb
from product_length.auditing.audit import run_audit
from product_length.auditing.config import AuditJob
from product_length.auditing.folds import judge
from product_length.auditing.preflight import check_audit
from product_length.command import run_command
from product_length.errors import ConfigError, UserError
from product_length.pages.audit import write_audit_page

TINY = [
    "folds=3",
    "embeddings=lsa",
    "embeddings.encoders.lsa.dimensions=16",
    "embeddings.encoders.lsa.char_ngrams=null",
    "features=[types,measurements]",
    "model.hidden=[32]",
    "trainer=cpu",
    "trainer.max_epochs=3",
    "trainer.min_steps=6",
    "trainer.progress=false",
]
WRONG = 20


def audit_job(data, output, cache, *overrides):
    words = ["data=amazon2023", f"data.path={data}", f"output={output}", f"cache_dir={cache}"]
    return job("audit", AuditJob, *words, *TINY, *overrides)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A demo catalogue of 600 rows, in 20 of which the label is 25.4 times as long; and which."""
    folder = demo_files(tmp_path_factory.mktemp("audit"), rows=600, types=20, seed=3)
    rows = read_rows(folder / "train.csv")
    wrong = np.random.default_rng(0).choice(len(rows), WRONG, replace=False)
    for row in wrong:
        rows[row]["PRODUCT_LENGTH"] = format(float(rows[row]["PRODUCT_LENGTH"]) * 25.4, ".6g")
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder / "table.csv", {int(row) + 1 for row in wrong}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, table):
    root = tmp_path_factory.mktemp("finished")
    return run_audit(audit_job(table[0], root / "suspects.csv", root / "cache")), root


def test_wrong_labels_come_first_and_their_slip_is_named(finished, table):
    rows = read_rows(finished[1] / "suspects.csv")
    top = rows[: 2 * WRONG]
    found = [row for row in top if int(row["ROW"]) in table[1]]
    assert len(found) >= 0.8 * WRONG
    named = [row for row in found if row["SLIP"] == "× 25.4"]
    assert len(named) >= 0.8 * len(found)
    for row in named:
        assert float(row["CORRECTED"]) * 25.4 == pytest.approx(float(row["PRODUCT_LENGTH"]))
        assert "× 25.4 is this label" in row["REASON"]


def test_the_file_is_ranked_and_whole(finished, table):
    result, root = finished
    rows, source = read_rows(root / "suspects.csv"), read_rows(table[0])
    assert len(rows) == len(result.catalogue)
    assert [int(row["RANK"]) for row in rows] == list(range(1, len(rows) + 1))
    wrong = np.array([float(row["WRONG"]) for row in rows])
    assert (np.diff(wrong) <= 0).all()
    for row in rows:
        own = source[int(row["ROW"]) - 1]
        assert row["PRODUCT_ID"] == own["PRODUCT_ID"]
        assert float(row["PRODUCT_LENGTH"]) == pytest.approx(float(own["PRODUCT_LENGTH"]))
        assert float(row["LOWER"]) <= float(row["UPPER"])
        assert 0 <= float(row["TAIL"]) <= 1
        assert float(row["TAIL_FDR"]) >= float(row["TAIL"]) - 1e-9
    false_shares = np.array([float(row["FDR"]) for row in rows])
    expected = np.cumsum(1 - wrong) / np.arange(1, len(rows) + 1)
    np.testing.assert_allclose(false_shares, expected, atol=2e-3)
    assert result.called == (false_shares <= 0.1).sum()


def test_the_page_shows_what_the_file_says(finished, tmp_path):
    """tests/pages/test_audit_page.py opens such a page in a browser."""
    result, root = finished
    first = dataclasses.replace(result.suspects[0], text="<script>alert(1)</script> shelf")
    shown = dataclasses.replace(result, suspects=[first, *result.suspects[1:]])
    page = write_audit_page(tmp_path / "page.html", shown, "the command").read_text("utf-8")
    assert "<script>alert" not in page
    plain = html.unescape(page)
    assert first.text in plain
    for row in read_rows(root / "suspects.csv")[:100]:
        assert row["REASON"] in plain
    assert f"{result.called:,} of them can" in plain
    assert "the command" in plain


def test_a_label_is_outside_of_its_interval_where_its_tail_says_so(finished):
    found, lengths = finished[0].found, finished[0].catalogue.exact_lengths
    outside = (lengths < found.lower) | (lengths > found.upper)
    # But for rounding at the very end of an interval.
    assert (outside == (found.tails < 0.1)).mean() > 0.995
    assert 0.02 < outside.mean() < 0.3


def test_every_row_is_judged_once_by_a_model_that_has_not_seen_its_text(finished):
    catalogue, folds = judge(finished[0].job)
    rows = np.concatenate([fold.rows for fold in folds])
    assert sorted(rows.tolist()) == list(range(len(catalogue)))
    of_text = {}
    for number, fold in enumerate(folds):
        for key in catalogue.text_keys[fold.rows].tolist():
            assert of_text.setdefault(key, number) == number
    np.testing.assert_allclose(folds[0].probabilities.sum(axis=1), 1, atol=1e-4)


def test_what_is_judged_depends_on_no_label_of_its_own_fold(finished, table, tmp_path):
    """A leak would show: with other labels in one fold its predictions stay to the last bit."""
    result, root = finished
    folds = judge(result.job)[1]
    own = set(result.catalogue.row_numbers[folds[1].rows].tolist())
    rows = read_rows(table[0])
    for number, row in enumerate(rows, start=1):
        if number in own:
            row["PRODUCT_LENGTH"] = "123.25"
    with (tmp_path / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    shutil.copytree(root / "cache", tmp_path / "cache")
    changed = audit_job(tmp_path / "table.csv", tmp_path / "s.csv", tmp_path / "cache")
    again = judge(changed)[1]
    np.testing.assert_array_equal(again[1].probabilities, folds[1].probabilities)
    assert not np.array_equal(again[0].probabilities, folds[0].probabilities)


def test_the_same_command_trains_nothing_again_and_writes_the_same(finished, caplog):
    result, root = finished
    before = (root / "suspects.csv").read_bytes()
    with caplog.at_level(logging.INFO):
        run_audit(result.job)
    assert (root / "suspects.csv").read_bytes() == before
    assert caplog.text.count("found in the cache") == 3
    assert "trained" not in [record.message.split(": ")[-1] for record in caplog.records]


def test_an_audit_that_was_stopped_trains_what_is_missing(finished, tmp_path, caplog):
    """After a kill: two folds are whole, of one there is a beginning."""
    result, root = finished
    cache = tmp_path / "cache"
    shutil.copytree(root / "cache", cache)
    folds = sorted(path for path in (cache / "audit").iterdir() if path.is_dir())
    begun = folds[1].with_suffix(".partial")
    folds[1].rename(begun)
    (begun / "manifest.json").unlink()
    (begun / "edges.npy").write_bytes(b"half")
    with caplog.at_level(logging.INFO):
        run_audit(result.job.model_copy(update={"cache_dir": cache, "output": tmp_path / "s.csv"}))
    said = [record.message for record in caplog.records if record.message.startswith("fold ")]
    assert sorted(each.split(": ")[1] for each in said) == [
        "found in the cache",
        "found in the cache",
        "trained",
    ]
    assert (tmp_path / "s.csv").read_bytes() == (root / "suspects.csv").read_bytes()


def test_a_damaged_fold_is_trained_again(finished, tmp_path):
    result, root = finished
    cache = tmp_path / "cache"
    shutil.copytree(root / "cache", cache)
    fold = next(path for path in (cache / "audit").iterdir() if path.is_dir())
    content = bytearray((fold / "probabilities.f32").read_bytes())
    content[100] ^= 0xFF
    (fold / "probabilities.f32").write_bytes(bytes(content))
    run_audit(result.job.model_copy(update={"cache_dir": cache, "output": tmp_path / "s.csv"}))
    assert (tmp_path / "s.csv").read_bytes() == (root / "suspects.csv").read_bytes()


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["loss=mape", "features.experts=false"], "give loss=histogram"),
        (["data.split.folds=4"], "give folds=4"),
        (["trainer.devices=2"], "give trainer.devices=1"),
        (["output=suspects.xlsx"], "end it with .csv"),
    ],
)
def test_what_cannot_be_audited_is_said_before_any_work(table, tmp_path, overrides, said):
    with pytest.raises(ConfigError, match=said):
        check_audit(audit_job(table[0], tmp_path / "s.csv", tmp_path / "cache", *overrides))


def test_all_faults_are_said_together(table, tmp_path):
    faulty = audit_job(table[0], tmp_path / "s.csv", tmp_path, "data.split.folds=4", "output=s.txt")
    with pytest.raises(ConfigError, match="2 faults"):
        check_audit(faulty)


def test_the_catalogue_is_never_overwritten(table, tmp_path):
    own = tmp_path / "table.csv"
    shutil.copy(table[0], own)
    with pytest.raises(UserError, match=r"is the same file as data\.path="):
        check_audit(audit_job(own, own, tmp_path / "cache"))
    as_page = tmp_path / "table.html"  # a file is what its content says
    shutil.copy(table[0], as_page)
    with pytest.raises(UserError, match=r"the page .*table\.html: is the same file as data\.path="):
        check_audit(audit_job(as_page, own, tmp_path / "cache"))
    assert own.read_bytes() == as_page.read_bytes() == table[0].read_bytes()


def test_the_output_is_no_part_of_the_table(table, tmp_path):
    (tmp_path / "parts").mkdir()
    shutil.copy(table[0], tmp_path / "parts" / "1.csv")
    with pytest.raises(UserError, match="would be read as a part of"):
        check_audit(audit_job(tmp_path / "parts", tmp_path / "parts" / "s.csv", tmp_path))


def test_the_command_ends_with_one_plain_message(table, tmp_path, capsys, monkeypatch):
    words = ["audit", "data=amazon2023", f"data.path={table[0]}", f"output={table[0]}"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        run_command("audit", AuditJob, verb.audit, check=check_audit)
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("error: output=")
