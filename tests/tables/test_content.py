"""A file is called what it is, whatever its name says."""

import bz2
import gzip
import io
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

from product_length.errors import UserError
from product_length.tables.content import is_text, recognise
from product_length.tables.open_table import open_table

HEADER = "id,title,type,cm"
CSV = (HEADER + "\n" + "".join(f"{n},lamp,7,5\n" for n in range(50))).encode()
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
PARQUET = written(lambda out: pq.write_table(TABLE, out))
JSON_LINES = b'{"id": 1, "title": "a"}\n{"id": 2}\n'
REFUSED = {
    "xlsx": (XLSX, "not a sound Excel workbook", "save or fetch it again"),
    "xlsx that begins with a picture": (LATE_XLSX, "not a sound Excel workbook", "fetch"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Excel workbook", "as xlsx"),
    "ods": (ODS, "OpenDocument", "as CSV"),
    "feather": (written(lambda out: pa.feather.write_feather(TABLE, out)), "Feather", "as CSV"),
    "html": (b"\n<!DOCTYPE html>\n<html><body>Log in</body></html>", "HTML", "fetch"),
    "html without doctype": (b"<!-- x -->\n<HTML lang='en'>", "HTML", "fetch"),
    "xml": (b"<?xml version='1.0'?>\n<products/>", "XML", "as CSV"),
    "sqlite": (database(), "SQLite", "as CSV"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF", "as CSV"),
    "tar": (written(tarred), "tar archive", "unpack"),
    "pickle": (pickle.dumps([1, 2]), "Python pickle", "as CSV"),
    "numpy": (written(lambda out: np.save(out, np.ones(3))), "NumPy array", "as CSV"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS", "pull"),
    "noise": (b"\1\2\3" * 99, "neither text nor", "as CSV"),
}
PACKED = {
    "gzip": gzip.compress,
    "zip": lambda content: zipped(**{"train.csv": content}),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda content: pa.Codec("zstd").compress(content, asbytes=True),
}


def fault(path, content):
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        open_table(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.csv.gz", "a"])
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_table_is_refused_whatever_its_name(tmp_path, kind, name):
    content, named, advice = REFUSED[kind]
    said = fault(tmp_path / name, content)
    assert named in said
    assert advice in said


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize(
    "kind", sorted(REFUSED.keys() - {"xlsx", "xlsx that begins with a picture"})
)
def test_what_is_no_table_is_refused_when_packed(tmp_path, kind, packing):
    content, named, advice = REFUSED[kind]
    said = fault(tmp_path / "a.csv", PACKED[packing](content))
    assert named in said
    assert advice in said


@pytest.mark.parametrize("packing", PACKED)
def test_a_packed_file_holds_one_table_of_text(tmp_path, packing):
    for content, named in ((PARQUET, "Parquet"), (gzip.compress(CSV), "gzip"), (XLSX, "xlsx")):
        said = fault(tmp_path / "a.csv.gz", PACKED[packing](content))
        assert "it must hold one table of text itself" in said
        assert named in said
    assert "an empty file" in fault(tmp_path / "b", PACKED[packing](b""))


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.csv.gz", "a.zip", "a.txt", "a"])
def test_a_table_is_read_whatever_its_name(tmp_path, name):
    path = tmp_path / name
    for content in (CSV, PARQUET, JSON_LINES, *(pack(CSV) for pack in PACKED.values())):
        path.write_bytes(content)
        assert open_table(path).names[:2] == ("id", "title")
    assert "the file is empty" in fault(path, b"")


@pytest.mark.parametrize(
    "first", ["[id]", "ORCHID", "PKID", "PAR", "{id}", '"[id]"', "<id>", "BZhid", "7z", "%", "#id"]
)
def test_headers_that_begin_like_other_files_are_read(tmp_path, first):
    path = tmp_path / "a.csv"
    path.write_bytes(f"{first},{HEADER}\n".encode() + b"x,1,lamp,7,5\n" * 3)
    batches = open_table(path).read(["id", "title"], ["cm"])
    assert sum(len(batch) for batch in batches) == 3


@given(st.lists(st.text(st.characters(categories=["L", "Nd"]), min_size=1), min_size=2))
def test_no_header_of_words_is_taken_for_something_else(names):
    start = (",".join(names) + "\n").encode()
    assert recognise(start) is None
    assert is_text(start)


@given(st.text(min_size=10), st.integers(0, 3))
def test_text_may_be_cut_anywhere(text, cut):
    encoded = ("a" * 9 + "".join(letter for letter in text if letter.isprintable())).encode()
    assert is_text(encoded[: len(encoded) - cut])


def test_opening_a_table_imports_nothing_heavy(tmp_path):
    (tmp_path / "a.csv").write_bytes(CSV)
    program = (
        "import sys, pathlib\n"
        "from product_length.tables.open_table import open_table\n"
        "open_table(pathlib.Path(sys.argv[1]))\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'pandas', 'hydra', 'lightning', 'faiss'}\n"
        "heavy |= {'charset_normalizer', 'python_calamine'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a.csv")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
