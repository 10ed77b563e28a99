"""Several files as one table."""

import gzip

import pytest
from table_files import HEADER, ROWS, delimited, notes, read

from product_length.errors import UserError
from product_length.tables.open_table import open_table


def write_parts(folder):
    """Three parts of one table, each written in another way, and what lies beside them."""
    folder.mkdir()
    (folder / "part-0.csv").write_text(delimited(rows=ROWS[:20]))
    (folder / "part-1.csv.gz").write_bytes(gzip.compress(delimited(";", rows=ROWS[20:30]).encode()))
    swapped = [(width, title, name) for name, title, width in ROWS[30:]]
    text = "".join(f"{width};{title};{name}\n" for width, title, name in swapped)
    (folder / "part-2.csv").write_bytes(f"width;title;id\n{text}".encode("utf-16"))
    for name in ("_SUCCESS", ".part-0.csv.crc", "part-0.crc", ".hidden", "~$part.xlsx"):
        (folder / name).write_text("x")
    (folder / "part-3.csv").touch()


def test_a_folder_is_one_table_in_sorted_order(tmp_path):
    folder = tmp_path / "parts"
    write_parts(folder)
    assert read(folder) == ROWS
    said = notes(folder)
    assert "3 files; not read: 6 (" in said
    assert f"{folder / 'part-1.csv.gz'}: separator ';'" in said
    assert f"{folder / 'part-2.csv'}: separator ';', read as UTF-16" in said
    table = open_table(folder)
    assert table.names == HEADER
    assert [path.name for path in table.files] == ["part-0.csv", "part-1.csv.gz", "part-2.csv"]
    assert table.total == sum(path.stat().st_size for path in table.files)


def test_a_pattern_is_one_table(tmp_path):
    write_parts(tmp_path / "parts")
    assert read(tmp_path / "parts" / "*.csv.gz") == ROWS[20:30]
    assert read(tmp_path / "*" / "part-[01].csv*") == ROWS[:30]
    with pytest.raises(UserError, match="none matches"):
        open_table(tmp_path / "parts" / "*.json")


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path):
    (tmp_path / "a[1].csv").write_text(delimited())
    (tmp_path / "a1.csv").write_text("other\n1\n")
    assert read(tmp_path / "a[1].csv") == ROWS


def test_headers_that_differ_are_refused(tmp_path):
    write_parts(tmp_path / "parts")
    (tmp_path / "parts" / "part-1.csv").write_text("id,title,height\n1,a,2\n")
    with pytest.raises(UserError) as error:
        open_table(tmp_path / "parts")
    assert "part-1.csv: its header is not that of" in str(error.value)
    assert "lacks 'width' and has 'height' besides" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_fault_names_the_file(tmp_path):
    write_parts(tmp_path / "parts")
    (tmp_path / "parts" / "part-9.csv").write_text("id,title,width\n1,a,2\n1,a\n")
    with pytest.raises(UserError, match=r"part-9\.csv: row 2 \(line 3\): 2 fields"):
        read(tmp_path / "parts")


def test_parts_without_rows(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    with pytest.raises(UserError, match="no file to read"):
        open_table(folder)
    for number in range(2):
        (folder / f"{number}.csv").write_text("id,title,width\n")
    with pytest.raises(UserError, match="2 files hold a header but no rows"):
        open_table(folder)
    (folder / "2.csv").write_text(delimited())
    assert read(folder) == ROWS
