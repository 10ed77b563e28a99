"""Advice fits how a length is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from product_length.catalogue.length_advice import advise

UNIT, MARKS, PARTS, NONE, OTHER = (
    "data.unit=cell",
    "which mark decimals have",
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
        ("12,5", MARKS),
        (",5", MARKS),
        ("-0,25", MARKS),
        ("1,200", MARKS),
        ("1 200", MARKS),
        ("1'200.5", MARKS),
        ("1.200,5", MARKS),
        ("12.345.678", MARKS),
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
    assert advice in advise([value], "mm")


def test_each_advice_is_given_once_and_names_its_value():
    said = "give a number, in mm, or data.unit=cell, which reads cells with a unit"
    assert advise(["30 cm", "40 cm"], "mm") == said
    both = advise(["30 cm", "12,5", "40 cm"], "mm")
    assert both.count("data.unit=cell") == 1
    assert f"'30 cm': {said}" in both
    assert "'12,5': say which mark" in both


@given(st.lists(st.text(max_size=20), min_size=1, max_size=3))
def test_advice_is_one_line_whatever_the_values(values):
    assert advise(values, "cm")
    assert "\n" not in advise(values, "cm")
