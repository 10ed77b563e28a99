"""Why a product gets its length: in the file, in each format, and checked from outside."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from builders import predict_by, products_of, read_rows, submission

from product_length.errors import ConfigError, UserError
from product_length.features.columns import Batch
from product_length.features.reason import Reason
from product_length.prediction.checkpoint import load_predictors
from product_length.prediction.ensemble import Ensemble
from product_length.prediction.in_memory import TablePredictor
from product_length.prediction.reasons import Explanation, explanations, with_words
from product_length.prediction.word_effects import MOST_WORDS, word_effects

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def predictor(everything):
    path = everything / "checkpoints" / "best.ckpt"
    return load_predictors([path], {}, "cpu")[path]


@pytest.fixture(scope="module")
def few(catalogue, tmp_path_factory):
    """The first 30 products, as a file."""
    path = tmp_path_factory.mktemp("few") / "few.csv"
    lines = (catalogue / "test.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:31]), encoding="utf-8")
    return path


def titles(path):
    return [row["TITLE"] for row in read_rows(path)]


def in_memory(predictor, titles):
    """The products as the recipe reads them, their columns, and what is predicted."""
    table = pa.table({"TITLE": titles})
    alone = Ensemble.of({Path("run"): predictor}, "auto")
    found = TablePredictor(alone, CPU).predict(table, keep_seen=True)
    return found.seen[0].products, found.seen[0].columns, found.lengths


@pytest.mark.parametrize("recipe", ["everything", "distributed", "point"])
def test_reasons_stand_beside_the_same_lengths(recipe, request, few, tmp_path):
    run = request.getfixturevalue(recipe)
    plain = predict_by(run, few, tmp_path / "plain.csv")
    path = predict_by(run, few, tmp_path / "with.csv", "reasons=true", "keep=[TITLE]")
    rows = read_rows(path)
    assert list(rows[0]) == ["PRODUCT_ID", "PRODUCT_LENGTH", "REASONS", "TITLE"]
    assert [float(row["PRODUCT_LENGTH"]) for row in rows] == submission(plain)[1].tolist()
    reasons = [row["REASONS"] for row in rows]
    assert all(reasons)
    assert "words: without" not in "".join(reasons)
    if recipe == "everything":
        assert all("% neighbours: nearest training product “" in each for each in reasons)
        assert all("% the network by itself" in each for each in reasons)
        assert any("% measurements: the text states “" in each for each in reasons)
    else:
        assert not any("%" in each.split("“")[0] for each in reasons)  # no shares without experts
        assert all("types: product type “" in each for each in reasons)


def test_every_format_has_the_same_reasons(everything, few, tmp_path):
    python_calamine = pytest.importorskip("python_calamine")
    found = {}
    for ending in ("csv", "parquet", "jsonl", "xlsx"):
        found[ending] = predict_by(
            everything, few, tmp_path / f"s.{ending}", "reasons=words", "interval=0.8"
        )
    wanted = [row["REASONS"] for row in read_rows(found["csv"])]
    assert any("words: without “" in each for each in wanted)
    assert pq.read_table(found["parquet"]).column("REASONS").to_pylist() == wanted
    lines = found["jsonl"].read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["REASONS"] for line in lines] == wanted
    sheet = python_calamine.CalamineWorkbook.from_path(str(found["xlsx"])).get_sheet_by_index(0)
    header, *cells = sheet.to_python()
    assert header == ["PRODUCT_ID", "PRODUCT_LENGTH", "LOWER", "UPPER", "REASONS"]
    assert [row[-1] for row in cells] == wanted


def test_shares_are_those_of_the_mixture(predictor, few):
    """From the distributions alone: with the shares, the parts give the mixture."""
    made, columns, _ = in_memory(predictor, titles(few))
    explained = explanations(predictor, made, columns, CPU)
    for each in explained:
        shares = [reason.share for reason in each.reasons if reason.share is not None]
        assert sum(shares) + each.network_share == pytest.approx(1, abs=0.02)
        assert shares == sorted(shares, reverse=True)
    batch = {name: torch.from_numpy(np.ascontiguousarray(c)) for name, c in columns.items()}
    with torch.inference_mode():
        own, mixed = predictor.network.own_and_mixed(Batch(batch, None))
    # What the head says by itself is in the mixture with its share at least.
    shares = torch.tensor([[each.network_share] for each in explained])
    assert (mixed.exp() >= shares * own.softmax(dim=1) - 1e-5).all()
    spared = (mixed.exp() - shares * own.softmax(dim=1)).sum(dim=1)
    assert torch.allclose(spared, 1 - shares[:, 0], atol=1e-4)


def test_words_that_move_are_those_without_which_another_length_is_predicted(
    everything, predictor, few, tmp_path
):
    """Against the command: each title written to a file without the word."""
    made, columns, lengths = in_memory(predictor, titles(few))
    explained = explanations(predictor, made, columns, CPU)
    explained = with_words(explained, predictor, made, lengths, CPU)
    told = [(row, effect) for row, each in enumerate(explained) for effect in each.words[:3]]
    assert len(told) > 20
    assert any(len(effect.word.split()) > 1 for _, effect in told)  # a measurement is one word
    path = tmp_path / "without.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["PRODUCT_ID", "TITLE", "BULLET_POINTS", "DESCRIPTION", "PRODUCT_TYPE_ID"])
        for row, effect in told:
            text = made.fields().column("title")[row].as_py()
            assert all(
                text[start:stop].casefold() == effect.word.casefold()
                for start, stop in effect.places
            )
            for start, stop in reversed(effect.places):
                text = text[:start] + text[stop:]
            writer.writerow([row, text, "", "", ""])
    _, found = submission(predict_by(everything, path, tmp_path / "s.csv"))
    np.testing.assert_allclose([effect.without for _, effect in told], found, rtol=1e-4)
    np.testing.assert_allclose(
        [effect.factor for _, effect in told],
        [lengths[row] for row, _ in told] / found,
        rtol=1e-4,
    )


def test_a_long_title_costs_no_more_than_so_many_words():
    asked = []

    def predict(products):
        asked.append(len(products))
        return np.ones(len(products), np.float32)

    many = products_of([" ".join(f"w{number}" for number in range(500)), "", "one"], [""] * 3)
    found = word_effects(predict, many, np.array([2, 2, 2], np.float32))
    assert asked == [MOST_WORDS + 1]
    assert [len(each) for each in found] == [MOST_WORDS, 0, 1]
    assert found[2][0].factor == 2


def test_several_checkpoints_have_no_reasons(everything, distributed, few, tmp_path):
    both = f"checkpoint=[{everything},{distributed}]"
    with pytest.raises(ConfigError, match="each checkpoint has reasons of its own"):
        predict_by(everything, few, tmp_path / "s.csv", both, "decision=mape", "reasons=true")
    assert list(tmp_path.iterdir()) == []


def test_a_column_that_is_called_reasons_is_not_kept_beside_them(everything, tmp_path):
    path = tmp_path / "named.csv"
    path.write_text("PRODUCT_ID,TITLE,REASONS\n1,red rug,because\n")
    with pytest.raises(UserError, match="the output has the reasons under that name"):
        predict_by(everything, path, tmp_path / "s.csv", "reasons=true", "keep=[REASONS]")


def test_a_line_says_something_of_a_product_of_which_nothing_is_known(predictor):
    assert "nothing is known" in Explanation((), None).line(predictor.unit)
    only = Explanation((Reason("own", "", 0.4),), 0.6)
    assert only.line(predictor.unit) == "40% own; 60% the network by itself"
