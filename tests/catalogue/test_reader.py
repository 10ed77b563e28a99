"""Reading CSV and Parquet: every row as it stands, every fault named with its place."""

import csv
import gzip
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from builders import CHALLENGE_HEADER, challenge_columns
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.catalogue.config import Columns
from product_length.catalogue.file_columns import FileColumns
from product_length.catalogue.reader import read_products
from product_length.errors import UserError
from product_length.tables.config import TableOptions
from product_length.tables.csv_file import BLOCK_BYTES
from product_length.tables.open_table import open_table

COLUMNS = challenge_columns()
NAMES = CHALLENGE_HEADER
KEYS = ["product_id", "title", "bullet_points", "description", "product_type", "length"]
HEADER = ",".join(NAMES) + "\n"
SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "amazon2023_sample.csv"


def read_batches(path, columns, *, with_lengths=True, escape=None, block_bytes=None):
    named = FileColumns.of(columns, with_lengths=with_lengths)
    return read_products(open_table(path, TableOptions(escape=escape)), named, block_bytes)


def read(path, *, with_lengths=True, columns=COLUMNS, escape=None, block_bytes=None):
    """All rows as lists of strings, after checking that the batches follow each other."""
    rows = []
    for batch in read_batches(
        path, columns, with_lengths=with_lengths, escape=escape, block_bytes=block_bytes
    ):
        assert batch.first_row == len(rows) + 1
        assert batch.rows.schema.names == (KEYS if with_lengths else KEYS[:-1])
        rows += zip(*(column.to_pylist() for column in batch.rows.columns), strict=True)
    return rows


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(count, start=1):
    return "".join(f"{i},title {i},bullets,text,7,{i}.5\n" for i in range(start, start + count))


def expected(count):
    return [(str(i), f"title {i}", "bullets", "text", "7", f"{i}.5") for i in range(1, count + 1)]


def zipped(content, *names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.csv", bytes),
        ("A.CSV", bytes),
        ("a.csv.gz", gzip.compress),
        ("a.gz", lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:])),
        ("a.zip", lambda data: zipped(data, "inner.csv")),
        ("a", bytes),
        ("a.txt", gzip.compress),
        ("a.csv.zip", lambda data: zipped(data, "folder/", "__MACOSX/._x", "folder/inner.csv")),
    ],
)
def test_containers_hold_the_same_rows(tmp_path, name, pack):
    path = write(tmp_path / name, pack((HEADER + lines(300)).encode()))
    assert read(path) == expected(300)
    last = list(read_batches(path, COLUMNS, with_lengths=True))[-1]
    assert 0 < last.bytes_read <= path.stat().st_size


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + HEADER + lines(3),
        (HEADER + lines(3)).replace("\n", "\r\n"),
        (HEADER + lines(3)).replace("\n", "\r"),
        HEADER + lines(3)[:-1],
        "\n\n" + HEADER + "\n" + lines(3).replace("\n", "\n\n"),
        '"' + '","'.join(NAMES) + '"\n' + lines(3),
    ],
    ids=["bom", "crlf", "cr", "no newline at the end", "blank lines", "quoted header"],
)
def test_spellings_of_the_same_file(tmp_path, content):
    assert read(write(tmp_path / "a.csv", content)) == expected(3)


def test_columns_are_found_by_name_and_others_ignored(tmp_path):
    text = "X,L,T,P,X,B,D,K\n,5,t,007,y,b,d,k\n"
    names = {"product_id": "P", "title": "T", "bullet_points": "B", "description": "D"}
    columns = Columns(**names, product_type="K", length="L")
    rows = read(write(tmp_path / "a.csv", text), columns=columns)
    assert rows == [("007", "t", "b", "d", "k", "5")]


def test_quoting(tmp_path):
    body = '1,"a, ""b""\r\nc",,5" pipe,x,"7"\n2,NA,null,,nan,\n'
    rows = read(write(tmp_path / "a.csv", HEADER + body))
    assert rows == [
        ("1", 'a, "b"\r\nc', "", '5" pipe', "x", "7"),
        ("2", "NA", "null", "", "nan", ""),
    ]


def test_prediction_needs_no_length(tmp_path):
    body = "".join(f"{i % 3},,,,,\n" for i in range(9))
    with_column = read(write(tmp_path / "a.csv", HEADER + body), with_lengths=False)
    header = ",".join(NAMES[:-1]) + "\n"
    without = read(
        write(tmp_path / "b.csv", header + body.replace(",\n", "\n")), with_lengths=False
    )
    assert [row[0] for row in with_column] == [str(i % 3) for i in range(9)]
    assert with_column == without


@settings(max_examples=40, deadline=None)
@given(
    table=st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=6, max_size=6),
        min_size=1,
        max_size=8,
    ),
    block_bytes=st.sampled_from([None, 64, 200]),
    # With "\n" alone and minimal quotes, Python's writer leaves a carriage return unquoted.
    style=st.sampled_from(
        [("\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_MINIMAL)]
    ),
)
def test_any_text_survives_the_round_trip(tmp_path_factory, table, block_bytes, style):
    path = tmp_path_factory.mktemp("round") / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator=style[0], quoting=style[1])
        writer.writerow(NAMES)
        writer.writerows(table)
    assert read(path, block_bytes=block_bytes) == [tuple(row) for row in table]


def test_blocks_bound_the_batches_and_rows_stay_numbered(tmp_path):
    path = write(tmp_path / "a.csv", HEADER + lines(5000))
    batches = list(read_batches(path, COLUMNS, with_lengths=True, block_bytes=4096))
    assert len(batches) > 30
    assert max(len(batch.rows) for batch in batches) < 200
    assert [b.bytes_read for b in batches] == sorted(b.bytes_read for b in batches)
    assert read(path, block_bytes=4096) == expected(5000)


def test_a_row_larger_than_a_block(tmp_path):
    long = "x" * 3 * BLOCK_BYTES
    body = lines(20_000) + f"long,{long},,,,1\n" + lines(3, 20_002)
    path = write(tmp_path / "a.csv", HEADER + body)
    rows = read(path)
    assert len(rows) == 20_004
    assert rows[:20_000] == expected(20_000)
    assert rows[20_000][:2] == ("long", long)
    assert rows[20_003][0] == "20004"


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet"])
def test_reading_may_stop_early(tmp_path, name):
    if name == "a.parquet":
        path = write_parquet(tmp_path / name, PRODUCT_ID=pa.array(range(40_000)))
    else:
        content = (HEADER + lines(200_000)).encode()
        path = write(tmp_path / name, content if name == "a.csv" else gzip.compress(content, 1))
    batches = read_batches(path, COLUMNS, with_lengths=False)
    assert next(batches).first_row == 1
    batches.close()
    assert list(batches) == []


FAULTS = {
    "empty": ("a.csv", b"", ["empty", "0 bytes"]),
    "blank": ("a.csv", b"\n\n\n", ["blank lines"]),
    "header only": ("a.csv", HEADER, ["header", "no rows"]),
    "header without newline": ("a.csv", HEADER.strip(), ["header", "no rows"]),
    "missing column": (
        "a.csv",
        HEADER.replace("TITLE", "Title") + lines(1),
        ["no column 'TITLE'", "did you mean 'Title'", "data.columns.title", "'BULLET_POINTS'"],
    ),
    "two missing columns": (
        "a.csv",
        "PRODUCT_ID,PRODUCT_TITLE\n1,2\n",
        ["'TITLE', did you mean 'PRODUCT_TITLE'", "no column 'DESCRIPTION'"],
    ),
    "missing length": (
        "a.csv",
        ",".join(NAMES[:-1]) + "\n1,t,b,d,7\n",
        ["no column 'PRODUCT_LENGTH'"],
    ),
    "duplicate column": (
        "a.csv",
        HEADER.replace("DESCRIPTION", "TITLE") + lines(1),
        ["'TITLE' occurs 2 times"],
    ),
    "encoding": (
        "a.csv",
        (HEADER + lines(20_000)).encode() + "20001,Caf\xe9,b,d,7,1\n".encode("latin-1"),
        ["row 20001", "column 'TITLE'", "0xe9", "UTF-8", "data.encoding=cp1252"],
    ),
    "encoding at the start": (
        "a.csv",
        (HEADER + "1,niño,b,sillón,7,1\n").encode("cp1252"),
        ["not UTF-8", "cannot be told", "data.encoding=cp1252 reads 'niño'"],
    ),
    "too few fields": (
        "a.csv",
        HEADER + lines(7) + "8,t,b\n" + lines(4, 9),
        ["row 8 (line 9)", "3 fields", "header has 6"],
    ),
    "too many fields": (
        "a.csv",
        HEADER + '1,"two\nlines",b,d,7,1\n' + "2,t,b,d,e,f,7,1\n",
        ["row 2 (line 4)", "8 fields"],
    ),
    "a quote that swallows a row": (
        "a.csv",
        HEADER + lines(4) + '5,"open,b,d,7,1\n6,"closed",b,d,7,1\n' + lines(3, 7),
        ["row 5 (line 6)", "closing quote"],
    ),
    "a quote in a column that is not read": (
        "a.csv",
        "E," + HEADER + '"open,1,t,b,d,7,1\n"closed",2,t,b,d,7,1\n',
        ["row 1 (line 2)", "closing quote"],
    ),
    "text after a quote on two lines": (
        "a.csv",
        HEADER + '1,"ab"c,"x\ny",d,7,1\n',
        ["row 1", "closing quote"],
    ),
    "open quote at the end": (
        "a.csv",
        HEADER + lines(4) + '5,t,b,d,7,"1\n',
        ["row 5 (line 6)", "never closed"],
    ),
    "open quote at the end without newline": (
        "a.csv",
        HEADER + lines(4) + '5,t,b,d,7,"1',
        ["row 5 (line 6)", "never closed"],
    ),
    "open quote in the middle": (
        "a.csv",
        HEADER + lines(2) + '3,"open,b,d,7,1\n' + lines(900, 4),
        ["row 3 (line 4)", "never closed"],
    ),
    "open quote in the header": ("a.csv", '"' + HEADER + lines(3), ["header is broken"]),
    "gzip cut short": (
        "a.csv.gz",
        gzip.compress((HEADER + lines(3000)).encode())[:-200],
        ["damaged or cut short"],
    ),
    "gzip damaged": (
        "a.csv.gz",
        gzip.compress((HEADER + lines(3000)).encode())[:-8] + b"\0\0\0\0\0\0\0\0",
        ["damaged or cut short"],
    ),
    "neither gzip nor text": ("a.gz", b"\1\2\3" * 99, ["neither text nor a kind of table"]),
    "zip damaged": ("a.zip", zipped(b"x" * 999, "one.csv")[:-40], ["damaged or cut short"]),
    "two members": ("a.zip", zipped(b"x", "one.csv", "two.csv"), ["2 files", "one.csv, two.csv"]),
    "no member": ("a.zip", zipped(b"x"), ["0 files"]),
    "broken parquet": ("a.parquet", b"PAR1" + bytes(99), ["not a sound Parquet file"]),
    "broken parquet named csv": ("a.csv", b"PAR1....", ["not a sound Parquet file"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_reported_in_one_line_with_its_place(tmp_path, fault):
    name, content, expected = FAULTS[fault]
    path = write(tmp_path / name, content)
    with pytest.raises(UserError) as error:
        read(path)
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message
    assert len(expected) >= 1
    for part in expected:
        assert part in message


def test_broken_quote_in_a_compressed_file(tmp_path):
    _, content, _ = FAULTS["a quote that swallows a row"]
    with pytest.raises(UserError, match=r"row 5 \(line 6\)"):
        read(write(tmp_path / "a.csv.gz", gzip.compress(content.encode())))


def test_encoding_fault_far_from_the_start_with_small_blocks(tmp_path):
    content = (HEADER + lines(20_000)).encode() + b"20001,t,b,d,\xc3(,1\n"
    with pytest.raises(UserError, match="row 20001, column 'PRODUCT_TYPE_ID': byte 0xc3"):
        read(write(tmp_path / "a.csv", content), block_bytes=2048)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read(tmp_path / "absent.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match="no file to read"):
        read(tmp_path / "folder.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path):
    path = write(tmp_path / "a.csv", HEADER + lines(3))
    path.chmod(0)
    with pytest.raises(UserError, match="permissions"):
        read(path)


def test_file_faults_are_reported_before_the_first_row(tmp_path):
    path = write(tmp_path / "a.csv", "A,B\n1,2\n")
    with pytest.raises(UserError, match="no column"):
        read_batches(path, COLUMNS, with_lengths=True)


def test_field_limit_of_the_csv_module_is_put_back(tmp_path):
    before = csv.field_size_limit(1000)
    try:
        read(write(tmp_path / "a.csv", HEADER + lines(3)))
        assert csv.field_size_limit() == 1000
    finally:
        csv.field_size_limit(before)


# Parquet


def write_parquet(path, **columns):
    rows = len(next(iter(columns.values())))
    texts = {name: pa.array(["x"] * rows) for name in NAMES}
    pq.write_table(pa.table({**texts, **columns}), path)
    return path


def test_parquet_types_become_text(tmp_path):
    ids = pa.array([7, 10**15, None, 1])
    types = pa.array([12.0, None, 12.5, 1e17])
    title = pa.array(["a", None, "c", ""]).dictionary_encode()
    path = write_parquet(
        tmp_path / "a.parquet",
        PRODUCT_ID=ids,
        PRODUCT_TYPE_ID=types,
        TITLE=title,
        BULLET_POINTS=pa.array([None] * 4),
        DESCRIPTION=pa.array([b"x", "é".encode(), None, b""], pa.large_binary()),
        PRODUCT_LENGTH=pa.array([1, None, 3, 4]),
    )
    assert read(path) == [
        ("7", "a", "", "x", "12", 1.0),
        ("1000000000000000", "", "", "é", "", None),
        ("", "c", "", "", "12.5", 3.0),
        ("1", "", "", "", "100000000000000000", 4.0),
    ]


def test_parquet_ids_keep_their_zeros_and_text_lengths_their_spelling(tmp_path):
    path = write_parquet(
        tmp_path / "a.parquet",
        PRODUCT_ID=pa.array(["007", "7"]),
        PRODUCT_LENGTH=pa.array(["12,5", None]),
    )
    rows = read(path)
    assert [(row[0], row[5]) for row in rows] == [("007", "12,5"), ("7", None)]
    assert read(path, with_lengths=False) == [row[:5] for row in rows]


def test_parquet_streams_in_order(tmp_path):
    ids = np.arange(40_000)
    path = write_parquet(tmp_path / "a.parquet", PRODUCT_ID=pa.array(ids))
    batches = list(read_batches(path, COLUMNS, with_lengths=False))
    assert [batch.first_row for batch in batches] == [1, 16_385, 32_769]
    assert batches[-1].bytes_read == path.stat().st_size
    assert [row[0] for row in read(path)] == [str(i) for i in ids]


def test_parquet_faults(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", TITLE=pa.array([["a"], ["b"]]))
    with pytest.raises(UserError, match=r"a\.parquet: column 'TITLE' holds list.*expected text"):
        read(path)
    bad = pa.array([b"ok"] * 20_000 + [b"\xff"], pa.binary()).view(pa.string())
    path = write_parquet(tmp_path / "b.parquet", TITLE=bad)
    with pytest.raises(UserError, match=r"b\.parquet: row 20001, column 'TITLE': byte 0xff"):
        read(path)
    path = write_parquet(tmp_path / "c.parquet", TITLE=pa.array([], pa.string()))
    with pytest.raises(UserError, match="no rows"):
        read(path)
    pq.write_table(pa.table({"PRODUCT_ID": [1]}), tmp_path / "d.parquet")
    with pytest.raises(UserError, match="no column 'TITLE'"):
        read(tmp_path / "d.parquet")


def test_damaged_parquet(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", TITLE=pa.array([str(i) for i in range(9000)]))
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    with pytest.raises(UserError, match=r"a\.parquet: is not a sound Parquet file"):
        read(write(path, bytes(content)))


@pytest.mark.skipif(not SAMPLE.exists(), reason=f"{SAMPLE} is not here")
def test_the_real_sample(tmp_path):
    rows = read(SAMPLE)
    with SAMPLE.open(newline="", encoding="utf-8") as file:
        assert rows == [tuple(row) for row in list(csv.reader(file))[1:]]
    assert len(rows) == 7392


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_column_without_a_name_is_empty(tmp_path, ending):
    table = pa.table({"NAME": ["rug", "mat"], "id": ["a", "b"], "cm": [3.0, 4.0]})
    path = tmp_path / f"few.{ending}"
    (pa_csv.write_csv if ending == "csv" else pq.write_table)(table, path)
    columns = Columns(
        product_id="id",
        title="NAME",
        bullet_points=None,
        description=None,
        product_type=None,
        length="cm",
    )
    [batch] = read_batches(path, columns, with_lengths=True)
    rows = batch.rows.to_pydict()
    assert list(rows) == KEYS
    assert rows["title"] == ["rug", "mat"]
    assert rows["bullet_points"] == rows["description"] == rows["product_type"] == ["", ""]
    assert [float(length) for length in rows["length"]] == [3.0, 4.0]
    with pytest.raises(ValueError, match="must name a column"):
        Columns(title=None, bullet_points=None, description=None, length="cm")
