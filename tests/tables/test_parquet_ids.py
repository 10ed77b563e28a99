"""Ids of any type come out of Parquet as text that stands for the same id."""

import datetime
import decimal
import uuid

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.errors import UserError
from product_length.tables.parquet_file import ParquetFile

D = decimal.Decimal


def texts_of(path, ids):
    pq.write_table(pa.table({"id": ids}), path)
    return [
        text
        for batch in ParquetFile(path).read(["id"], [])
        for text in batch.text.column("id").to_pylist()
    ]


IDS = [
    (pa.decimal128(38, 0), [D(2**53 + 1), D("9" * 38), D(-1)], [str(2**53 + 1), "9" * 38, "-1"]),
    (pa.decimal256(76, 0), [D("1" + "0" * 70 + "1")], ["1" + "0" * 70 + "1"]),
    (pa.decimal128(38, 2), [D("12345678901234567890.10")], ["12345678901234567890.10"]),
    (pa.decimal128(20, 9), [D("0.000000001"), D("0")], ["0.000000001", "0.000000000"]),
    (pa.uint64(), [2**64 - 1, 0, None], [str(2**64 - 1), "0", ""]),
    (pa.int64(), [2**63 - 1, -(2**63)], [str(2**63 - 1), str(-(2**63))]),
    (pa.float32(), [1234567.0, 0.1, 16777216.0, None], ["1234567", "0.1", "16777216", ""]),
    (pa.float64(), [1234567.0, 0.1, 2.0**53, -0.0], ["1234567", "0.1", str(2**53), "0"]),
    (pa.float64(), [float("nan"), float("inf"), 1e300], ["", "inf", "1e+300"]),
    (pa.float16(), [np.float16(0.1), np.float16(12), None], ["0.1", "12", ""]),
    (pa.bool_(), [True, False, None], ["true", "false", ""]),
    (pa.date32(), [datetime.date(2024, 1, 2), None], ["2024-01-02", ""]),
    (pa.timestamp("s"), [datetime.datetime(2024, 1, 2, 3, 4, 5)], ["2024-01-02 03:04:05.000"]),
    (pa.time32("s"), [datetime.time(3, 4, 5)], ["03:04:05.000"]),
    (pa.binary(), [b"a-1", None], ["a-1", ""]),
    (pa.binary(3), [b"a-1", None], ["a-1", ""]),
    (pa.string(), ["a\rb", "c\nd", 'e"f', "g,h", " i ", "007", "7.0"], None),
]


@pytest.mark.parametrize(("kind", "ids", "texts"), IDS, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize("packed", [False, True])
def test_ids_of_each_type(tmp_path, kind, ids, texts, packed):
    array = pa.array(ids, kind)
    if packed and kind not in (pa.float16(), pa.bool_()):
        array = array.dictionary_encode()
    assert texts_of(tmp_path / "a.parquet", array) == (ids if texts is None else texts)


def test_timestamps_of_old_spark(tmp_path):
    table = pa.table({"id": pa.array([datetime.datetime(2024, 1, 2, 3, 4, 5)], pa.timestamp("ns"))})
    pq.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)
    (batch,) = ParquetFile(tmp_path / "a.parquet").read(["id"], [])
    assert batch.text.column(0).to_pylist() == ["2024-01-02 03:04:05.000000000"]


def test_uuids_have_their_usual_spelling(tmp_path):
    ids = [uuid.UUID(int=2**100 + 7), None]
    array = pa.array([value and value.bytes for value in ids], pa.uuid())
    assert texts_of(tmp_path / "a.parquet", array) == [str(ids[0]), ""]


@settings(max_examples=60, deadline=None)
@given(numbers=st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=9))
def test_text_of_a_float_reads_back_as_the_float(tmp_path_factory, numbers):
    path = tmp_path_factory.mktemp("ids") / "a.parquet"
    for kind, back in ((pa.float32(), np.float32), (pa.float64(), np.float64)):
        texts = texts_of(path, pa.array(numbers, kind))
        assert [back(text) for text in texts] == [back(number) for number in numbers]
        assert not any(text.endswith(".0") for text in texts)


@settings(max_examples=60, deadline=None)
@given(
    numbers=st.lists(st.integers(-(10**38) + 1, 10**38 - 1), min_size=1, max_size=9),
    scale=st.integers(0, 38),
)
def test_text_of_a_decimal_is_the_decimal(tmp_path_factory, numbers, scale):
    path = tmp_path_factory.mktemp("ids") / "a.parquet"
    ids = [D(number).scaleb(-scale, decimal.Context(prec=50)) for number in numbers]
    assert texts_of(path, pa.array(ids, pa.decimal128(38, scale))) == [f"{each:f}" for each in ids]


@pytest.mark.parametrize(
    "ids", [pa.array([[1]]), pa.array([{"a": 1}]), pa.array([3], pa.duration("s"))]
)
def test_ids_without_one_spelling_are_refused(tmp_path, ids):
    with pytest.raises(UserError, match=r"column 'id' holds .*; expected text"):
        texts_of(tmp_path / "a.parquet", ids)


def test_ids_that_are_bytes_but_no_text_are_refused_by_row(tmp_path):
    with pytest.raises(UserError, match="row 2, column 'id': byte 0xff is not UTF-8"):
        texts_of(tmp_path / "a.parquet", pa.array([b"aa", b"\xff\x00"], pa.binary(2)))


def test_lengths_are_numbers(tmp_path):
    for kind in (pa.bool_(), pa.date32()):
        pq.write_table(pa.table({"width": pa.array([1], pa.int32()).cast(kind)}), tmp_path / "a")
        with pytest.raises(UserError, match=r"width' holds .*; expected numbers"):
            ParquetFile(tmp_path / "a").read([], ["width"])
