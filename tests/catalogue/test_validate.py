"""Which rows are dropped, for which reason, and how that is reported."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.catalogue import validate
from product_length.catalogue.units import HUNDREDTH_INCH, CatalogueUnit
from product_length.catalogue.validate import (
    MISSING_ID,
    MISSING_LENGTH,
    NO_TEXT,
    NOT_A_NUMBER,
    NOT_FINITE,
    NOT_POSITIVE,
    OUT_OF_RANGE,
    REASONS,
    REPEATED_ID,
    USABLE,
    Dropped,
    DropTally,
    ReadingReport,
    find_faults,
    find_repeats,
    parse_lengths,
)

LENGTHS = [
    ("393.7", 393.7, USABLE),
    (" 12 ", 12, USABLE),
    ("1e3", 1000, USABLE),
    ("+.5", 0.5, USABLE),
    ("5.", 5, USABLE),
    ("", None, MISSING_LENGTH),
    ("  ", None, MISSING_LENGTH),
    (None, None, MISSING_LENGTH),
    ("12,5", None, NOT_A_NUMBER),
    ("1,200", 1200, USABLE),
    ("10 cm", None, NOT_A_NUMBER),
    ("1_0", None, NOT_A_NUMBER),
    ("0x10", None, NOT_A_NUMBER),
    ("NA", None, NOT_A_NUMBER),
    ("\u0663", None, NOT_A_NUMBER),
    (".", None, NOT_A_NUMBER),
    ("nan", None, NOT_FINITE),
    ("-inf", None, NOT_FINITE),
    ("Infinity", None, NOT_FINITE),
    ("1e39", None, OUT_OF_RANGE),
    ("3000000001", None, OUT_OF_RANGE),
    ("3e9", 3e9, USABLE),
    ("1e-5", 1e-5, USABLE),
    ("9.99e-6", None, OUT_OF_RANGE),
    ("1e-40", None, OUT_OF_RANGE),
    ("1e999", None, NOT_FINITE),
    ("0", None, NOT_POSITIVE),
    ("-0.0", None, NOT_POSITIVE),
    ("-3", None, NOT_POSITIVE),
    ("1e-60", None, OUT_OF_RANGE),
]


@pytest.mark.parametrize(("written", "length", "fault"), LENGTHS)
def test_a_length_alone(written, length, fault):
    lengths, faults = parse_lengths(pa.array([written], pa.string()), ".", HUNDREDTH_INCH)
    assert faults.tolist() == [fault]
    assert lengths.dtype == np.float64
    np.testing.assert_array_equal(lengths, [np.nan if length is None else length])


def test_lengths_together_are_the_lengths_alone():
    lengths, faults = parse_lengths(
        pa.array([written for written, _, _ in LENGTHS], pa.string()),
        ".",
        HUNDREDTH_INCH,
    )
    assert faults.dtype == np.uint8
    assert faults.tolist() == [fault for _, _, fault in LENGTHS]
    expected = [np.nan if length is None else length for _, length, _ in LENGTHS]
    np.testing.assert_array_equal(lengths, expected)


def test_lengths_that_are_numbers_already():
    column = pa.array([1.5, None, float("nan"), float("inf"), 0.0, -1.0, 1e39])
    lengths, faults = parse_lengths(column, ".", HUNDREDTH_INCH)
    expected = [USABLE, MISSING_LENGTH, NOT_FINITE, NOT_FINITE, *[NOT_POSITIVE] * 2, OUT_OF_RANGE]
    assert faults.tolist() == expected
    assert lengths[0] == 1.5
    assert np.isnan(lengths[1:]).all()


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.one_of(st.text(max_size=5), st.floats().map(str), st.integers().map(str)), min_size=1
    )
)
def test_a_bad_neighbour_changes_no_length(values):
    values = [value.encode(errors="replace").decode() for value in values]
    together, faults = parse_lengths(pa.array(values, pa.string()), ".", HUNDREDTH_INCH)
    alone = [parse_lengths(pa.array([value], pa.string()), ".", HUNDREDTH_INCH) for value in values]
    assert faults.tolist() == [fault[0] for _, fault in alone]
    np.testing.assert_array_equal(together, [length[0] for length, _ in alone])
    assert (together[faults == USABLE] > 0).all()


def test_each_row_has_the_first_of_its_faults():
    rows = [
        ("1", "5", "text", USABLE),
        (" ", "x", "", MISSING_ID),
        ("", "5", "text", MISSING_ID),
        ("1", "", "", MISSING_LENGTH),
        ("1", "x", "", NOT_A_NUMBER),
        ("1", "inf", "", NOT_FINITE),
        ("1", "-1", "", NOT_POSITIVE),
        ("1", "1e-40", "", OUT_OF_RANGE),
        ("1", "5", " ", NO_TEXT),
    ]
    ids, lengths, texts, expected = zip(*rows, strict=True)
    _, length_faults = parse_lengths(pa.array(lengths), ".", HUNDREDTH_INCH)
    faults = find_faults(
        pa.array(ids), length_faults, np.array([not text.strip() for text in texts])
    )
    assert faults.dtype == np.uint8
    assert faults.tolist() == list(expected)
    assert sorted({*expected, REPEATED_ID}) == list(range(len(REASONS)))
    with pytest.raises(ValueError, match="8 lengths"):
        find_faults(
            pa.array(ids), length_faults[1:], np.array([not text.strip() for text in texts])
        )


@settings(max_examples=100, deadline=None)
@given(
    chunks=st.lists(st.lists(st.sampled_from("abcdef"), max_size=6), min_size=1, max_size=4),
    buckets=st.integers(1, 7),
)
def test_repeats_are_found_even_where_hashes_collide(chunks, buckets):
    ids = [product_id for chunk in chunks for product_id in chunk]
    keys = np.array([ord(product_id) % buckets for product_id in ids], dtype=np.uint64)
    by_hand = [index for index, product_id in enumerate(ids) if product_id in ids[:index]]
    found = find_repeats(keys, pa.chunked_array(chunks, type=pa.string()))
    assert found.dtype == np.int64
    assert found.tolist() == by_hand


def test_repeats_need_a_key_for_each_id():
    with pytest.raises(ValueError, match="1 keys of 2 ids"):
        find_repeats(np.array([1], dtype=np.uint64), pa.chunked_array([["a", "b"]]))


def test_tally_counts_over_batches():
    tally = DropTally()
    tally.add(np.array([0, NO_TEXT, 0, MISSING_ID], dtype=np.uint8), first_row=1)
    tally.add(np.array([0, 0], dtype=np.uint8), first_row=5)
    tally.add(np.full(9, NO_TEXT, dtype=np.uint8), first_row=7)
    tally.add_rows(REPEATED_ID, np.array([3]))
    tally.add_rows(MISSING_LENGTH, np.array([], dtype=np.int64))
    assert tally.by_reason() == {
        "missing product id": Dropped(1, (4,)),
        "no text": Dropped(10, (2, 7, 8, 9, 10)),
        "repeated product id": Dropped(1, (3,)),
    }
    assert list(tally.by_reason()) == [REASONS[MISSING_ID], REASONS[NO_TEXT], REASONS[REPEATED_ID]]


def test_some_of_the_lengths_that_were_refused_are_kept():
    tally = DropTally()
    for first_row, written in (
        (1, ["30 cm"] * 2000 + ["5"]),
        (2002, [" 12,5 ", "", "0", "x", "y"]),
    ):
        lengths = pa.array(written)
        tally.add(parse_lengths(lengths, ".", HUNDREDTH_INCH)[1], first_row, lengths)
    dropped = tally.by_reason()
    assert dropped["length is not a number"].examples == ("30 cm", "12,5", "x")
    assert dropped["length is not a number"].count == 2003
    assert dropped["length is not positive"].examples == ("0",)
    assert dropped["missing length"].examples == ()
    for each in dropped.values():
        assert Dropped.from_json(json.loads(json.dumps(each.to_json()))) == each


def test_lengths_that_were_refused_are_shown_with_advice():
    dropped = {
        "length is not a number": Dropped(2, (1, 2), ("30 cm", "12,5")),
        "length is not finite": Dropped(1, (3,), ("inf",)),
        "length is out of range": Dropped(1, (4,), ("1e-40",)),
    }
    report = ReadingReport("a.csv", 4, 0, dropped, Dropped(0, ()), CatalogueUnit.named("cm"))
    assert report.lines()[1:] == [
        "  dropped, length is not a number: 2 (rows 1, 2), such as '30 cm', '12,5'; "
        "'30 cm': give a number, in cm, or data.unit=cell, which reads cells with a unit; "
        "'12,5': say which mark decimals have: data.decimal=. or data.decimal=,",
        "  dropped, length is not finite: 1 (row 3), such as 'inf'",
        "  dropped, length is out of range: 1 (row 4), such as '1e-40'; "
        "give cm, from 2.5e-07 to 7.6e+07",
    ]


def test_report_for_people_and_for_machines():
    report = ReadingReport(
        source="a.csv",
        rows_read=1234,
        rows_kept=1200,
        dropped={"no text": Dropped(1, (9,)), "repeated product id": Dropped(30, (1, 2, 3, 4, 5))},
        outside_range=Dropped(3, (7, 8, 10)),
        unit=CatalogueUnit.named("cm"),
        counted={"without title": 2, "repeated texts": 0},
    )
    assert report.lines() == [
        "a.csv: 1,234 rows read, 1,200 kept",
        "  dropped, no text: 1 (row 9)",
        "  dropped, repeated product id: 30 (rows 1, 2, 3, 4, 5, …)",
        "  outside the length range (min_length, max_length): 3 (rows 7, 8, 10)",
        "  kept, without title: 2",
    ]
    written = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert written["dropped"]["repeated product id"] == {"count": 30, "first_rows": [1, 2, 3, 4, 5]}
    assert written["counted"] == {"without title": 2, "repeated texts": 0}
    assert (
        written["rows_read"]
        == 1234
        == written["rows_kept"] + 31 + written["outside_range"]["count"]
    )


def test_first_rows_are_few():
    assert validate.count_dropped(np.arange(3, 90)) == Dropped(87, (3, 4, 5, 6, 7))
