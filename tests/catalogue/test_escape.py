"""The escape of a CSV file is taken by training and by prediction."""

import pytest

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import Columns, FileData, SplitOptions, TextRecipe
from product_length.catalogue.file_columns import FileColumns
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.units import HUNDREDTH_INCH
from product_length.catalogue.unlabelled import open_unlabelled
from product_length.errors import UserError
from product_length.tables.config import TableOptions

COLUMNS = Columns(product_id="id", title=["title"], length="cm")


def test_training_and_prediction_take_the_escape(tmp_path):
    path = tmp_path / "a.csv"
    rows = "".join(f"{n},lamp {n},5\n" for n in range(1, 61))
    path.write_text("id,title,cm\n" + rows + '61,"frame 12\\" x 8\\" oak",5\n')
    store = ArtefactStore(tmp_path / "cache")
    recipe = TextRecipe(fields=["title"])
    data = FileData(
        source="file", path=path, columns=COLUMNS, text=recipe, split=SplitOptions(), escape="\\"
    )
    assert open_catalogue(data, store).texts(60) == ['frame 12" x 8" oak']
    named = FileColumns.of(COLUMNS, with_lengths=False)
    products = open_unlabelled(
        path, named, recipe, HUNDREDTH_INCH, store, TableOptions(escape="\\")
    )
    assert products.texts(60, 61) == ['frame 12" x 8" oak']
    with pytest.raises(UserError, match="row 61"):
        open_unlabelled(path, named, recipe, HUNDREDTH_INCH, store, TableOptions())
