"""From a finished run's checkpoint to a file of lengths."""

import shutil

import numpy as np
import pytest
import torch
from builders import predict_by, read_rows, scored, submission

from product_length.embeddings.lsa import LsaEncoder
from product_length.errors import UserError
from product_length.evaluation.report import load_report
from product_length.prediction.checkpoint import load_predictors
from product_length.training import seal
from product_length.training.checkpoint_file import read_checkpoint, write_checkpoint


@pytest.mark.parametrize("recipe", ["point", "everything"])
def test_every_row_in_order_with_the_run_s_own_predictions(recipe, request, catalogue, tmp_path):
    """Through every feature and expert, from the checkpoint alone."""
    run = request.getfixturevalue(recipe)
    output = predict_by(run, catalogue / "test.csv", tmp_path / "s.csv", "batch_rows=100")
    assert output.read_bytes().startswith(b"PRODUCT_ID,PRODUCT_LENGTH\n1000000,")
    ids, lengths = submission(output)
    assert ids == [row["PRODUCT_ID"] for row in read_rows(catalogue / "test.csv")]
    assert len(ids) == 600
    found = dict(zip(ids, lengths, strict=True))
    for split in ("val", "test"):
        own = scored(run, split)["prediction"]
        assert len(own) > 10
        assert {row: found[row] for row in own} == pytest.approx(own, rel=2e-3)


def test_snapped_lengths_are_training_lengths(point, catalogue, tmp_path):
    output = predict_by(point, catalogue / "test.csv", tmp_path / "s.csv", "snap=true")
    known = {np.float32(row["PRODUCT_LENGTH"]) for row in read_rows(catalogue / "train.csv")}
    assert {np.float32(length) for length in submission(output)[1]} <= known


def test_unseen_types_and_missing_texts_are_predicted(everything, tmp_path, caplog):
    caplog.set_level("INFO")
    path = tmp_path / "odd.csv"
    path.write_text(
        "PRODUCT_TYPE_ID,PRODUCT_ID,TITLE,BULLET_POINTS,DESCRIPTION\n"
        'never seen,a1,Steel bottle 20 cm,,\n,a2,,,\n7,"a,3",,,"Cotton mat"\n7,a2,,,\n'
    )
    ids, lengths = submission(predict_by(everything, path, tmp_path / "s.csv"))
    assert ids == ["a1", "a2", "a,3", "a2"]
    assert np.isfinite(lengths).all()
    assert (lengths > 0).all()
    # Once, although types and neighbours both see them.
    assert caplog.text.count("have no product type") == 1
    assert "1 (25.0%) have no product type, 1 (25.0%) have a product type that" in caplog.text


def test_encoded_texts_are_kept_for_the_next_prediction(point, tmp_path, caplog, monkeypatch):
    """Each distinct text is encoded once; after a kill only what was not finished is."""
    caplog.set_level("INFO")
    path, cache = tmp_path / "many.csv", f"cache_dir={tmp_path / 'cache'}"
    lines = [f"{row},steel bottle {row // 2} cm,7,,\n" for row in range(5000)]
    header = "PRODUCT_ID,TITLE,PRODUCT_TYPE_ID,BULLET_POINTS,DESCRIPTION\n"
    path.write_text(header + "".join(lines))
    encode, calls = LsaEncoder.encode_marked, []

    def killed(encoder, texts):
        calls.append(len(texts))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return encode(encoder, texts)

    monkeypatch.setattr(LsaEncoder, "encode_marked", killed)
    with pytest.raises(KeyboardInterrupt):
        predict_by(point, path, tmp_path / "a.csv", cache)
    assert [each.name for each in tmp_path.iterdir() if each.suffix == ".csv"] == ["many.csv"]
    first = submission(predict_by(point, path, tmp_path / "a.csv", cache))[1]
    assert calls[0] == 1024
    assert sum(calls[2:]) == 2500 - 1024
    assert "resumed, 2048 of 5000" in caplog.text
    calls.clear()
    caplog.clear()
    ids, lengths = submission(predict_by(point, path, tmp_path / "b.csv", cache, "batch_rows=999"))
    assert calls == []
    assert "lsa: 5000 rows, 2500 unique texts, " in caplog.text
    assert "reused" in caplog.text
    assert ids == [str(row) for row in range(5000)]
    # Not equal bit by bit everywhere: the last rows of a batch may be multiplied another way.
    np.testing.assert_allclose(lengths[::2], lengths[1::2], rtol=1e-6)
    np.testing.assert_allclose(lengths, first, rtol=1e-5)


def test_columns_may_have_other_names(point, catalogue, tmp_path):
    path = tmp_path / "renamed.csv"
    text = (catalogue / "test.csv").read_text(encoding="utf-8")
    path.write_text(text.replace("TITLE", "NAME", 1), encoding="utf-8")
    renamed = predict_by(point, path, tmp_path / "a.csv", "data.columns.title=NAME")
    plain = predict_by(point, catalogue / "test.csv", tmp_path / "b.csv")
    assert renamed.read_bytes() == plain.read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("checkpoint=nowhere.ckpt", "nowhere.ckpt: there is no such checkpoint"),
        ("data.path=nowhere.csv", "nowhere.csv: no such file"),
        ("+encoders.minilm=/x", "encoders.minilm"),
        ("+encoders.lsa=/x", "held in the checkpoint"),
        ("data.columns.title=NAME", "no column 'NAME'"),
        ("device=warp", "device=warp"),
        ("output=/proc/nowhere/s.csv", "/proc/nowhere/s.csv: cannot be written"),
        ("interval=0.9", "interval=0.9 needs a predicted distribution"),
        ("decision=rmsle", "decision=rmsle needs a predicted distribution"),
    ],
)
def test_what_is_wrong_with_a_prediction(point, catalogue, tmp_path, change, said):
    with pytest.raises(UserError) as caught:
        predict_by(point, catalogue / "test.csv", tmp_path / "s.csv", change)
    assert said in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("cut", "not a readable checkpoint"),
        ("foreign", "another program or an older version wrote it"),
        ("last", "holds weights only"),
        ("old", "written in format 3, this version reads 5; use the version that wrote it"),
    ],
)
def test_a_checkpoint_that_cannot_predict_is_refused(
    point, catalogue, tmp_path, monkeypatch, harm, said
):
    best, path = point / "checkpoints" / "best.ckpt", tmp_path / "harmed.ckpt"
    if harm == "cut":
        path.write_bytes(best.read_bytes()[:-2000])
    elif harm == "foreign":
        torch.save({"state_dict": {}}, path)
    elif harm == "last":
        shutil.copy(best.with_name("last.ckpt"), path)
    else:
        with monkeypatch.context() as then:
            then.setattr(seal, "FORMAT", 3)
            content = {"state_dict": {}, "product_length": {}}
            write_checkpoint(content, path)
            assert read_checkpoint(path) == content
    with pytest.raises(UserError, match=said) as caught:
        predict_by(point, catalogue / "test.csv", tmp_path / "s.csv", f"checkpoint={path}")
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "s.csv").exists()


def test_one_checkpoint_predicts_under_every_decision(distributed, catalogue, tmp_path):
    own = scored(distributed)
    found = {}
    for decision in ("auto", "mape", "rmsle", "median", "mean", "smape"):
        output = tmp_path / f"{decision}.csv"
        predict_by(distributed, catalogue / "test.csv", output, f"decision={decision}")
        ids, lengths = submission(output)
        every = dict(zip(ids, lengths, strict=True))
        found[decision] = {row: every[row] for row in own["length"]}
    assert found["auto"] == found["rmsle"]  # as in training
    assert found["auto"] == pytest.approx(own["prediction"], rel=2e-3)
    y, p = (np.array(list(each.values())) for each in (own["length"], found["mape"]))
    report = load_report(distributed)
    trained = report.history[report.best_epoch - 1]["val/mape"]
    assert np.mean(np.abs(y - p) / y) == pytest.approx(trained, rel=2e-3)
    assert len({tuple(lengths.values()) for lengths in found.values()}) == 5


def test_dropout_is_that_of_as_many_training_rows(everything):
    rows = load_report(everything).data.rows["train"]
    assert rows > 300
    best = everything / "checkpoints" / "best.ckpt"
    network = load_predictors([best], {}, "cpu")[best].network
    assert network.input_dropout.p == pytest.approx(0.1 * (100 / rows) ** (1 / 3))
