"""Advice fits how a length is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from product_length.catalogue.length_advice import advise

UNIT, COMMA, GROUPS, PARTS, NONE, OTHER = (
    "leave out the unit",
    "decimal point instead of a comma",
    "thousands without a separator",
    "one number",
    "leave the length empty",
    "a plain number",
)


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("30 cm", UNIT),
        ("30cm", UNIT),
        ("12,5 in.", UNIT),
        ('12"', UNIT),
        ("5 Zoll", UNIT),
        ("30 см", UNIT),
        ("12,5", COMMA),
        (",5", COMMA),
        ("-0,25", COMMA),
        ("1,200", GROUPS),
        ("1 200", GROUPS),
        ("1'200.5", GROUPS),
        ("1.200,5", GROUPS),
        ("12.345.678", GROUPS),
        ("10 x 20", PARTS),
        ("10-20 cm", PARTS),
        ("NA", NONE),
        ("unknown", NONE),
        ("-", NONE),
        ("5' 6\"", OTHER),
        ("#12", OTHER),
    ],
)
def test_advice_for_one_value(value, advice):
    assert advice in advise([value])


def test_each_advice_is_given_once_and_names_its_value():
    assert advise(["30 cm", "40 cm"]) == "convert to 1/100 inch and leave out the unit cm"
    both = advise(["30 cm", "12,5", "40 cm"])
    assert both.count("leave out") == 1
    assert "'30 cm': convert" in both
    assert "'12,5': write a decimal point" in both


@given(st.lists(st.text(max_size=20), min_size=1, max_size=3))
def test_advice_is_one_line_whatever_the_values(values):
    assert advise(values)
    assert "\n" not in advise(values)
