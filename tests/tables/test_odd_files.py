"""Odd files: each is read as the rows that it holds, or refused in one line with what to do."""

import bz2
import datetime
import gzip
import io
import json
import logging
import lzma
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from table_files import HEADER, ROWS, delimited, notes, read

from product_length.errors import UserError
from product_length.tables.config import TableOptions
from product_length.tables.open_table import open_table


def zstd(content):
    return pa.Codec("zstd").compress(content, asbytes=True)


def zipped(content, *names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("table.csv",):
            archive.writestr(name, content)
    return buffer.getvalue()


def objects(rows=ROWS):
    return [
        {key: value for key, value in zip(HEADER, row, strict=True) if value is not None}
        for row in rows
    ]


def json_lines(values=None):
    return "\n".join(json.dumps(value) for value in values or objects()) + "\n"


def parquet():
    out = io.BytesIO()
    columns = zip(*ROWS, strict=True)
    pq.write_table(pa.table(dict(zip(HEADER, map(pa.array, columns), strict=True))), out)
    return out.getvalue()


def workbook(*sheets):
    """Sheets as (name, rows); a row is a list of values."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        date = book.add_format({"num_format": "yyyy-mm-dd"})
        for name, rows in sheets:
            sheet = book.add_worksheet(name)
            for place, row in enumerate(rows):
                for column, value in enumerate(row):
                    if isinstance(value, datetime.date):
                        sheet.write_datetime(place, column, value, date)
                    elif value is not None:
                        sheet.write(place, column, value)
    return out.getvalue()


def xlsx_rows():
    return [list(HEADER), *([name, title, width] for name, title, width in ROWS)]


PLAIN = delimited()
READ = {
    # name: (name of the file, content, options, in the note)
    "comma": ("a.csv", PLAIN, {}, None),
    "semicolon": ("a.csv", delimited(";"), {}, "separator ';'"),
    "tab": ("a.csv", delimited("\t"), {}, "separator TAB"),
    "pipe": ("a.csv", delimited("|"), {}, "separator '|'"),
    "caret, by option": ("a.csv", delimited("^"), {"separator": "^"}, None),
    "tab, by a word": ("a.csv", delimited("\t"), {"separator": "tab"}, None),
    "sep= of Excel": ("a.csv", "sep=;\r\n" + delimited(";"), {}, "separator ';'"),
    "sep= in utf-16": ("a.csv", ("sep=;\r\n" + delimited(";")).encode("utf-16"), {}, "UTF-16"),
    "all quoted": ("a.csv", delimited(";", quoting=1), {}, "';'"),
    "semicolon, comma": ("a.csv", delimited(";", ","), {}, "';'"),
    "comma, comma": ("a.csv", delimited(",", ","), {}, None),
    "thousands by points": ("a.csv", delimited(";", ",", thousands="."), {}, "';'"),
    "thousands by commas": ("a.csv", delimited(thousands=","), {}, None),
    "thousands by spaces": ("a.csv", delimited("\t", ",", thousands=" "), {}, "TAB"),
    "thousands by thin spaces": ("a.csv", delimited("|", ",", thousands="\u202f"), {}, "'|'"),
    "thousands by apostrophes": ("a.csv", delimited(thousands="'"), {}, None),
    "byte order mark": ("a.csv", PLAIN.encode("utf-8-sig"), {}, None),
    "mark, all quoted": ("a.csv", delimited(quoting=1).encode("utf-8-sig"), {}, None),
    "utf-16": ("a.csv", PLAIN.encode("utf-16"), {}, "read as UTF-16"),
    "utf-16, big end, tabs": (
        "a.txt", b"\xfe\xff" + delimited("\t", ",").encode("utf-16-be"), {}, "TAB, read as UTF-16",
    ),
    "utf-16 without mark": ("a.csv", PLAIN.encode("utf-16-le"), {}, "UTF-16 (detected)"),
    "utf-16 be without mark": ("a.csv", PLAIN.encode("utf-16-be"), {}, "UTF-16 (detected)"),
    "utf-16 by option, with a mark": (
        "a.csv",
        b"\xff\xfe" + delimited(quoting=1).encode("utf-16-le"),
        {"encoding": "utf-16-le"},
        None,
    ),
    "json lines, utf-16 by option, with a mark": (
        "a", b"\xff\xfe" + json_lines().encode("utf-16-le"), {"encoding": "utf-16-le"}, None,
    ),
    "utf-32": ("a.csv", PLAIN.encode("utf-32"), {}, "read as UTF-32"),
    "cp1252": ("a.csv", delimited(";", ",").encode("cp1252"), {}, "read as cp1252 (detected)"),
    "cp1252 by option": ("a.csv", PLAIN.encode("cp1252"), {"encoding": "cp1252"}, None),
    "latin-1 by option": ("a.csv", PLAIN.encode("latin-1"), {"encoding": "latin-1"}, None),
    "cp850 by option": ("a.csv", PLAIN.encode("cp850"), {"encoding": "cp850"}, None),
    "mac by option": ("a.csv", PLAIN.encode("mac_roman"), {"encoding": "mac_roman"}, None),
    "gzip called csv": ("a.csv", gzip.compress(PLAIN.encode()), {}, None),
    "zip": ("a.csv.zip", zipped(PLAIN), {}, None),
    "zip of cp1252": ("a", zipped(PLAIN.encode("cp1252")), {}, "cp1252"),
    "bzip2": ("a.csv.bz2", bz2.compress(PLAIN.encode()), {}, None),
    "xz of utf-16": ("a.csv.xz", lzma.compress(PLAIN.encode("utf-16")), {}, "UTF-16"),
    "zstd": ("a.csv.zst", zstd(delimited(";").encode()), {}, "';'"),
    "two zstd frames": ("a", zstd(PLAIN[:99].encode()) + zstd(PLAIN[99:].encode()), {}, None),
    "parquet called csv": ("a.csv", parquet(), {}, None),
    "json lines": ("a.jsonl", json_lines(), {}, None),
    "json lines, gzip": ("a.jsonl.gz", gzip.compress(json_lines().encode()), {}, None),
    "json lines with a mark": ("a.csv", json_lines().encode("utf-8-sig"), {}, None),
    "json lines, utf-16": ("a", json_lines().encode("utf-16"), {}, "UTF-16"),
    "json lines, blank lines": ("a", "\n\n" + json_lines().replace("\n", "\r\n\r\n"), {}, None),
    "json array": ("a.json", json.dumps(objects(), indent=1), {}, None),
    "xlsx": ("a.xlsx", workbook(("x", xlsx_rows())), {}, None),
    "xlsx called csv": ("a.csv", workbook(("x", xlsx_rows())), {}, None),
    "xlsx, second sheet": (
        "a.xlsx", workbook(("About", []), ("Data", xlsx_rows())), {}, "sheet 'Data', not 'About'",
    ),
    "xlsx, blank rows": (
        "a", workbook(("x", [[], *xlsx_rows()[:9], [], *xlsx_rows()[9:]])), {}, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", READ)
def test_is_read_right(tmp_path, kind):
    name, content, options, note = READ[kind]
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    # CSV of Python's writer ends its lines with CR LF; a line end within a field stays as it is.
    assert read(path, **options) == ROWS
    assert read(path, block_bytes=300, **options) == ROWS
    said = notes(path, **options)
    assert said == "" if note is None else note in said


CUT = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstd}
LONG = delimited(rows=[(str(n), f"Stück {n * n * 7919 % 10007}", n + 0.5) for n in range(30_000)])
REFUSED = {
    # name: (content, options, in the message)
    "two separators": ("a;b,c\n1;2,3\n4;5,6\n", {}, ["data.separator=comma", "=semicolon"]),
    "mixed encodings": (
        ("id,title,width\n" + "1,Müll,5\n" * 9).encode() + "2,Tür,5\n".encode("cp1252") * 9,
        {},
        ["mixes encodings", "byte 0xfc in line 11 (after '", "data.encoding="],
    ),
    "an odd byte among letters and emojis": (
        ("id,title,width\n" + "1,Müll 🙂,5\n" * 9).encode() + b"2,T\xfcr,5\n",
        {},
        ["mixes encodings", "byte 0xfc in line 11"],
    ),
    "surrogates": (b"id,title,width\n1,\xed\xa0\xbd\xed\xb8\x80,5\n", {}, ["byte 0xed in line 2"]),
    "utf-16 of another alphabet": (
        ("Код,Имя\n" + "1,Стол кухонный\n" * 9).encode("utf-16-le"),
        {},
        ["neither text nor", "data.encoding="],
    ),
    "no sure encoding": (
        "id,title,width\n1,niño,2\n2,sillón,3\n".encode("cp1252"),
        {},
        ["data.encoding=cp1252 reads 'niño'", "data.encoding=cp1250 reads 'nińo'"],
    ),
    "late cp1252": (
        LONG.encode() + b'x,"T\xfcr",1\n',
        {},
        ["row 30001, column 'title': byte 0xfc", "data.encoding=cp1252"],
    ),
    "no cp1252": (b"id,title,width\n1,a,2\n2,\x81,3\n", {"encoding": "cp1252"}, ["line 3: 0x81"]),
    "utf-16 cut short": (PLAIN.encode("utf-16")[:-1], {}, ["is no utf-16", "data.encoding="]),
    "not ascii": (PLAIN, {"encoding": "ascii"}, ["line 2: 0xc3 is no ascii"]),
    "few fields": (delimited(";") + "60;zu wenig\n", {}, ["2 fields where the header has 3"]),
    "many fields": (
        "id;title;width\n1;a;2\n2;b;c;3\n3;c;4\n",
        {},
        ["row 2 (line 3): 4 fields", "quote the fields that hold semicolons"],
    ),
    "many fields after sep=": (
        "sep=;\nid;title;width\n1;a;2\n2;b;c;3\n",
        {},
        ["row 2 (line 4): 4 fields"],
    ),
    "open quote": ('id\ttitle\twidth\n1\t"a\t2\n2\tb\t3\n', {}, ["row 1 (line 2)", "never closed"]),
    "text after a quote": ('id|title|width\n1|"a"b|2\n', {}, ["row 1 (line 2): text after"]),
    "a quote before a comma": ('id;title;width\n1;"a",;2\n', {}, ["row 1 (line 2): text after"]),
    "header only": ("id;title;width\n", {}, ["a header but no rows"]),
    "header only, utf-16": ("id;title;width\n".encode("utf-16"), {}, ["a header but no rows"]),
    "blank lines": ("\r\n\n\n", {}, ["only blank lines"]),
    "json of one object": ('{"data":\n [1, 2]}', {}, ["row 1 (line 1)", "JSON Lines"]),
    "json of numbers": ("[[1, 2], [3, 4]]", {}, ["row 1 is a list", "array of objects"]),
    "broken json line": (
        json_lines() + '{"id": "x", \n',
        {},
        [f"row {len(ROWS) + 1} (line {len(ROWS) + 1}) is no sound JSON"],
    ),
    "broken json array": ('[{"id": 1,\n "width" 3}]', {}, ["no sound JSON in line 2"]),
    "json lines of numbers": ('{"id": 1}\n7\n', {}, ["row 2 (line 2) is a number"]),
    "json not utf-8": (b'{"id": "T\xfcr"}\n', {"encoding": "utf-8"}, ["row 1", "not UTF-8"]),
    "damaged workbook": (workbook(("x", xlsx_rows()))[:-300], {}, ["a.csv: "]),
    "empty workbook": (workbook(("x", [])), {}, ["only blank rows"]),
    "workbook of a header": (workbook(("x", [list(HEADER)])), {}, ["header but no rows"]),
    "a web page": ("<!doctype html><html></html>".encode("utf-16"), {}, ["HTML", "fetch"]),
    "two in a zip": (zipped(PLAIN, "a.csv", "b.csv"), {}, ["holds 2 files (a.csv, b.csv)"]),
    "late zstd": (zstd(LONG.encode()) + b"noise", {}, ["damaged or cut short"]),
    **{
        f"{name} cut by {cut}": (pack(LONG.encode())[:-cut], {}, ["damaged or cut short"])
        for name, pack in CUT.items()
        for cut in (1, 7, 2000)
    },
}


@pytest.mark.parametrize("kind", REFUSED)
def test_is_refused_in_one_line(tmp_path, kind):
    content, options, parts = REFUSED[kind]
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UserError) as error:
        read(path, numbers=[], text=["id", "title"], **options)
    message = str(error.value)
    assert message.startswith(f"{path}")
    assert "\n" not in message
    for part in parts:
        assert part in message


DECIMALS = {
    "only 1,234": (["1,234", "12"], "data.decimal=, or data.decimal=."),
    "only 1.234": (["1.234", "12"], "data.decimal=. or data.decimal=,"),
    "both": (["12,5", "12.5"], "both decimal marks: '12.5' in row 2, column 'width'"),
    "both, far apart": (["12.5"] * 3000 + ["1.234,5"] * 200, "'1.234,5' in row 3001"),
}


@pytest.mark.parametrize("kind", DECIMALS)
def test_a_decimal_mark_that_is_open_is_asked_for(tmp_path, kind):
    cells, said = DECIMALS[kind]
    path = tmp_path / "a.csv"
    path.write_text("id;width\n" + "".join(f"1;{cell}\n" for cell in cells))
    with pytest.raises(UserError) as error:
        open_table(path).decimal(["width"])
    assert said in str(error.value)
    assert "data.decimal=" in str(error.value)
    assert open_table(path, TableOptions(decimal=",")).decimal(["width"]) == ","


def test_a_point_is_decimal_where_commas_separate(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,width\n1,1.234\n")
    assert open_table(path).decimal(["width"]) == "."
    path.write_text('id,width\n1,"1,234"\n')
    with pytest.raises(UserError, match=r"data\.decimal="):
        open_table(path).decimal(["width"])


def test_a_file_of_one_column(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("title\nlamp\nmat; red\n")
    table = open_table(path)
    assert (table.names, table.notes) == (("title",), ())
    assert read(path, text=["title"], numbers=[]) == [("lamp",), ("mat; red",)]


def test_a_column_may_be_text_and_number_or_none_asked_for(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,width\n007,5\n8,\n")
    [batch] = open_table(path).read(["id", "width"], ["id", "width"])
    assert batch.text.to_pydict() == {"id": ["007", "8"], "width": ["5", ""]}
    assert batch.numbers.to_pydict() == {"id": ["007", "8"], "width": ["5", ""]}
    assert [len(batch) for batch in open_table(path).read([], [])] == [2]


def test_keys_of_json_may_differ_and_nest(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"id": 7, "tags": ["red", "big", 3], "size": {"w": {"cm": 1.5}, "h": 2}}\n'
        '{"id": 8.0, "title": "lamp", "size": {"h": null}, "on": true}\n'
        "{}\n"
    )
    table = open_table(path)
    assert table.names == ("id", "tags", "size.w.cm", "size.h", "title", "on")
    [batch] = table.read(["id", "tags", "title", "size.h", "on"], ["size.w.cm", "size.h"])
    assert batch.text.to_pylist() == [
        {"id": "7", "tags": "red big 3", "title": "", "size.h": "2", "on": ""},
        {"id": "8", "tags": "", "title": "lamp", "size.h": "", "on": "true"},
        {"id": "", "tags": "", "title": "", "size.h": "", "on": ""},
    ]
    assert batch.numbers.to_pydict() == {"size.w.cm": [1.5, None, None], "size.h": [2, None, None]}
    path.write_text('{"id": 1, "parts": [{"a": 1}]}\n')
    assert read(path, text=["id"], numbers=[]) == [("1",)]
    with pytest.raises(UserError, match="row 1, column 'parts': a list of an object"):
        read(path, text=["parts"], numbers=[])
    path.write_text('{"a.b": 1, "a": {"b": 2}}\n')
    with pytest.raises(UserError, match=r"row 1 has two values for 'a\.b'"):
        open_table(path)


def test_a_late_key_of_json_is_said(tmp_path, caplog):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 1}\n' * 6000 + '{"id": 2, "late": 3}\n')
    with caplog.at_level(logging.WARNING):
        assert len(read(path, text=["id"], numbers=[])) == 6001
    assert "'late' (1)" in caplog.text


def test_numbers_among_texts_are_not_mistaken(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"w": 1.234}\n{"w": "n/a"}\n{"w": 12}\n')
    [batch] = open_table(path).read([], ["w"])
    assert batch.numbers.column("w").to_pylist() == ["1.2340", "n/a", "12"]
    assert open_table(path).decimal(["w"]) == "."


def test_cells_of_a_workbook(tmp_path):
    path = tmp_path / "a.xlsx"
    day = datetime.date(2024, 1, 31)
    rows = [["id", "made", "new", "w"], [713, day, True, 12.5], [None, None, None, 3]]
    path.write_bytes(workbook(("x", rows)))
    [batch] = open_table(path).read(["id", "made", "new"], ["w"])
    assert batch.text.to_pylist() == [
        {"id": "713", "made": "2024-01-31", "new": "true"},
        {"id": "", "made": "", "new": ""},
    ]
    assert batch.numbers.column("w").to_pylist() == [12.5, 3.0]


def test_without_its_package_a_workbook_says_how_to_install_it(tmp_path, monkeypatch):
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook(("x", xlsx_rows())))
    monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)
    with pytest.raises(UserError, match=r"pip install 'product_length\[excel\]'"):
        open_table(path)


def test_letters_of_another_encoding_are_said(tmp_path, caplog):
    path = tmp_path / "a.csv"
    start = "id,title\n" + "1,Müll für Gärten\n" * 20_000
    path.write_bytes(start.encode("cp1252") + "2,Müll\n".encode() * 3)
    with caplog.at_level(logging.WARNING):
        read(path, numbers=[])
    assert "read as cp1252, but 3 letters look like UTF-8 (the first in line 20002)" in caplog.text


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.text("abcäöüß,;|\t\"' 1.\n", max_size=8),
            st.one_of(st.none(), st.integers(-(10**7), 10**7), st.floats(-1e6, 1e6)),
        ),
        min_size=1,
        max_size=20,
    ),
    separator=st.sampled_from(",;\t|"),
    decimal=st.sampled_from(".,"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"]),
    thousands=st.sampled_from(["", " ", "'", "\u00a0"]),
    options=st.booleans(),
)
def test_what_is_written_is_read_back(
    tmp_path_factory, rows, separator, decimal, encoding, thousands, options
):
    path = tmp_path_factory.mktemp("any") / "a.csv"
    # A number that says which mark is decimal, and a word that says which encoding.
    known = [("1", "Tür für Möbel", 0.25), *((str(n), *row) for n, row in enumerate(rows, 2))]
    plain = [(n, title, None if w is None else float(f"{w:.3f}")) for n, title, w in known]
    text = delimited(separator, decimal, rows=plain, thousands=thousands, lineterminator="\n")
    path.write_bytes(text.encode(encoding))
    said = {"separator": separator, "decimal": decimal} if options else {}
    refused = None
    try:
        rows_read = read(path, **said)
    except UserError as error:
        refused = str(error)
    if refused is None:
        assert rows_read == plain
    else:  # another reading is as plausible
        may_be_unsure = [encoding == "cp1252"] * ("data.encoding=" in refused)
        may_be_unsure += [not options] * ("separated in two ways" in refused)
        assert any(may_be_unsure), refused
