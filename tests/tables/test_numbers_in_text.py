"""Numbers as people write them: what is one, and which."""

import math
import re
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.errors import UserError
from product_length.tables.decimals import DecimalEvidence
from product_length.tables.numbers import number_of, parse_numbers

OTHER = {".": ",", ",": "."}


def parsed(cells, decimal):
    values, is_number, is_missing = parse_numbers(pa.array(cells, pa.string()), decimal)
    assert values.dtype == np.float64
    assert np.isnan(values[~is_number]).all()
    assert not (is_number & is_missing).any()
    return [
        "missing" if gone else (value if ok else None)
        for value, ok, gone in zip(values.tolist(), is_number, is_missing, strict=True)
    ]


def grouped(digits, mark, *, indian=False):
    """Digits in groups, written by another way than the parser reads them."""
    head, tail = (digits[:-3], digits[-3:]) if len(digits) > 3 else ("", digits)
    size = 2 if indian else 3
    groups = [tail]
    while head:
        groups.insert(0, head[-size:])
        head = head[:-size]
    return mark.join(groups)


@settings(deadline=None)
@given(
    whole=st.integers(0, 10**12),
    fraction=st.text("0123456789", max_size=6),
    sign=st.sampled_from(["", "-", "+", "\u2212"]),
    decimal=st.sampled_from(".,"),
    mark=st.sampled_from(["", "other", " ", "\u00a0", "\u202f", "'", "’", "indian"]),
    space=st.sampled_from(["", " ", "\t", "\u00a0"]),
    beside=st.lists(st.sampled_from(["1", "30 cm", "", None]), max_size=2),
)
def test_a_number_is_read_however_its_thousands_are_apart(
    whole, fraction, sign, decimal, mark, space, beside
):
    indian = mark == "indian" and decimal == "."
    mark = OTHER[decimal] if mark in ("other", "indian") else mark
    text = sign + grouped(str(whole), mark, indian=indian) + (decimal + fraction) * bool(fraction)
    expected = float(Decimal(f"{whole}.{fraction or 0}"))
    expected = -expected if sign in ("-", "\u2212") else expected
    assert parsed([space + text + space, *beside], decimal)[0] == expected


NO_NUMBERS = ["1x234", "1..2", "1,,2", "1.2.3", "1,2,3", "12 34", "1 23", "1'23", "0 123"]
NO_NUMBERS += ["1 234 56", "1 234'567", "€ 5", "5 €", "$5", "30 cm", "--5", "1e", "e5", "-", "."]
NO_NUMBERS += [",", "١٢", "1_000", "0x10"]


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("text", NO_NUMBERS)
def test_no_number(text, decimal):
    assert parsed([text], decimal) == [None]
    assert parsed([text, "7"], decimal) == [None, 7.0]


def test_the_other_mark_only_between_whole_groups():
    assert parsed(["1,234", "12,34,567", "1,234.5", "12,5", "0,123", "1234,567"], ".") == [
        1234, 1234567, 1234.5, None, None, None,
    ]  # fmt: skip
    assert parsed(["1.234", "12.34.567", "1.234,5", "12.5", "1.2340"], ",") == [
        1234, None, 1234.5, None, None,
    ]  # fmt: skip


def test_missing_special_and_scientific():
    for decimal in ".,":
        cells = ["", " ", None, "nan", "inf", "-Infinity", "1e3", f"2{decimal}5E-1", f"{decimal}5"]
        for more in ([], ["30 cm"]):
            read = parsed([*cells, *more], decimal)
            assert read[:3] == ["missing"] * 3
            assert math.isnan(read[3])
            assert read[4:9] == [math.inf, -math.inf, 1000, 0.25, 0.5]
    values, is_number, is_missing = parse_numbers(pa.array([1.5, None, math.nan]), ",")
    assert (is_number.tolist(), is_missing.tolist()) == ([True, False, True], [False, True, False])
    assert values[0] == 1.5


@settings(deadline=None)
@given(st.lists(st.text("0123456789.,eE+- 'nif", max_size=8), min_size=1, max_size=5))
def test_one_by_one_and_all_at_once_agree(cells):
    plain = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.I)
    for decimal in ".,":
        together = parsed(cells, decimal)
        for cell, value in zip(cells, together, strict=True):
            alone = number_of(cell, decimal) if cell.strip() else "missing"
            assert alone == value or (alone != alone and value != value)
            spelt = cell.strip()
            if decimal == ".":
                is_plain = plain.fullmatch(spelt) is not None
                assert not is_plain or value == float(spelt)


def test_a_few_cells_do_not_overrule_many():
    evidence = DecimalEvidence()
    evidence.add(pa.record_batch({"a": [f"{n}.5" for n in range(40)] + ["1,5", "2,5"]}), 1)
    assert evidence.decide("a.csv", []) == "."
    evidence.add(pa.record_batch({"a": ["3,5"]}), 43)
    with pytest.raises(UserError, match="numbers have both decimal marks"):
        evidence.decide("a.csv", [])
