"""Predictions of tables in memory are those that the command writes."""

import threading

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import torch
from builders import predict_by, submission

from product_length.catalogue.config import TextRecipe
from product_length.errors import ConfigError, UserError
from product_length.prediction.checkpoint import load_predictors
from product_length.prediction.config import PredictedColumns
from product_length.prediction.ensemble import Ensemble
from product_length.prediction.in_memory import TablePredictor

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def table(catalogue):
    """The products of the tests' catalogue, read by another reader than that of the package."""
    return pyarrow.csv.read_csv(catalogue / "test.csv")


@pytest.fixture(scope="module")
def other(trained):
    """A second run of predicted distributions, of other texts, bins and encoders."""
    return trained(
        "data.text.fields=[title]", "embeddings=[lsa,words]", "loss=histogram", "loss.bins=20"
    )


def of(*runs, decision="auto", **options):
    paths = [run / "checkpoints" / "best.ckpt" for run in runs]
    return TablePredictor(Ensemble.of(load_predictors(paths, {}, "cpu"), decision), CPU, **options)


@pytest.mark.parametrize("run", ["point", "everything"])
def test_lengths_are_those_of_the_file(run, request, catalogue, table, tmp_path):
    run = request.getfixturevalue(run)
    written = predict_by(run, catalogue / "test.csv", tmp_path / "s.csv")
    ids, lengths = submission(written)
    assert ids == table["PRODUCT_ID"].cast(pa.string()).to_pylist()
    np.testing.assert_array_equal(of(run).predict(table).lengths, np.float32(lengths))


def test_so_are_intervals_and_an_ensemble(distributed, other, catalogue, table, tmp_path):
    written = predict_by(distributed, catalogue / "test.csv", tmp_path / "s.csv", "interval=0.8")
    _, numbers = submission(written)
    found = of(distributed).predict(table, interval=0.8)
    np.testing.assert_array_equal(found.lengths, np.float32(numbers[:, 0]))
    np.testing.assert_array_equal(found.ends, np.float32(numbers[:, 1:]))
    both = f"checkpoint=[{distributed},{other}]"
    written = predict_by(
        distributed, catalogue / "test.csv", tmp_path / "b.csv", both, "decision=median"
    )
    found = of(distributed, other, decision="median").predict(table, keep_seen=True)
    np.testing.assert_array_equal(found.lengths, np.float32(submission(written)[1]))
    decided = found.distribution().decide("median").float().numpy()
    np.testing.assert_array_equal(decided, found.lengths)
    np.testing.assert_array_equal(
        found.distribution(slice(7, 9)).decide("median").float().numpy(), found.lengths[7:9]
    )


def test_what_is_unseen_is_said_by_row_and_as_the_file_counts_it(
    distributed, table, tmp_path, caplog
):
    caplog.set_level("INFO")
    odd = table.set_column(
        table.column_names.index("TITLE"),
        "TITLE",
        pa.array([None if row == 3 else "Стол из дуба" if row == 5 else "x" for row in range(600)]),
    )
    odd = odd.set_column(2, "BULLET_POINTS", pa.nulls(600, pa.string()))
    odd = odd.set_column(3, "DESCRIPTION", pa.nulls(600, pa.string()))
    pyarrow.csv.write_csv(odd, tmp_path / "odd.csv")
    predict_by(distributed, tmp_path / "odd.csv", tmp_path / "s.csv")
    line = next(each.getMessage() for each in caplog.records if "of 600 rows" in each.getMessage())
    found = of(distributed).predict(odd)
    for what, count in found.unseen_counts().items():
        assert (f"{count:,} ({count / 600:.1%}) {what}" in line) == (count > 0)
    rows = {what: np.flatnonzero(holds).tolist() for what, holds in found.unseen.items()}
    assert rows["have no text and are predicted from the other columns"] == [3]
    assert rows["have a text mostly in a script that training did not have"] == [5]


def test_parts_of_the_table_in_other_arrow_types_are_the_same(distributed, table):
    """Types as numbers, texts as dictionaries and large strings; in small batches; from another
    chunking."""
    expected = of(distributed).predict(table).lengths
    columns = {
        "TITLE": table["TITLE"].cast(pa.large_string()),
        "BULLET_POINTS": table["BULLET_POINTS"].dictionary_encode(),
        "DESCRIPTION": table["DESCRIPTION"],
        "PRODUCT_TYPE_ID": table["PRODUCT_TYPE_ID"].cast(pa.float64()),
    }
    other = pa.table(columns)
    chunked = pa.concat_tables([other.slice(0, 99), other.slice(99)])
    found = of(distributed, batch_rows=2048).predict(chunked)
    np.testing.assert_array_equal(found.lengths, expected)
    assert found.notes == ()  # ids are not needed


def test_columns_may_have_other_names_and_may_be_missing(distributed, table):
    predictor = of(distributed)
    expected = predictor.predict(table).lengths
    renamed = table.rename_columns(["id", "name", "points", "DESCRIPTION", "kind"])
    named = PredictedColumns(title="name", bullet_points="points", product_type="kind")
    np.testing.assert_array_equal(predictor.predict(renamed, named).lengths, expected)
    lacking = predictor.predict(table.drop_columns(["DESCRIPTION"]))
    (note,) = lacking.notes
    assert "no column 'DESCRIPTION' (data.columns.description): read as empty" in note
    with pytest.raises(UserError, match=r"my rows: no column 'nam', did you mean 'name'"):
        predictor.predict(renamed, PredictedColumns(title="nam"), name="my rows")
    lists = pa.table({"TITLE": [["a"], ["b"]]})
    with pytest.raises(UserError, match=r"column 'TITLE' holds list<.*expected text"):
        predictor.predict(lists)


def test_no_rows_are_no_lengths(distributed, table):
    found = of(distributed).predict(table.slice(0, 0), interval=0.9, keep_seen=True)
    assert found.lengths.shape == (0,)
    assert found.ends.shape == (0, 2)
    assert found.distribution().probabilities.shape[0] == 0


def test_products_are_predicted_as_they_are(distributed, other, table):
    predictor = of(distributed)
    first = predictor.predict(table, keep_seen=True)
    (seen,) = first.seen
    np.testing.assert_array_equal(predictor.predict(seen.products).lengths, first.lengths)
    assert isinstance(seen.predictor.recipe, TextRecipe)
    with pytest.raises(ValueError, match="not those that the recipe was trained to read"):
        of(other).predict(seen.products)


def test_intervals_of_a_point_loss_are_refused(point, table):
    with pytest.raises(ConfigError, match="needs a predicted distribution"):
        of(point).predict(table, interval=0.9)


def test_threads_get_their_own_rows_and_nothing_is_written(
    everything, table, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    predictor = of(everything)
    expected = predictor.predict(table).lengths
    found = {}

    def predict(start):
        for _ in range(3):
            found.setdefault(start, []).append(predictor.predict(table.slice(start, 200)).lengths)

    threads = [threading.Thread(target=predict, args=(start,)) for start in (0, 200, 400)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for start, lengths in found.items():
        for each in lengths:  # in other company the last bit may differ
            np.testing.assert_allclose(each, expected[start : start + 200], rtol=1e-5)
        np.testing.assert_array_equal(lengths[0], lengths[2])
    assert list(tmp_path.iterdir()) == []
