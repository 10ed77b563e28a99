"""Ids that go in come out of a submission, row by row, whatever their type and spelling."""

import csv
import datetime
import decimal

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import Columns, TextRecipe
from product_length.catalogue.unlabelled import open_unlabelled
from product_length.prediction.submission_file import open_submission

RECIPE = TextRecipe(fields=["title"])
COLUMNS = Columns(bullet_points=None, description=None, product_type=None)
TEXTS = st.text(
    st.one_of(st.sampled_from("\r\n\",' \\\t"), st.characters(exclude_categories=["Cs"])),
    max_size=9,
)
TEXT_IDS = st.lists(TEXTS.filter(lambda text: "\0" not in text), min_size=1, max_size=9)
WHOLE = st.integers(-(10**38) + 1, 10**38 - 1)
DAYS = st.dates(datetime.date(1, 1, 1), datetime.date(9999, 12, 31))
# How ids are made, and how a text that comes out is read as one.
KINDS = {
    "decimal128": (pa.decimal128(38, 0), WHOLE.map(decimal.Decimal), decimal.Decimal),
    "decimal256": (pa.decimal256(76, 0), WHOLE.map(decimal.Decimal), decimal.Decimal),
    "uint64": (pa.uint64(), st.integers(0, 2**64 - 1), int),
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1), int),
    "float32": (pa.float32(), st.floats(width=32, allow_nan=False), np.float32),
    "float64": (pa.float64(), st.floats(allow_nan=False), float),
    "bool": (pa.bool_(), st.booleans(), {"true": True, "false": False}.__getitem__),
    "date": (pa.date32(), DAYS, datetime.date.fromisoformat),
    "string": (pa.string(), TEXTS, str),
    "binary": (pa.binary(), TEXTS.map(str.encode), str.encode),
}


def submitted(folder, catalogue):
    """Ids of the CSV that is written for the rows of a catalogue, by two readers."""
    products = open_unlabelled(catalogue, COLUMNS, RECIPE, ArtefactStore(folder / "cache"))
    ids = products.product_ids.to_pylist()
    with open_submission(folder / "out.csv", ".csv", ["PRODUCT_LENGTH"]) as write:
        write(ids, [np.ones(len(ids), dtype=np.float32)])
    with (folder / "out.csv").open(newline="", encoding="utf-8") as file:
        read = [row[0] for row in csv.reader(file, strict=True)][1:]
    options = pa.csv.ConvertOptions(column_types={"PRODUCT_ID": pa.string()})
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    table = pa.csv.read_csv(folder / "out.csv", parse_options=parse, convert_options=options)
    assert table["PRODUCT_ID"].to_pylist() == read
    return read


@settings(max_examples=25, deadline=None)
@given(ids=TEXT_IDS)
def test_ids_of_a_csv_file(tmp_path_factory, ids):
    folder = tmp_path_factory.mktemp("ids")
    with (folder / "in.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["PRODUCT_ID", "TITLE"])
        writer.writerows([each, "lamp"] for each in ids)
    assert submitted(folder, folder / "in.csv") == ids


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_ids_of_a_parquet_file(tmp_path_factory, kind, data):
    folder = tmp_path_factory.mktemp("ids")
    arrow_type, values, read_back = KINDS[kind]
    ids = data.draw(st.lists(values, min_size=1, max_size=9))
    titles = ["lamp"] * len(ids)
    table = pa.table({"PRODUCT_ID": pa.array(ids, arrow_type), "TITLE": titles})
    pq.write_table(table, folder / "in.parquet")
    assert list(map(read_back, submitted(folder, folder / "in.parquet"))) == ids
