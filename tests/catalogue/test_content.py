"""A file is called what it is, whatever its name says."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from product_length.catalogue.config import Columns
from product_length.catalogue.content import is_text, recognise
from product_length.catalogue.reader import check_source, read_batches
from product_length.errors import UserError

HEADER = ",".join(Columns().model_dump().values())
CSV = (HEADER + "\n" + "".join(f"{n},lamp,,,7,5\n" for n in range(50))).encode()
TABLE = pa.table({name: ["1", "2"] for name in HEADER.split(",")})


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def written(write):
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def tarred(packed):
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("train.csv")
        member.size = len(CSV)
        archive.addfile(member, io.BytesIO(CSV))


def database():
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table products (id)")
        return connection.serialize() if sys.version_info >= (3, 11) else b"SQLite format 3\0" * 9


XLSX = zipped(**{"[Content_Types].xml": "<Types/>", "xl/workbook.xml": "<workbook/>"})
LATE_XLSX = zipped(**{"docProps/thumbnail.jpeg": b"x" * 9000, "xl/workbook.xml": "<workbook/>"})
ODS = zipped(mimetype="application/vnd.oasis.opendocument.spreadsheet", **{"content.xml": "<x/>"})
KINDS = {
    "gzip": (gzip.compress(CSV), "gzip", ".csv.gz"),
    "zip": (zipped(**{"train.csv": CSV}), "a zip archive", ".csv.zip"),
    "xlsx": (XLSX, "Excel workbook (xlsx)", "save the table as CSV"),
    "xlsx that begins with a picture": (LATE_XLSX, "Excel workbook (xlsx)", "as CSV"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Excel workbook", "as CSV"),
    "ods": (ODS, "OpenDocument", "as CSV"),
    "parquet": (written(lambda out: pq.write_table(TABLE, out)), "Parquet", ".parquet"),
    "feather": (written(lambda out: pa.feather.write_feather(TABLE, out)), "Feather", "as CSV"),
    "json": (json.dumps([{"id": 1}], indent=2).encode(), "JSON", "as CSV"),
    "json lines": (b'{"id": 1, "title": "a"}\n{"id": 2}\n', "JSON", "as CSV"),
    "json object": (b'\xef\xbb\xbf\n{\n "data": [1, 2]}', "JSON", "as CSV"),
    "html": (b"\n<!DOCTYPE html>\n<html><body>Log in</body></html>", "HTML", "fetch"),
    "html without doctype": (b"<!-- x -->\n<HTML lang='en'>", "HTML", "fetch"),
    "xml": (b"<?xml version='1.0'?>\n<products/>", "XML", "as CSV"),
    "sqlite": (database(), "SQLite", "as CSV"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF", "as CSV"),
    "utf-16": (CSV.decode().encode("utf-16"), "UTF-16", "as UTF-8"),
    "utf-16 without a mark": (CSV.decode().encode("utf-16-be"), "UTF-16", "as UTF-8"),
    "utf-32": (CSV.decode().encode("utf-32"), "UTF-32", "as UTF-8"),
    "bzip2": (bz2.compress(CSV), "bzip2", "unpack"),
    "xz": (lzma.compress(CSV), "xz", "unpack"),
    "tar": (written(tarred), "tar archive", "unpack"),
    "pickle": (pickle.dumps([1, 2]), "Python pickle", "as CSV"),
    "numpy": (written(lambda out: np.save(out, np.ones(3))), "NumPy array", "as CSV"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS", "pull"),
}


def fault(path, content):
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        check_source(path, Columns(), with_lengths=True)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_under_the_name_of_a_csv(tmp_path, kind):
    content, name, advice = KINDS[kind]
    said = fault(tmp_path / "a.csv", content)
    assert "the file is " in said
    assert name in said
    assert advice in said


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"parquet"}))
def test_under_the_name_of_a_parquet_file(tmp_path, kind):
    content, name, _ = KINDS[kind]
    assert name in fault(tmp_path / "a.parquet", content)


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"gzip"}))
def test_packed_in_gzip_or_under_its_name(tmp_path, kind):
    content, name, _ = KINDS[kind]
    assert name in fault(tmp_path / "b.csv.gz", content)
    if kind != "xlsx that begins with a picture":  # whose start says no more than zip
        packed = fault(tmp_path / "a.csv.gz", gzip.compress(content))
        assert "a.csv.gz: holds " in packed
        assert name in packed


def test_packed_in_zip(tmp_path):
    assert "holds JSON" in fault(tmp_path / "a.zip", zipped(**{"a.json": KINDS["json"][0]}))
    assert "holds gzip; it must hold one CSV" in fault(
        tmp_path / "a.zip", zipped(**{"a.csv.gz": gzip.compress(CSV)})
    )


def test_csv_under_another_name(tmp_path):
    for name in ("a.parquet", "a.csv.gz", "a.zip"):
        assert "is plain text; end its name with .csv" in fault(tmp_path / name, CSV)
    assert "unknown ending" in fault(tmp_path / "a.txt", CSV)
    assert "is an Excel workbook (xlsx); save" in fault(tmp_path / "a.xlsx", XLSX)
    assert "is Parquet; end its name with .parquet" in fault(tmp_path / "a.pq", KINDS["parquet"][0])
    assert "the file is empty" in fault(tmp_path / "a.parquet", b"")


@pytest.mark.parametrize(
    "first", ["[id]", "ORCHID", "PKID", "PAR", "{id}", '"[id]"', "<id>", "BZhid", "7z", "%", "#id"]
)
def test_headers_that_begin_like_other_files_are_read(tmp_path, first):
    path = tmp_path / "a.csv"
    path.write_bytes(f"{first},{HEADER}\n".encode() + b"x,1,lamp,,,7,5\n" * 3)
    batches = read_batches(path, Columns(), with_lengths=True)
    assert sum(len(batch.rows) for batch in batches) == 3


@given(st.lists(st.text(st.characters(categories=["L", "Nd"]), min_size=1), min_size=2))
def test_no_header_of_words_is_taken_for_something_else(names):
    start = (",".join(names) + "\n").encode()
    assert recognise(start) is None
    assert is_text(start)


@given(st.text(min_size=10), st.integers(0, 3))
def test_text_may_be_cut_anywhere(text, cut):
    encoded = ("a" * 9 + "".join(letter for letter in text if letter.isprintable())).encode()
    assert is_text(encoded[: len(encoded) - cut])


def test_checking_a_source_imports_nothing_heavy(tmp_path):
    (tmp_path / "a.csv").write_bytes(CSV)
    program = (
        "import sys, pathlib\n"
        "from product_length.catalogue.config import Columns\n"
        "from product_length.catalogue.reader import check_source\n"
        "check_source(pathlib.Path(sys.argv[1]), Columns(), with_lengths=True)\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'pandas', 'hydra', 'lightning', 'faiss'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a.csv")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
