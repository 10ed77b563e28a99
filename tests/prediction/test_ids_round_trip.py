"""Ids and kept columns go in and come out, row by row, whatever their type and spelling."""

import csv
import datetime
import decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import ids_and_names
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import TextRecipe
from product_length.catalogue.units import HUNDREDTH_INCH
from product_length.catalogue.unlabelled import open_unlabelled
from product_length.prediction.config import PredictedColumns, PredictedData
from product_length.prediction.output_columns import output_schema, rows_to_write
from product_length.prediction.submission_file import open_submission
from product_length.tables.config import TableOptions

RECIPE = TextRecipe(fields=["title"])
COLUMNS = ids_and_names("kept")
TEXTS = st.text(
    st.one_of(st.sampled_from("\r\n\",' \\\t"), st.characters(exclude_categories=["Cs"])),
    max_size=9,
)
TEXT_IDS = st.lists(TEXTS.filter(lambda text: "\0" not in text), min_size=1, max_size=9)
WHOLE = st.integers(-(10**38) + 1, 10**38 - 1)
DAYS = st.dates(datetime.date(1, 1, 1), datetime.date(9999, 12, 31))
TIMES = st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31))
# How values are made, and how a text that comes out is read as one.
KINDS = {
    "decimal128": (pa.decimal128(38, 0), WHOLE.map(decimal.Decimal), decimal.Decimal),
    "decimal256": (pa.decimal256(76, 0), WHOLE.map(decimal.Decimal), decimal.Decimal),
    "uint64": (pa.uint64(), st.integers(0, 2**64 - 1), int),
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1), int),
    "int8": (pa.int8(), st.integers(-(2**7), 2**7 - 1), int),
    "float32": (pa.float32(), st.floats(width=32, allow_nan=False), np.float32),
    "float64": (pa.float64(), st.floats(allow_nan=False), float),
    "bool": (pa.bool_(), st.booleans(), {"true": True, "false": False}.__getitem__),
    "date": (pa.date32(), DAYS, datetime.date.fromisoformat),
    "timestamp": (pa.timestamp("us"), TIMES, datetime.datetime.fromisoformat),
    "string": (pa.string(), TEXTS, str),
    "large_string": (pa.large_string(), TEXTS, str),
    "binary": (pa.binary(), TEXTS.map(str.encode), str.encode),
}


def submitted(folder, table, output):
    """What is written for the rows of a table, with length 1."""
    products = open_unlabelled(
        table, COLUMNS, RECIPE, HUNDREDTH_INCH, ArtefactStore(folder / "cache"), TableOptions()
    )
    data = PredictedData(path=table, columns=PredictedColumns())
    schema = output_schema(data, products, COLUMNS, "length", interval=False)
    with open_submission(folder / output, (folder / output).suffix, schema) as write:
        write(rows_to_write(products, COLUMNS.keep, [np.ones(len(products), np.float32)]))
    return folder / output


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file, strict=True)
    assert header == ["id", "length", "kept"]
    return [row[0] for row in rows], [row[2] for row in rows]


@settings(max_examples=25, deadline=None)
@given(ids=TEXT_IDS)
def test_of_a_csv_file(tmp_path_factory, ids):
    folder = tmp_path_factory.mktemp("ids")
    with (folder / "in.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["id", "name", "kept"])
        writer.writerows([each, "lamp", each] for each in ids)
    assert read_csv(submitted(folder, folder / "in.csv", "out.csv")) == (ids, ids)
    table = pq.read_table(submitted(folder, folder / "in.csv", "out.parquet"))
    assert table.schema.types == [pa.string(), pa.float32(), pa.string()]
    assert table["kept"].to_pylist() == [each or None for each in ids]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_of_a_parquet_file(tmp_path_factory, kind, data):
    folder = tmp_path_factory.mktemp("ids")
    arrow_type, values, read_back = KINDS[kind]
    ids = data.draw(st.lists(values, min_size=1, max_size=9))
    rows = {"id": pa.array(ids, arrow_type), "name": ["lamp"] * len(ids)}
    table = pa.table(rows | {"kept": pa.array([*ids[1:], None], arrow_type)})
    pq.write_table(table, folder / "in.parquet")
    found, kept = read_csv(submitted(folder, folder / "in.parquet", "out.csv"))
    assert list(map(read_back, found)) == ids
    assert kept == [*found[1:], ""]
    written = pq.read_table(submitted(folder, folder / "in.parquet", "out.parquet"))
    assert written.schema.types == [arrow_type, pa.float32(), arrow_type]
    empty = {"", b""}
    assert written["id"].to_pylist() == [None if each in empty else each for each in ids]
    assert written["kept"].to_pylist() == [
        None if each in empty else each for each in [*ids[1:], None]
    ]


def test_values_that_parquet_has_no_text_for_are_texts(tmp_path):
    kept = pa.array([1, 2], pa.time32("s"))
    table = pa.table({"id": pa.array(["a", "b"]).dictionary_encode(), "name": ["x", "y"]})
    pq.write_table(table.append_column("kept", kept), tmp_path / "in.parquet")
    written = pq.read_table(submitted(tmp_path, tmp_path / "in.parquet", "out.parquet"))
    assert written.schema.types == [pa.string(), pa.float32(), pa.string()]
    assert written["kept"].to_pylist() == ["00:00:01.000", "00:00:02.000"]
