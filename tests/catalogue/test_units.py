"""Names of units, and their sizes."""

import pytest

from product_length.catalogue.units import (
    HUNDREDTH_INCH,
    MILLIMETRES,
    CatalogueUnit,
    unit_in_name,
)


@pytest.mark.parametrize(
    ("written", "name", "millimetres"),
    [
        ("cm", "cm", 10),
        ("Centimetres", "cm", 10),
        ("IN", "inch", 25.4),
        ("inches", "inch", 25.4),
        ("feet", "ft", 304.8),
        ("1/100 inch", "hundredth_inch", 0.254),
        ("m", "m", 1000),
        ("kg", "kg", None),
        ("  fl.  oz ", "fl. oz", None),
    ],
)
def test_a_unit_by_any_of_its_names(written, name, millimetres):
    unit = CatalogueUnit.named(written)
    assert (unit.name, unit.millimetres) == (name, millimetres)
    assert unit.is_length == (millimetres is not None)


@pytest.mark.parametrize("written", ["km", "dm", "Miles", "µm", "", "  "])
def test_a_unit_that_is_not_offered(written):
    with pytest.raises(ValueError, match="cm"):
        CatalogueUnit.named(written)


def test_units_are_converted():
    inch, cm = CatalogueUnit.named("inch"), CatalogueUnit.named("cm")
    assert inch.in_unit(cm) == 2.54
    assert HUNDREDTH_INCH.in_unit(inch) == pytest.approx(0.01)
    assert inch.in_unit(inch) == 1
    with pytest.raises(ValueError, match="not both units of length"):
        inch.in_unit(CatalogueUnit.named("kg"))


def test_every_unit_is_found_by_its_own_name():
    for name, millimetres in MILLIMETRES.items():
        assert CatalogueUnit.named(name) == CatalogueUnit(name, millimetres)
        assert str(CatalogueUnit.named(name)) == ("1/100 inch" if "hundredth" in name else name)


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("width_cm", "cm"),
        ("Width (cm)", "cm"),
        ("length in inches", "inch"),
        ("LENGTH_IN", "inch"),
        ("Länge [mm]", "mm"),
        ("size", None),
        ("weight_kg", None),
        ("PRODUCT_LENGTH", None),
        ("", None),
    ],
)
def test_the_name_of_a_column_says_its_unit(column, name):
    unit = unit_in_name(column)
    assert (unit and unit.name) == name
