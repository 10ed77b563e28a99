"""Tables with columns, units and numbers of their own."""

import numpy as np
import pytest
from pydantic import ValidationError

from product_length.artefacts import ArtefactStore
from product_length.catalogue.config import DemoData, FileData, SplitOptions, TextRecipe
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.text import FIELDS
from product_length.errors import UserError

TEXT = {"text": TextRecipe(fields=list(FIELDS)), "split": SplitOptions()}


def table(tmp_path, header, line, rows=60):
    path = tmp_path / "table.csv"
    lines = [header, *(line.format(n=n) for n in range(1, rows + 1))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def opened(tmp_path, path, columns, **options):
    data = FileData(source="file", path=path, columns=columns, **TEXT, **options)
    return open_catalogue(data, ArtefactStore(tmp_path / "cache"))


def test_columns_of_any_name(tmp_path):
    path = table(
        tmp_path,
        "maker,model,colour,use,group,width_cm,year,price",
        "A,m{n},red,,{n}.0,{n}.5,199{n},",
    )
    columns = {
        "title": ["maker", "model", "use"],
        "description": "colour",
        "product_type": "group",
        "length": "width_cm",
        "numbers": ["year", "price"],
        "categories": ["colour", "group"],
    }
    catalogue = opened(tmp_path, path, columns)
    assert catalogue.product_ids[:3].to_pylist() == ["1", "2", "3"]
    assert catalogue.texts(0, 2) == ["A m1 red", "A m2 red"]
    assert catalogue.types[:2].to_pylist() == ["1", "2"]
    assert catalogue.lengths[:2].tolist() == [1.5, 2.5]
    assert catalogue.unit.name == "cm"
    assert catalogue.number("year")[:2].tolist() == [1991, 1992]
    assert np.isnan(catalogue.number("price")).all()
    assert np.isnan(catalogue.number("not there")).all()
    assert catalogue.category("group")[:2].to_pylist() == ["1", "2"]
    assert catalogue.category("not there")[:2].to_pylist() == ["", ""]
    some = catalogue.take(np.array([1, 5]))
    assert some.number("year").tolist() == [1992, 1996]
    assert some.category("colour").to_pylist() == ["red", "red"]
    counted = catalogue.reading.counted
    assert "without description" in counted
    assert "without bullet points" not in counted


def test_cells_that_are_no_numbers_are_counted(tmp_path):
    path = table(tmp_path, "name,w,price", "p{n},{n},{n} EUR")
    columns = {"title": "name", "length": "w", "numbers": "price"}
    reading = opened(tmp_path, path, columns, unit="cm").reading
    assert "  read, price: no number, such as '1 EUR', '2 EUR', '3 EUR', read as missing: 60" in (
        reading.lines()
    )


@pytest.mark.parametrize("cells", ["{n}0 cm", "{n}00mm"])
def test_cells_with_units(tmp_path, cells):
    path = table(tmp_path, "name,size", f"p{{n}},{cells}")
    columns = {"title": "name", "length": "size"}
    with pytest.raises(UserError, match=r"60 of its cells .* give data\.unit=cell"):
        opened(tmp_path, path, columns, unit="cm")
    catalogue = opened(tmp_path, path, columns, unit="cell")
    assert catalogue.unit.name == cells[-2:]
    in_cm = catalogue.lengths * (1 if "cm" in cells else 0.1)
    np.testing.assert_allclose(in_cm[:3], [10, 20, 30], rtol=1e-6)


def test_most_cells_say_the_unit_of_all(tmp_path):
    path = table(tmp_path, "name,size", "p{n},{n} in")
    with path.open("a", encoding="utf-8") as file:
        file.write("q1,25.4 cm\nq2,7\nq3,10 x 20 cm\n")
    catalogue = opened(tmp_path, path, {"title": "name", "length": "size"}, unit="cell")
    assert catalogue.unit.name == "inch"
    assert catalogue.lengths[-1] == pytest.approx(10)
    assert catalogue.reading.dropped["length is not a number"].examples == ("7", "10 x 20 cm")


def test_a_unit_that_nothing_says_is_asked_for(tmp_path):
    path = table(tmp_path, "name,size", "p{n},{n}")
    columns = {"title": "name", "length": "size"}
    with pytest.raises(ValidationError, match=r"say what size is in: data\.unit=cm"):
        opened(tmp_path, path, columns)
    assert opened(tmp_path, path, columns, unit="kg").unit.millimetres is None


@pytest.mark.parametrize("key", ["title", "product_type", "numbers", "categories", "product_id"])
def test_the_length_is_no_input(tmp_path, key):
    columns = {"title": "name", "length": "size", key: "size"}
    with pytest.raises(ValidationError, match=f"{key}=size: is the length column"):
        opened(tmp_path, tmp_path / "a.csv", columns, unit="cm")


def test_a_name_that_is_not_there(tmp_path):
    path = table(tmp_path, "Name,width,height", "p{n},{n},{n}")
    columns = {"title": "name", "length": "widht"}
    with pytest.raises(UserError) as error:
        opened(tmp_path, path, columns, unit="cm")
    said = str(error.value)
    assert "no column 'name', did you mean 'Name'? (data.columns.title)" in said
    assert "no column 'widht', did you mean 'width'" in said
    assert "the table has: 'Name', 'width', 'height'" in said


def test_the_demo_in_another_unit(tmp_path):
    store = ArtefactStore(tmp_path / "cache")
    one, other = (
        open_catalogue(DemoData(source="demo", rows=200, types=6, unit=unit, **TEXT), store)
        for unit in ("hundredth_inch", "mm")
    )
    np.testing.assert_allclose(other.lengths, one.lengths * 0.254, rtol=1e-6)
    assert other.texts() == one.texts()
    assert other.fingerprint != one.fingerprint
