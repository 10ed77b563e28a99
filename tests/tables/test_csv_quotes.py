"""Quotes of CSV: what is read is what RFC 4180 says, or the row at fault is named."""

import csv
import gzip
import io
from threading import Event

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from product_length.errors import UserError
from product_length.tables import csv_faults
from product_length.tables.config import TableOptions
from product_length.tables.dialect import Dialect
from product_length.tables.open_table import open_table

HEADER = "id,title,cm\n"


def read(path, escape=None):
    """Ids, titles and lengths."""
    table = open_table(path, TableOptions(escape=escape))
    rows = []
    for batch in table.read(["id", "title", "cm"], [], block_bytes=512):
        rows += zip(*(column.to_pylist() for column in batch.text.columns), strict=True)
    return rows


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(count, start=1):
    return "".join(f"{n},lamp {n},5\n" for n in range(start, start + count))


@settings(max_examples=80, deadline=None)
@given(
    table=st.lists(
        st.lists(st.text('ab",\n\r', max_size=4), min_size=2, max_size=2), min_size=1, max_size=6
    ),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_quotes_of_a_sound_file_are_sound(tmp_path_factory, table, quoting):
    path = tmp_path_factory.mktemp("sound") / "a.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, quoting=quoting).writerows(table)
    assert csv_faults.quotes_are_sound(path, Dialect())
    assert csv_faults.find_fault(path, 2, 1 << 20, Dialect()) is None


@pytest.mark.parametrize("offset", [-2, -1, 0, 1])
@pytest.mark.parametrize(
    ("end", "sound"),
    [('"x",', True), ('"x""y",', True), ('"x"y,', False), ('b"x",', True), ('"x,', False)],
)
def test_quotes_across_blocks(tmp_path, offset, end, sound):
    for padding in ("", "b"):
        start = padding + "a," * (csv_faults._BLOCK_BYTES // 2 + offset)
        path = write(tmp_path / "a.csv", start + end + "a\n")
        assert csv_faults.quotes_are_sound(path, Dialect()) == sound


@settings(max_examples=200, deadline=None)
@example([",", ",", "\\", "\n"], "\\")
@given(
    body=st.lists(st.sampled_from(['"', '"', ",", "\\", "\\", "a", "\n", "\r\n"]), max_size=16),
    escape=st.sampled_from([None, "\\"]),
)
def test_a_file_is_read_as_csv_says_or_refused(tmp_path_factory, body, escape):
    content = "id,title,cm\na,b,c\n" + "".join(body)
    path = write(tmp_path_factory.mktemp("any") / "a.csv", content)
    try:
        strict = csv.reader(io.StringIO(content, newline=""), strict=True, escapechar=escape)
        expected = [tuple(row) for row in strict if row][1:]
        if any(len(row) != 3 for row in expected):
            expected = None
    except csv.Error:
        expected = None
    try:
        rows = read(path, escape)
    except UserError:
        rows = None
    assert rows == expected


@pytest.mark.parametrize("block", [7, 8, 64])
@settings(max_examples=150, deadline=None)
@given(
    body=st.lists(st.sampled_from(['"', '"', ",", "\\", "a", "\n"]), max_size=40),
    escape=st.sampled_from([None, "\\"]),
)
def test_blocks_change_nothing(tmp_path_factory, block, body, escape):
    path = write(tmp_path_factory.mktemp("blocks") / "a.csv", "abc,\n" + "".join(body))
    whole = csv_faults.quotes_are_sound(path, Dialect(escape=escape))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_faults, "_BLOCK_BYTES", block)
        assert csv_faults.quotes_are_sound(path, Dialect(escape=escape)) == whole


SPARK = '"frame 12\\" x 8\\" oak"'


@pytest.mark.parametrize("columns", ["id,title,cm", "id,title,cm,more"])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_backslash_before_a_quote_is_refused_by_row(tmp_path, columns, name):
    more = ",x" if "more" in columns else ""
    content = f"{columns}\n" + "".join(f"{n},lamp,5{more}\n" for n in range(1, 2000))
    content += f"2000,{SPARK},5{more}\n"
    packed = gzip.compress(content.encode()) if name.endswith("gz") else content.encode()
    path = write(tmp_path / name, packed)
    with pytest.raises(UserError) as error:
        read(path)
    assert "row 2000 (line 2001): text after a closing quote" in str(error.value)
    assert "backslash before a quote" in str(error.value)
    assert 'data.escape="\\\\"' in str(error.value)
    assert "\n" not in str(error.value)
    rows = read(path, "\\")
    assert rows[-1] == ("2000", 'frame 12" x 8" oak', "5")
    assert len(rows) == 2000


def test_a_backslash_that_makes_a_field_of_two_is_refused_with_the_advice(tmp_path):
    path = write(tmp_path / "a.csv", HEADER + lines(3) + '4,"12\\", 8\\" oak",5\n')
    with pytest.raises(
        UserError, match=r"row 4 \(line 5\): .*backslash before a quote.*data\.escape"
    ):
        read(path)
    assert read(path, "\\")[3] == ("4", '12", 8" oak', "5")


def test_no_advice_where_there_is_no_backslash_or_an_escape_is_set(tmp_path):
    path = write(tmp_path / "a.csv", HEADER + '1,"oak\\"",5\n' + lines(3, 2) + '5,"a"b,5\n')
    with pytest.raises(UserError, match=r"row 5 \(line 6\): text after") as error:
        read(path, "\\")
    assert "backslash" not in str(error.value)
    path = write(tmp_path / "a.csv", HEADER + lines(3) + '4,"a"b,5\n')
    with pytest.raises(UserError, match=r"row 4 .*: text after") as error:
        read(path)
    assert "backslash" not in str(error.value)


@settings(max_examples=60, deadline=None)
@given(
    table=st.lists(
        st.tuples(*[st.text(st.sampled_from('ab",\n\r\\ '), max_size=5)] * 3),
        min_size=1,
        max_size=6,
    ),
    escape=st.sampled_from("\\|^"),
)
def test_a_file_written_with_an_escape_is_read_back(tmp_path_factory, table, escape):
    path = tmp_path_factory.mktemp("escaped") / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(HEADER)
        for row in table:
            fields = (each.replace(escape, escape * 2).replace('"', escape + '"') for each in row)
            file.write(",".join(f'"{each}"' for each in fields) + "\n")
    assert read(path, escape) == table


@pytest.mark.parametrize("escape", ["", "ab", '"', ",", "\n", "é", "n", "7", " "])
def test_an_escape_is_one_character_that_means_nothing_else(escape):
    with pytest.raises(ValueError, match="one character"):
        TableOptions(escape=escape)


def test_who_has_read_enough_stops_the_check(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,title\n" + "1,lamp\n" * 100_000 + '2,"never closed\n')
    stop = Event()
    assert not csv_faults.quotes_are_sound(path, Dialect(), stop)
    stop.set()
    assert csv_faults.quotes_are_sound(path, Dialect(), stop)
