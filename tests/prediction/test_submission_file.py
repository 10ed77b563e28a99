"""A submission says the same in every format, and hands on ids and other columns as they are."""

import csv
import gzip
import io
import itertools
import json
import time

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from product_length.errors import UserError
from product_length.prediction.files import ENDINGS
from product_length.prediction.submission_file import open_submission
from product_length.prediction.workbook import MOST_ROWS, check_rows

IDS = ["1", "007", "", 'a,"b"', "two\nlines", "lone\rreturn", "é 中", " 713 ", "'", "-1e5", "=1+2"]
LENGTHS = np.float32([1, 0.1, 1e-6, 4e9, 1234.5678, 1e7 / 3, 5, 6, 7, 8, 9])
COUNTS = ["1", "", "-3", "9007199254740993", "0", "5", "6", "7", "8", "9", "10"]
PRICES = ["0.1", "1e-300", "", "12.5", "0.30000000000000004", "-0.5", "1", "2", "3", "1e+300", "5"]
SCHEMA = pa.schema(
    {"set, id": pa.string(), "width_cm": pa.float32(), "LOWER": pa.float32()}
    | {"name": pa.string(), "count": pa.int64(), "price": pa.float64(), "sold": pa.bool_()}
)
SOLD = ["true", "false", ""] * 3 + ["true", "true"]
TEXTS = st.text(
    st.one_of(
        st.sampled_from("\r\n\",' \t=+-@0x_"),
        # Not in XML, of which a workbook is made, and no separator in a text.
        st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufffe\uffff"),
    ),
    max_size=9,
)


def written(path, ids=IDS, lengths=LENGTHS, others=(IDS, COUNTS, PRICES, SOLD), parts=2):
    ending = next(each for each in sorted(ENDINGS, key=len)[::-1] if path.name.endswith(each))
    texts = [pa.array(each, pa.string()) for each in (ids, *others)]
    columns = [texts[0], pa.array(lengths), pa.array(lengths / 2), *texts[1:]]
    cuts = np.linspace(0, len(ids), parts + 1).astype(int)
    with open_submission(path, ending, SCHEMA) as write:
        for start, stop in itertools.pairwise(cuts):
            write([column.slice(start, stop - start) for column in columns])
    return path


def read_csv(content):
    header, *rows = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
    assert header == SCHEMA.names
    return [list(each) for each in zip(*rows, strict=True)]


def read_json(content):
    rows = [json.loads(line) for line in content.decode().split("\n")[:-1]]
    assert all(list(row) == SCHEMA.names for row in rows)
    return [[row[name] for row in rows] for name in SCHEMA.names]


def read_workbook(path):
    (sheet,) = CalamineWorkbook.from_path(path).sheet_names
    header, *rows = CalamineWorkbook.from_path(path).get_sheet_by_name(sheet).to_python()
    assert header == SCHEMA.names
    return [list(each) for each in zip(*rows, strict=True)]


def missing(texts):
    return [text or None for text in texts]


def test_csv(tmp_path):
    path = written(tmp_path / "s.csv")
    assert path.read_bytes().startswith(
        b'"set, id",width_cm,LOWER,name,count,price,sold\n1,1.0,0.5,1,1,0.1,true\n007,0.1,'
    )
    ids, lengths, lower, *others = read_csv(path.read_bytes())
    assert [ids, *others] == [IDS, IDS, COUNTS, PRICES, SOLD]
    np.testing.assert_array_equal(np.float32(lengths), LENGTHS)
    np.testing.assert_array_equal(np.float32(lower), LENGTHS / 2)


def test_json_lines(tmp_path):
    path = written(tmp_path / "s.jsonl")
    assert path.read_bytes().startswith(
        b'{"set, id": "1", "width_cm": 1.0, "LOWER": 0.5, "name": "1", "count": 1, "price": 0.1, '
        b'"sold": true}\n{"set, id": "007", "width_cm": 0.1, '
    )
    ids, lengths, _, names, counts, prices, sold = read_json(path.read_bytes())
    assert ids == names == missing(IDS)
    np.testing.assert_array_equal(np.float32(lengths), LENGTHS)
    assert counts == [int(each) if each else None for each in COUNTS]
    assert prices == [float(each) if each else None for each in PRICES]
    assert sold == [{"true": True, "false": False, "": None}[each] for each in SOLD]


def test_parquet(tmp_path):
    table = pq.read_table(written(tmp_path / "s.parquet"))
    assert table.schema.equals(SCHEMA)
    assert table["name"].to_pylist() == table["set, id"].to_pylist() == missing(IDS)
    np.testing.assert_array_equal(table["width_cm"].to_numpy(), LENGTHS)
    assert table["count"].to_pylist() == [int(each) if each else None for each in COUNTS]
    assert table["price"].to_pylist() == [float(each) if each else None for each in PRICES]


def test_a_workbook_keeps_texts_as_texts_and_every_digit_of_numbers(tmp_path):
    path = written(tmp_path / "s.xlsx")
    ids, lengths, _, names, counts, prices, sold = read_workbook(path)
    assert ids == names == IDS
    # Cells of float64, with the digits that CSV has.
    assert lengths == [float(str(each)) for each in LENGTHS]
    whole = "9007199254740993"  # more digits than a number of Excel has
    assert counts == [each if each in ("", whole) else float(each) for each in COUNTS]
    digits = "0.30000000000000004"
    assert prices == [each if each in ("", digits) else float(each) for each in PRICES]
    assert sold == [{"true": True, "false": False, "": ""}[each] for each in SOLD]


@pytest.mark.parametrize("ending", [".csv.gz", ".jsonl.gz"])
def test_a_compressed_file_is_the_plain_one(tmp_path, ending):
    packed = written(tmp_path / f"s{ending}")
    plain = written(tmp_path / f"s{ending.removesuffix('.gz')}")
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_same_rows_give_the_same_bytes(tmp_path, monkeypatch, ending):
    first = written(tmp_path / f"one{ending}").read_bytes()
    later = time.time() + 1e7
    monkeypatch.setattr("time.time", lambda: later)
    assert written(tmp_path / f"other{ending}").read_bytes() == first


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(TEXTS, TEXTS, st.integers(-(2**63), 2**63 - 1)), min_size=1),
    parts=st.integers(1, 3),
)
def test_what_goes_in_comes_out(tmp_path_factory, rows, parts):
    folder = tmp_path_factory.mktemp("odd")
    ids, names, counts = (list(each) for each in zip(*rows, strict=True))
    others = [names, list(map(str, counts)), [""] * len(ids), [""] * len(ids)]
    lengths = np.arange(1, len(ids) + 1, dtype=np.float32)

    def found(ending):
        return written(folder / f"s{ending}", ids, lengths, others, parts)

    columns = read_csv(found(".csv").read_bytes())
    assert [columns[0], columns[3], list(map(int, columns[4]))] == [ids, names, counts]
    columns = read_json(found(".jsonl").read_bytes())
    assert [columns[0], columns[3], columns[4]] == [missing(ids), missing(names), counts]
    table = pq.read_table(found(".parquet"))
    assert table["set, id"].to_pylist() == missing(ids)
    assert table["name"].to_pylist() == missing(names)
    assert table["count"].to_pylist() == counts
    columns = read_workbook(found(".xlsx"))
    assert [columns[0], columns[3], list(map(int, columns[4]))] == [ids, names, counts]


def test_other_readers_see_as_many_rows(tmp_path):
    path = written(tmp_path / "s.csv")
    options = pa.csv.ParseOptions(newlines_in_values=True)
    kinds = pa.csv.ConvertOptions(column_types={"set, id": pa.string()})
    table = pa.csv.read_csv(path, parse_options=options, convert_options=kinds)
    assert table["set, id"].to_pylist() == IDS


@pytest.mark.parametrize("ending", ENDINGS)
def test_columns_of_other_numbers_of_rows_are_refused(tmp_path, ending):
    with pytest.raises((ValueError, pa.ArrowInvalid)):
        written(tmp_path / f"s{ending}", ids=[*IDS, "more"])


def test_what_a_workbook_does_not_hold(tmp_path):
    ids, path = [*IDS[:10], "x" * 32_768], tmp_path / "s.xlsx"
    with pytest.raises(UserError, match=r"row 11, column 'set, id': a text of 32,768 .* 32,767;"):
        written(path, ids=ids)
    written(path, ids=[*IDS[:10], "x" * 32_767])
    check_rows(path, MOST_ROWS)
    with pytest.raises(UserError, match=r"s\.xlsx: a sheet .* 1,048,575 rows .* has 1,048,576;"):
        check_rows(path, MOST_ROWS + 1)
