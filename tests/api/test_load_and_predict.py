"""Products of any frame in, lengths in the same kind of frame out."""

import shutil
import threading

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pytest
from builders import predict_by, read_rows

import product_length


def frames(table):
    records = table.to_pylist()
    for record in records:
        if record["year"] is None:
            del record["year"]
    return {
        "pandas": table.to_pandas(),
        "polars": pl.from_arrow(table),
        "pyarrow": table,
        "records": records,
    }


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "records"])
def test_every_frame_gets_the_file_s_lengths_in_its_own_kind(kind, run, model, table, tmp_path):
    pyarrow.csv.write_csv(table, tmp_path / "a.csv")
    options = ["interval=0.8", "keep=[name]", "data.columns.product_id=sku"]
    written = read_rows(predict_by(run.folder, tmp_path / "a.csv", tmp_path / "s.csv", *options))
    given = frames(table)[kind]
    found = model.predict(given, interval=0.8, columns={"product_id": "sku"}, keep=["name"])
    assert type(found) is type(given)
    records = found if kind == "records" else pa.table(found).to_pylist()
    assert list(records[0]) == ["sku", "width_cm", "LOWER", "UPPER", "name"]
    assert [each["sku"] for each in records] == table["sku"].to_pylist()
    for name in ("width_cm", "LOWER", "UPPER"):
        np.testing.assert_array_equal(
            np.float32([each[name] for each in records]), np.float32([row[name] for row in written])
        )


@pytest.mark.parametrize("wanted", [True, "words"])
def test_reasons_are_those_of_the_file(wanted, run, model, table, tmp_path):
    some = table.slice(0, 12)
    pyarrow.csv.write_csv(some, tmp_path / "a.csv")
    asked = f"reasons={str(wanted).lower()}"
    written = read_rows(predict_by(run.folder, tmp_path / "a.csv", tmp_path / "s.csv", asked))
    found = model.predict(some, reasons=wanted)
    assert found.column_names == ["sku", "width_cm", "REASONS"]
    assert found["REASONS"].to_pylist() == [row["REASONS"] for row in written]
    assert any("the network by itself" in line for line in found["REASONS"].to_pylist())
    assert any("without" in line for line in found["REASONS"].to_pylist()) == (wanted == "words")


def test_several_models_have_no_reasons(run, table, tmp_path):
    shutil.copytree(run.folder, tmp_path / "copy")
    both = product_length.load([run.folder, tmp_path / "copy"])
    with pytest.raises(product_length.ConfigError, match="the average of several has none"):
        both.predict(table, reasons=True)


def test_a_pandas_index_stays(model, table, widths):
    given = table.to_pandas().set_index(pd.Index([7, 7, 3] * 100, name="lot"))
    found = model.predict(given, keep=["name"])
    assert found.index.equals(given.index)
    assert found.index.name == "lot"
    assert list(found.columns) == ["sku", "width_cm", "name"]
    np.testing.assert_array_equal(found["width_cm"], widths)
    assert found["name"].equals(given["name"])
    bare = model.predict(given)
    assert bare.index.equals(given.index)
    np.testing.assert_array_equal(bare["width_cm"], widths)


def test_columns_of_odd_values_are_read_as_a_file_of_them_would_be(model, table, widths):
    """Types of several kinds in one column, texts that are missing in three ways."""
    given = table.to_pandas()
    kinds = given["kind"].tolist()
    kinds[0] = int(kinds[0]) if kinds[0].isdigit() else kinds[0]
    given["kind"] = pd.Series([float(k) if str(k).isdigit() else k for k in kinds], dtype=object)
    given["unread"] = pd.Series([{1}] * 300, dtype=object)  # Arrow has no such type
    np.testing.assert_array_equal(model.predict(given)["width_cm"], widths)
    missing = given.assign(blurb=None)
    for value in (np.nan, pd.NA, ""):
        other = model.predict(given.assign(blurb=pd.Series([value] * 300, dtype=object)))
        assert other.equals(model.predict(missing))


def test_what_is_missing_or_misspelt_is_said(model, table, caplog):
    model.predict(table.drop_columns(["year"]))
    assert "products: no column 'year' (data.columns.numbers): read as empty" in caplog.text
    cases = [
        ({"columns": {"title": "nam"}}, "no column 'nam', did you mean 'name'"),
        ({"columns": {"titel": "name"}}, "columns: titel: .*the keys are product_id, title"),
        ({"keep": ["price"]}, "keep: products have no column 'price'; they have: 'sku'"),
        ({"keep": ["width_cm"]}, "the output has the predicted length under that name"),
        ({"interval": 90}, "interval=90: must be a share above 0 and below 1"),
    ]
    for options, said in cases:
        with pytest.raises(product_length.UserError, match=said):
            model.predict(table, **options)
    for products, said in [
        (7, "expected a pandas, polars or pyarrow table, or a list of dicts, not int"),
        (pl.LazyFrame({"name": ["a"]}), "not LazyFrame; collect"),
        (["a text"], "item 0 of the list is str, expected a dict"),
    ]:
        with pytest.raises(product_length.UserError, match=said):
            model.predict(products)


def test_one_product_and_none(model):
    (one,) = model.predict([{"name": "oak table 120 x 80 cm", "kind": "desk"}], interval=0.9)
    assert one["LOWER"] <= one["width_cm"] <= one["UPPER"]
    assert model.predict([]) == []
    empty = pd.DataFrame({"name": pd.Series([], dtype=str)})
    assert list(model.predict(empty).columns) == ["width_cm"]


def test_what_frames_offer_by_the_arrow_stream_is_read(model, table, widths):
    class Stream:
        def __arrow_c_stream__(self, requested_schema=None):
            return table.__arrow_c_stream__(requested_schema)

    np.testing.assert_array_equal(model.predict(Stream())["width_cm"], widths)


def test_a_model_is_loaded_from_where_it_lies(run, model, table, widths, tmp_path):
    assert (model.unit, model.target) == ("cm", "width_cm")
    assert model.columns["title"] == ["name", "blurb"]
    assert "width_cm in cm, decided for the median" in repr(model)
    best = run.folder / "checkpoints" / "best.ckpt"
    for source in (best, str(best), str(run.folder)):
        found = product_length.load(source).predict(table)
        np.testing.assert_array_equal(found["width_cm"], widths)
    shutil.copytree(run.folder, tmp_path / "copy")
    both = product_length.load([run.folder, tmp_path / "copy"], decision="median").predict(table)
    np.testing.assert_allclose(both["width_cm"], widths, rtol=1e-5)
    for source, said in [
        (tmp_path / "no", "there is no such checkpoint"),
        (tmp_path, "a folder of 1 run, and one run is meant|no run's folder"),
        ([best, run.folder], "is named twice"),
        ([], "name a checkpoint"),
    ]:
        with pytest.raises(product_length.UserError, match=said):
            product_length.load(source)


def test_threads_share_a_model(model, table, widths):
    found = {}

    def predict(number, **options):
        found[number] = model.predict(table, **options)["width_cm"]

    threads = [
        threading.Thread(target=predict, args=(0,)),
        threading.Thread(target=predict, args=(1,), kwargs={"interval": 0.5}),
        threading.Thread(target=predict, args=(2,), kwargs={"interval": 0.5}),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for lengths in found.values():
        np.testing.assert_array_equal(lengths, widths)
