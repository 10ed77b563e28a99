"""Numbers as they were written by hand, and digits lost of them."""

import pytest

from product_length.auditing.written_numbers import (
    before_lost_digit,
    typed_without_digit,
    with_lost_digit,
    written,
)
from product_length.catalogue.units import CatalogueUnit

CHALLENGE, CM, KG = (CatalogueUnit.named(name) for name in ("hundredth_inch", "cm", "kg"))


@pytest.mark.parametrize(
    ("length", "unit", "numbers"),
    [
        (590.5511805, CHALLENGE, ["590.55", "150"]),  # 15 cm has the digits of 150 mm
        (600.0, CHALLENGE, ["600", "152.4"]),
        (26.2128, CM, ["262.13", "10.32"]),  # mm, and inches
        (26.2, CM, ["26.2"]),
        (2.5, KG, ["2.5"]),
        (1 / 3, KG, []),
    ],
)
def test_short_numbers_in_the_units_that_people_write(length, unit, numbers):
    assert [number for number, _ in written(length, unit)] == numbers


@pytest.mark.parametrize(
    ("number", "left"),
    [
        ("15", {"5", "1"}),
        ("150", {"50", "10"}),  # 15 is a tenth, which is a slip of its own
        ("15.24", {"5.24", "1.24"}),  # 15.4 is 15.24 but for 1%
        ("155", {"55", "15"}),
        ("7", set()),
        ("0.52", {"0.2"}),  # 0.5 is 0.52 but for 4%
        ("1005", {"105", "100"}),  # nobody writes 005
    ],
)
def test_digits_that_may_be_lost(number, left):
    assert with_lost_digit(number) == left


@pytest.mark.parametrize("number", ["15", "150", "590.55", "104", "8.25", "2000"])
def test_what_was_lost_is_found_again(number):
    for left in with_lost_digit(number):
        assert number in before_lost_digit(left)


@pytest.mark.parametrize("number", ["5", "24.5", "0.5", "100"])
def test_all_that_is_found_loses_a_digit_so(number):
    found = before_lost_digit(number)
    assert found
    assert all(number in with_lost_digit(longer) for longer in found)


def test_how_it_was_typed_in_words():
    words = typed_without_digit(5 / 0.0254, 15 / 0.0254, CHALLENGE)
    assert words == ", written 150 mm, became 50"
    assert typed_without_digit(123.0, 45.0, CHALLENGE) == ""
