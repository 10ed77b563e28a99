"""Products to predict for: every row stays, in order."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import AMAZON2023_COLUMNS, TextRecipe
from product_length.catalogue.file_columns import FileColumns
from product_length.catalogue.text import FIELDS, are_empty
from product_length.catalogue.units import HUNDREDTH_INCH
from product_length.catalogue.unlabelled import open_unlabelled
from product_length.tables.config import TableOptions

RECIPE = TextRecipe(fields=list(FIELDS))
COLUMNS = FileColumns.of(AMAZON2023_COLUMNS, with_lengths=False)


def test_every_row_is_kept_whatever_it_lacks(tmp_path):
    columns = {
        "PRODUCT_ID": ["1", "1", "", "4"],
        "TITLE": ["A  <b>table</b>", "", "lamp", None],
        "BULLET_POINTS": ["oak &amp; ash", "", "", ""],
        "DESCRIPTION": ["", "", "x", ""],
        "PRODUCT_TYPE_ID": [" 7 ", "", "8", None],
        "PRODUCT_LENGTH": ["nonsense", "", "-1", "5"],
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    products = open_unlabelled(
        tmp_path / "a.parquet",
        COLUMNS,
        RECIPE,
        HUNDREDTH_INCH,
        ArtefactStore(tmp_path / "cache"),
        TableOptions(),
    )
    assert len(products) == 4
    assert products.product_ids.to_pylist() == ["1", "1", "", "4"]
    assert products.types.to_pylist() == ["7", "", "8", ""]
    texts = ["A table oak & ash", "", "lamp x", ""]
    assert products.texts(0, 4) == texts
    assert products.texts(2, 99) == texts[2:]
    assert are_empty(products.text_keys).sum() == 2
    keys = [xxhash.xxh3_64_intdigest(text.encode()) for text in texts]
    np.testing.assert_array_equal(products.text_keys, np.array(keys, np.uint64))


def test_rows_are_cleaned_once(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "PRODUCT_ID,TITLE,BULLET_POINTS,DESCRIPTION,PRODUCT_TYPE_ID\n" + "1,lamp,,,7\n" * 50
    )
    store = ArtefactStore(tmp_path / "cache")
    opened = [
        open_unlabelled(path, COLUMNS, RECIPE, HUNDREDTH_INCH, store, TableOptions())
        for _ in range(2)
    ]
    assert [len(each) for each in opened] == [50, 50]
    assert len([each for each in (store.root / "unlabelled").iterdir() if each.is_dir()]) == 1
