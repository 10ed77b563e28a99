"""A submission says the same in every format."""

import csv
import gzip
import io
import itertools

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from product_length.prediction.files import ENDINGS
from product_length.prediction.submission_file import open_submission

NAMES = ["PRODUCT_LENGTH", "LOWER"]
IDS = ["1", "007", "", 'a,"b"', "two\nlines", "lone\rreturn", "é 中", " 713 ", "'", "-1e5"]
LENGTHS = np.float32([1, 0.1, 1e-6, 4e9, 1234.5678, 1e7 / 3, 5, 6, 7, 8])


def written(path, ids, lengths, parts=2):
    columns = [lengths, lengths / 2]
    ending = next(each for each in ENDINGS if path.name.endswith(each))
    with open_submission(path, ending, NAMES) as write:
        cuts = np.linspace(0, len(ids), parts + 1).astype(int)
        for start, stop in itertools.pairwise(cuts):
            write(ids[start:stop], [column[start:stop] for column in columns])
    return path


def read_csv(content):
    header, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
    assert header == ["PRODUCT_ID", *NAMES]
    return [row[0] for row in rows], np.float32([row[1:] for row in rows]).reshape(-1, 2)


def test_csv(tmp_path):
    path = written(tmp_path / "s.csv", IDS, LENGTHS)
    assert path.read_bytes().startswith(b"PRODUCT_ID,PRODUCT_LENGTH,LOWER\n1,1.0,0.5\n007,0.1,")
    ids, lengths = read_csv(path.read_bytes())
    assert ids == IDS
    np.testing.assert_array_equal(lengths, np.stack([LENGTHS, LENGTHS / 2], axis=1))


def test_compressed_csv_is_the_csv_and_the_same_each_time(tmp_path, monkeypatch):
    plain = written(tmp_path / "s.csv", IDS, LENGTHS)
    one = written(tmp_path / "s.csv.gz", IDS, LENGTHS).read_bytes()
    assert gzip.decompress(one) == plain.read_bytes()
    monkeypatch.setattr("time.time", lambda: 1e9)
    assert written(tmp_path / "other.csv.gz", IDS, LENGTHS).read_bytes() == one


def test_parquet(tmp_path):
    table = pq.read_table(written(tmp_path / "s.parquet", IDS, LENGTHS))
    names = ["PRODUCT_ID", *NAMES]
    kinds = [pa.string(), pa.float32(), pa.float32()]
    assert table.schema.equals(pa.schema(list(zip(names, kinds, strict=True))))
    assert table["PRODUCT_ID"].to_pylist() == IDS
    np.testing.assert_array_equal(table["PRODUCT_LENGTH"].to_numpy(), LENGTHS)
    np.testing.assert_array_equal(table["LOWER"].to_numpy(), LENGTHS / 2)
    again = written(tmp_path / "t.parquet", IDS, LENGTHS)
    assert again.read_bytes() == (tmp_path / "s.parquet").read_bytes()


@given(
    ids=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
    parts=st.integers(1, 3),
)
def test_every_id_comes_out_as_it_went_in(tmp_path_factory, ids, parts):
    folder = tmp_path_factory.mktemp("ids")
    lengths = np.arange(1, len(ids) + 1, dtype=np.float32)
    path = written(folder / "s.csv", ids, lengths, parts)
    found, numbers = read_csv(path.read_bytes())
    assert found == ids
    np.testing.assert_array_equal(numbers[:, 0], lengths)
    table = pq.read_table(written(folder / "s.parquet", ids, lengths, parts))
    assert table["PRODUCT_ID"].to_pylist() == ids


def test_pandas_style_readers_see_as_many_rows(tmp_path):
    path = written(tmp_path / "s.csv", IDS, LENGTHS)
    options = pa.csv.ParseOptions(newlines_in_values=True)
    kinds = pa.csv.ConvertOptions(column_types={"PRODUCT_ID": pa.string()})
    table = pa.csv.read_csv(path, parse_options=options, convert_options=kinds)
    assert table["PRODUCT_ID"].to_pylist() == IDS


def test_rows_of_another_number_of_ids_are_refused(tmp_path):
    for ending in (".csv", ".parquet"):
        with (
            pytest.raises((ValueError, pa.ArrowInvalid)),
            open_submission(tmp_path / f"s{ending}", ending, NAMES) as write,
        ):
            write(["1"], [LENGTHS, LENGTHS])
