"""Cells that state one length: by hand, in any spelling, and columns of them."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from labelled_texts import MILLIMETRES

from product_length.catalogue import units
from product_length.measurements.cells import NAME_OF, read_cell, read_cells
from product_length.measurements.vocabulary import UNIT_OF

NAMES = {"in": "inch", "yd": "yard"}


@pytest.mark.parametrize(
    ("cell", "number", "unit"),
    [
        ("30 cm", 30, "cm"), ('12"', 12, "in"), ("1.2 m", 1.2, "m"), ("1.2 M", 1.2, "m"),
        ("5' 6 1/2\"", 5 + 6.5 / 12, "ft"), ("2 ½ in", 2.5, "in"), ("30,5 cm", 30.5, "cm"),
        ("1,200 mm", 1200, "mm"), ("ca. 30 cm", 30, "cm"), ("~30cm", 30, "cm"),
        ("12 IN.", 12, "in"), (" 12\tinches ", 12, "in"), (".5 in", 0.5, "in"),
        ("3/4″", 0.75, "in"), ("5ft6", 5.5, "ft"), ("2 yds", 2, "yd"), ("30 cm wide", 30, "cm"),
        ("Width: 30 cm", 30, "cm"), ("(30 cm)", 30, "cm"), ("Length (cm): 30", 30, "cm"),
        ("30 ± 1 cm", 30, "cm"), ("1 200 mm", 1200, "mm"), ("1.200,5 mm", 1200.5, "mm"),
        ("３０ｃｍ", 30, "cm"), ("३० सेमी", 30, "cm"), ("+30 cm", 30, "cm"), ("50mm lens", 50, "mm"),
    ],
)  # fmt: skip
def test_one_length(cell, number, unit):
    found = read_cell(cell)
    assert found is not None
    assert found.millimetres == pytest.approx(number * MILLIMETRES[unit])
    assert found.unit == NAMES.get(unit, unit)


@pytest.mark.parametrize(
    "cell",
    ["30 x 20 cm", "30", "30-40 cm", "140/160 cm", "30 cm (12 in)", "1 m 20 cm", "1 m 20", "-30 cm",
     "> 30 cm", "<30 cm", "± 2 cm", "pack of 2, 30 cm", "30 cm, 40", "Size 38 M", "1e3 mm",
     "30 cm²", "30 cm/s", "30 km", "L30", "70's", "0 cm", "9999999 m", "$30 cm", "", " ", "cm",
     "n/a", "nan", "15 in 1", "M8 cm"],
)  # fmt: skip
def test_anything_else_is_none(cell):
    assert read_cell(cell) is None


@given(
    number=st.integers(1, 99_999),
    decimals=st.integers(0, 2),
    point=st.sampled_from(".,"),
    word=st.sampled_from([word for word in UNIT_OF if word not in ("''", "’’", "‘‘", "′′", "´´")]),
    space=st.sampled_from(["", " "]),
    before=st.sampled_from(["", "ca. ", "approx. ", "Length: "]),
    shout=st.booleans(),
)
@example(number=120, decimals=0, point=".", word="m", space="", before="", shout=True)
@example(number=5, decimals=0, point=".", word="in", space=" ", before="", shout=False)
def test_any_number_in_any_unit_reads_back(number, decimals, point, word, space, before, shout):
    value = number / 10**decimals
    written = f"{value:.{decimals}f}".replace(".", point)
    shouted = word.upper()
    cell = f"{before}{written}{space}{shouted if shout and shouted.lower() == word else word}"
    if before and shouted == "M" and shout:
        return  # `approx. 38 M` can be a size
    found = read_cell(cell)
    millimetres = value * units.MILLIMETRES[NAME_OF[UNIT_OF[word]]]
    if not 0.1 <= millimetres <= 1e6:
        assert found is None
        return
    assert found is not None
    assert found.millimetres == pytest.approx(millimetres)
    assert found.unit == NAME_OF[UNIT_OF[word]]


@given(st.text(max_size=20))
def test_whatever_the_cell_it_is_a_length_or_none(cell):
    found = read_cell(cell)
    assert found is None or (0.1 <= found.millimetres <= 1e6 and found.unit in units.MILLIMETRES)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_column(chunked):
    cells = ["30 cm", None, "12 in", "30", "30 cm"]
    column = pa.chunked_array([cells[:2], cells[2:]]) if chunked else pa.array(cells)
    found = read_cells(column)
    np.testing.assert_allclose(found.millimetres, [300, np.nan, 304.8, np.nan, 300])
    assert found.units.to_pylist() == ["cm", None, "inch", None, "cm"]


@pytest.mark.parametrize("column", [pa.array([], pa.string()), pa.chunked_array([], pa.string())])
def test_no_rows(column):
    found = read_cells(column)
    assert found.millimetres.dtype == np.float64
    assert found.millimetres.shape == (0,)
    assert len(found.units) == 0


def test_equal_cells_are_read_once():
    read_cell.cache_clear()
    read_cells(pa.array([f"{number % 7} cm" for number in range(1000)]))
    assert read_cell.cache_info().misses == 7
