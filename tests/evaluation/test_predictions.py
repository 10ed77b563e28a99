import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from product_length.catalogue.units import CatalogueUnit
from product_length.errors import UserError
from product_length.evaluation.predictions import load_predictions, write_predictions
from product_length.evaluation.quantity import Quantity

ROWS = {
    "product_ids": ["00012", "x,y", "é"],
    "types": ["7", "", "9"],
    "lengths": np.array([393.7, 600, 12], dtype=np.float32),
    "predictions": np.array([400, 300, 12], dtype=np.float32),
    "quantity": Quantity("width_cm", CatalogueUnit.named("cm")),
}


@pytest.mark.parametrize("strings", [list, np.array, pa.array, lambda v: pa.chunked_array([v, []])])
def test_round_trip(tmp_path, strings):
    rows = ROWS | {name: strings(ROWS[name]) for name in ("product_ids", "types")}
    path = write_predictions(tmp_path, "val", **rows, oracle=ROWS["lengths"])
    assert path == tmp_path / "predictions_val.parquet"
    table = pq.read_table(path)
    assert table.column_names == [
        "PRODUCT_ID",
        "PRODUCT_TYPE_ID",
        "length",
        "prediction",
        "ape",
        "oracle",
    ]
    assert table.schema.metadata == {b"target": b"width_cm", b"unit": b"cm"}
    exact = np.abs(np.float64(400) - np.float64(np.float32(393.7))) / np.float64(np.float32(393.7))
    assert table["ape"].to_pylist() == [exact, 0.5, 0.0]
    back = load_predictions(tmp_path, "val")
    assert back.product_ids.to_pylist() == ROWS["product_ids"]
    assert back.types.to_pylist() == ROWS["types"]
    assert back.lengths.tolist() == ROWS["lengths"].astype(float).tolist()
    assert back.predictions.tolist() == [400, 300, 12]
    assert back.oracle.tolist() == back.lengths.tolist()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_no_oracle_no_column(tmp_path):
    path = write_predictions(tmp_path, "test", **ROWS)
    assert "oracle" not in pq.read_table(path).column_names
    assert load_predictions(tmp_path, "test").oracle is None


def test_unequal_columns_and_bad_values_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"unequal size: .*'PRODUCT_TYPE_ID': 2"):
        write_predictions(tmp_path, "val", **(ROWS | {"types": ["1", "2"]}))
    with pytest.raises(ValueError, match="positive and finite"):
        write_predictions(tmp_path, "val", **(ROWS | {"predictions": np.array([1.0, 0, 1])}))
    assert list(tmp_path.iterdir()) == []


def test_missing_damaged_or_foreign_files_are_named(tmp_path):
    path = tmp_path / "predictions_val.parquet"
    with pytest.raises(UserError, match=r"predictions_val\.parquet: not there"):
        load_predictions(tmp_path, "val")
    write_predictions(tmp_path, "val", **ROWS)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"predictions_val\.parquet: damaged"):
        load_predictions(tmp_path, "val")
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(UserError, match=r"predictions_val\.parquet: not a file of predictions"):
        load_predictions(tmp_path, "val")
    pq.write_table(pa.table({"length": [1.0, 2.0], "prediction": [1.0, None]}), path)
    with pytest.raises(UserError, match=r"predictions_val\.parquet: damaged"):
        load_predictions(tmp_path, "val")


def test_an_unwritable_folder_is_a_users_fault(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write_predictions(tmp_path / "file", "val", **ROWS)
