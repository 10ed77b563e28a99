"""A catalogue of several files: known by what all of them hold."""

import logging
import shutil

import pytest
from builders import CHALLENGE_HEADER, challenge_columns

from product_length.catalogue.file_columns import FileColumns
from product_length.catalogue.source import FileSource
from product_length.errors import UserError
from product_length.tables.config import TableOptions

HEADER = ",".join(CHALLENGE_HEADER) + "\n"


def source(path, columns=None, escape=None):
    columns = FileColumns.of(columns or challenge_columns())
    return FileSource(path, columns, TableOptions(escape=escape))


@pytest.fixture
def folder(tmp_path):
    parts = tmp_path / "parts"
    parts.mkdir()
    for number in range(3):
        (parts / f"{number}.csv").write_text(HEADER + f"{number},lamp,,,7,5\n")
    return parts


def ids(rows):
    return [each for batch, _ in rows.batches() for each in batch.rows["product_id"].to_pylist()]


def test_the_rows_of_all_files(folder):
    assert ids(source(folder)) == ["0", "1", "2"]
    assert ids(source(folder / "[12].csv")) == ["1", "2"]


def test_identity_is_that_of_all_files_and_of_how_they_are_read(folder, tmp_path):
    first = source(folder).identity()
    shutil.copytree(folder, tmp_path / "copy")
    assert source(tmp_path / "copy").identity() == first
    assert source(folder, escape="\\").identity() != first
    assert (
        source(folder, challenge_columns(title="PRODUCT_ID", product_id="TITLE")).identity()
        != first
    )
    (folder / "2.csv").write_text(HEADER + "3,lamp,,,7,5\n")
    assert source(folder).identity() != first


def test_how_it_is_written_is_logged(folder, caplog):
    (folder / "2.csv").write_text(HEADER.replace(",", ";") + "2;lamp;;;7;5\n")
    with caplog.at_level(logging.INFO):
        source(folder)
    assert f"{folder}: 3 files" in caplog.text
    assert f"{folder / '2.csv'}: separator ';'" in caplog.text


def test_a_part_that_changes_meanwhile(folder):
    batches = source(folder).batches()
    next(batches)
    with (folder / "1.csv").open("a") as file:
        file.write("9,lamp,,,7,5\n")
    with pytest.raises(UserError, match="changed while it was read"):
        list(batches)
