"""Ids and kept columns of JSON Lines and workbooks keep their types; tables of several files."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter
from builders import ids_and_names
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import TextRecipe
from product_length.catalogue.units import HUNDREDTH_INCH
from product_length.catalogue.unlabelled import open_unlabelled
from product_length.prediction.config import PredictedColumns, PredictedData
from product_length.prediction.output_columns import output_schema, rows_to_write
from product_length.prediction.submission_file import open_submission

NUMBERS = [7, -3, 0, None, 2**53 + 1]
FRACTIONS = [None, 0.1, 1e-300, 12.5, 1 / 3]
TEXTS = ["007", "7", None, "=1+2", "-1e5"]


def submitted(folder, table, output, keep):
    columns = ids_and_names(*keep)
    store, recipe = ArtefactStore(folder / "cache"), TextRecipe(fields=["title"])
    data = PredictedData(path=table, columns=PredictedColumns())
    products = open_unlabelled(table, columns, recipe, HUNDREDTH_INCH, store, data.as_written())
    schema = output_schema(data, products, columns, "length", interval=False)
    path = folder / output
    with open_submission(path, path.suffix, schema) as write:
        write(rows_to_write(products, keep, [np.ones(len(products), np.float32)]))
    return path


def objects_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_json_lines_in_and_out(tmp_path):
    columns = {"id": TEXTS, "count": NUMBERS, "price": FRACTIONS, "code": TEXTS[::-1]}
    rows = [
        {name: values[row] for name, values in columns.items()} | {"name": "lamp"}
        for row in range(5)
    ]
    path = tmp_path / "in.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    keep = ("count", "price", "code")
    found = objects_of(submitted(tmp_path, path, "out.jsonl", keep))
    for name, values in columns.items():
        assert [row[name] for row in found] == values
    table = pq.read_table(submitted(tmp_path, path, "out.parquet", keep))
    kinds = [pa.string(), pa.float32(), pa.int64(), pa.float64(), pa.string()]
    assert table.schema.types == kinds
    for name, values in columns.items():
        assert table[name].to_pylist() == values


@settings(max_examples=40, deadline=None)
@given(
    ids=st.lists(
        st.one_of(
            st.integers(-(10**30), 10**30),
            st.floats(allow_nan=False, allow_infinity=False),
            st.text(st.sampled_from("0123456789eE+-. x"), min_size=1, max_size=5),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_no_id_of_json_changes_its_value(tmp_path_factory, ids):
    """A number may come out as its text, where others are texts or too large; never as another."""
    folder = tmp_path_factory.mktemp("ids")
    path = folder / "in.jsonl"
    path.write_text("".join(f"{json.dumps({'id': each, 'name': 'lamp'})}\n" for each in ids))
    for given_id, found in zip(
        ids, objects_of(submitted(folder, path, "out.jsonl", ())), strict=True
    ):
        if isinstance(given_id, str):
            assert found["id"] == given_id
        else:
            assert float(found["id"]) == float(given_id)


def test_workbooks_in_and_out(tmp_path):
    path = tmp_path / "in.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        for place, name in enumerate(("id", "name", "count", "price")):
            sheet.write_string(0, place, name)
        for row, (text, price) in enumerate(zip(TEXTS, FRACTIONS, strict=True), start=1):
            sheet.write_string(row, 0, text or "none")
            sheet.write_string(row, 1, "lamp")
            sheet.write_number(row, 2, row)
            if price is not None:
                sheet.write_number(row, 3, price)
    written = submitted(tmp_path, path, "out.xlsx", ("count", "price"))
    header, *rows = CalamineWorkbook.from_path(written).get_sheet_by_index(0).to_python()
    assert header == ["id", "length", "count", "price"]
    assert [row[0] for row in rows] == [text or "none" for text in TEXTS]
    assert [row[2] for row in rows] == [1, 2, 3, 4, 5]
    assert [row[3] for row in rows] == ["" if each is None else each for each in FRACTIONS]


def test_a_column_of_numbers_may_begin_with_many_empty_cells(tmp_path):
    path = tmp_path / "in.jsonl"
    rows = [{"id": row, "name": "lamp", "price": None} for row in range(5000)]
    rows.append({"id": 5000, "name": "lamp", "price": 12.5})
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    table = pq.read_table(submitted(tmp_path, path, "out.parquet", ("price",)))
    assert table.schema.types == [pa.int64(), pa.float32(), pa.float64()]
    assert table["price"].to_pylist()[-1] == 12.5


def test_a_table_of_several_files(tmp_path):
    (tmp_path / "parts").mkdir()
    for part in range(2):
        table = pa.table({"id": pa.array([part], pa.int16()), "name": ["lamp"]})
        pq.write_table(table, tmp_path / "parts" / f"{part}.parquet")
    for path in (tmp_path / "parts", tmp_path / "parts" / "*.parquet"):
        found = pq.read_table(submitted(tmp_path, path, "out.parquet", ()))
        assert found["id"].equals(pa.chunked_array([[0, 1]], pa.int16()))
