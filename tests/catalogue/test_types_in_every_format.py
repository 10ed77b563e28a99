"""A whole number is one product type, whatever the file format and the spelling there."""

import decimal
import gzip
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import challenge_columns

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import FileData, SplitOptions, TextRecipe
from product_length.catalogue.file_columns import FileColumns
from product_length.catalogue.prepare import RESPELLED, open_catalogue
from product_length.catalogue.units import HUNDREDTH_INCH
from product_length.catalogue.unlabelled import open_unlabelled
from product_length.tables.config import TableOptions

RECIPE = TextRecipe(fields=["title"])
COLUMNS = challenge_columns(bullet_points=None, description=None)
TYPES = [713, 8, 2**53 - 1] * 20


def written(tmp_path, form):
    rows = len(TYPES)
    spelled = [f"{each}.0" for each in TYPES]
    ids, titles = [f"a{n}" for n in range(rows)], [f"title {n}" for n in range(rows)]
    if form in ("csv", "csv.gz", "csv.zip"):
        lines = ["PRODUCT_ID,TITLE,PRODUCT_TYPE_ID,PRODUCT_LENGTH"]
        lines += [f"{a},{t},{k},5" for a, t, k in zip(ids, titles, spelled, strict=True)]
        text = "\n".join(lines) + "\n"
        path = tmp_path / f"a.{form}"
        if form == "csv.zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("a.csv", text)
        else:
            path.write_bytes(gzip.compress(text.encode()) if "gz" in form else text.encode())
        return path
    kinds = {
        "int64": lambda: pa.array(TYPES),
        "float64": lambda: pa.array(map(float, TYPES), pa.float64()),
        "decimal": lambda: pa.array(map(decimal.Decimal, TYPES), pa.decimal128(30, 2)),
        "string": lambda: pa.array(spelled),
        "padded": lambda: pa.array([f" {each} " for each in TYPES]),
        "dictionary": lambda: pa.array(spelled).dictionary_encode(),
        "dictionary of floats": lambda: pa.array(map(float, TYPES)).dictionary_encode(),
    }
    columns = {"PRODUCT_ID": ids, "TITLE": titles, "PRODUCT_TYPE_ID": kinds[form]()}
    pq.write_table(pa.table({**columns, "PRODUCT_LENGTH": [5.0] * rows}), tmp_path / "a.parquet")
    return tmp_path / "a.parquet"


CSV = ["csv", "csv.gz", "csv.zip"]
PARQUET = ["int64", "float64", "decimal", "string", "padded", "dictionary", "dictionary of floats"]


@pytest.mark.parametrize("form", CSV + PARQUET)
def test_training_and_prediction_read_one_spelling(tmp_path, form):
    path = written(tmp_path, form)
    store = ArtefactStore(tmp_path / "cache")
    data = FileData(
        source="file", path=path, columns=COLUMNS, unit="mm", text=RECIPE, split=SplitOptions()
    )
    catalogue = open_catalogue(data, store)
    expected = [str(each) for each in TYPES]
    assert catalogue.types.to_pylist() == expected
    assert (
        open_unlabelled(
            path, FileColumns.of(COLUMNS), RECIPE, HUNDREDTH_INCH, store, TableOptions()
        ).types.to_pylist()
        == expected
    )
    respelled = 0 if form in ("int64", "float64", "padded", "dictionary of floats") else len(TYPES)
    assert catalogue.reading.counted.get(RESPELLED, 0) == respelled


def test_what_was_respelled_is_counted_among_the_rows_kept(tmp_path):
    lines = ["PRODUCT_ID,TITLE,PRODUCT_TYPE_ID,PRODUCT_LENGTH"]
    lines += [f"{n},t{n},{'713.0' if n % 2 else ' 713 '},{n}" for n in range(1, 101)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines) + "\n")
    data = FileData(
        source="file",
        path=path,
        columns=COLUMNS,
        unit="mm",
        text=RECIPE,
        split=SplitOptions(),
        max_length=60,
    )
    lines = open_catalogue(data, ArtefactStore(tmp_path / "cache")).reading.lines()
    assert "  kept, product type written like 713.0, read as 713: 30" in lines
