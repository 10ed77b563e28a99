"""Numbers in many spellings: the whole number is read, or nothing."""

import re
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from labelled_texts import MILLIMETRES, agreement

from product_length.catalogue.text import FIELDS
from product_length.measurements.candidates import parse_fields
from product_length.measurements.measurement import Role
from product_length.measurements.parser import measurements, stated
from product_length.measurements.prefilter import odd_spellings, worth_parsing
from product_length.measurements.spelling import spell_out

SPELLINGS = "spelt_measurements.tsv"
ZEROS = "0٠०０௦๐"
WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def values(text):
    return [each.value for each in stated(measurements(text))]


def of(unit, *numbers):
    return pytest.approx([number * MILLIMETRES[unit] for number in numbers])


def test_labelled_spellings(request):
    path = request.path.parent / SPELLINGS
    counts, wrong = agreement(lambda text: stated(measurements(text)), path)
    assert counts.texts >= 100
    assert not wrong


def test_both_ways_in_read_the_same(request):
    lines = (request.path.parent / SPELLINGS).read_text(encoding="utf-8").splitlines()
    texts = [line.split("\t")[0] for line in lines]
    empty = pa.array([""] * len(texts))
    rows = pa.record_batch([pa.array(texts), empty, empty], names=list(FIELDS))
    found = parse_fields(rows, FIELDS, 16)
    for row, text in enumerate(texts):
        assert len(found.stated(row)) == len(measurements(text)), text


def grouped(number, mark):
    return f"{number:,}".replace(",", mark)


@given(
    number=st.integers(1000, 29_999),
    mark=st.sampled_from(["", " ", "'", "’", ",", "\u2009", "\u00a0", "\u202f"]),
    tenths=st.sampled_from(["", ".5"]),
    before=st.sampled_from(["Shelf ", "Länge: ", "H ", "约", "(", "600 mm x "]),
)
def test_digits_in_groups(number, mark, tenths, before):
    found = values(f"{before}{grouped(number, mark)}{tenths} mm, oak")
    assert found[-1:] == of("mm", number + (0.5 if tenths else 0))
    assert len(found) == 1 + ("600" in before)


@given(
    number=st.integers(100, 999),
    before=st.sampled_from(
        ["Pack of 2 ", "Set of 12 ", "size 2 ", "No. 3 ", "Rig K2 2 ", "Gr. 3 "]
    ),
    unit=st.sampled_from(["mm", "cm"]),
)
def test_a_count_is_no_group(number, before, unit):
    assert values(f"{before}{number} {unit}") == of(unit, number)


@given(
    whole=st.integers(1, 400),
    fraction=st.sampled_from("½⅓⅔¼¾⅛⅜⅝⅞"),
    joint=st.sampled_from(["", " ", "-", "\u2009", " - ", "\u2011", " and ", " & "]),
    written=st.sampled_from(["{0}", "{1}/{2}", "{1}\u2044{2}"]),
    unit=st.sampled_from(["in", '"', "-inch", "″", " inches tall"]),
)
def test_fractions_behind_any_joint(whole, fraction, joint, written, unit):
    above, below = unicodedata.normalize("NFKC", fraction).split("\u2044")
    shown = written.format(fraction, above, below)
    if not joint and shown[0].isdecimal():
        joint = " "
    assert values(f"Pipe, {whole}{joint}{shown}{unit}") == of("in", whole + int(above) / int(below))


@given(
    number=st.integers(1, 9999), zero=st.sampled_from(ZEROS), dot=st.sampled_from("\u002e\u00b7")
)
def test_digits_of_any_script(number, zero, dot):
    shown = f"{number / 10:.1f}".replace(".", dot)
    shown = re.sub("[0-9]", lambda digit: chr(ord(zero) + int(digit[0])), shown)
    assert values(f"size: {shown} cm") == of("cm", number / 10)


def test_every_decimal_digit_is_read():
    digits = [chr(code) for code in range(0x110000) if chr(code).isdecimal()]
    assert len(digits) >= 600
    wrong = [digit for digit in digits if spell_out(digit) != str(unicodedata.decimal(digit))]
    assert not wrong


@given(
    length=st.integers(2, 900),
    width=st.integers(2, 900),
    tolerance=st.sampled_from(["±1", " ± 1", "(±1)", " (±0,5)", "+/-2", " +- 1", "±1-2", "±½"]),
    unit=st.sampled_from(["cm", " mm", "㎝", "ｍｍ", '"']),
)
def test_a_tolerance_is_no_measurement(length, width, tolerance, unit):
    name = {"㎝": "cm", "ｍｍ": "mm", '"': "in"}.get(unit, unit.strip())
    assert values(f"Tray {length}{tolerance}{unit}") == of(name, length)
    assert values(f"Tray {length}{tolerance} x {width}{tolerance}{unit}") == of(name, length, width)
    assert values(f"Tray {length}{unit} {tolerance}{unit}") == of(name, length)


@given(
    low=st.integers(10, 400),
    step=st.integers(1, 30),
    form=st.sampled_from(["{}/{} cm", "{} / {} cm", "between {} and {} cm", "from {} to {} cm",
                          "zwischen {} und {} cm", "{}..{} cm"]),
)  # fmt: skip
@example(low=15, step=1, form="{}/{} cm")
def test_two_sizes(low, step, form):
    assert values(f"Stand {form.format(low, low + step)}") == of("cm", low, low + step)


@given(
    text=st.sampled_from(["30 x 20 cm", 'Size 12" x 8"', "W: 12 in, D: 18 in", "5ft6in", "3/4 in"])
)
def test_full_width_reads_as_half_width(text):
    assert measurements(text.translate(WIDE)) == measurements(text)


def test_a_d_in_a_list_is_a_depth():
    roles = [each.role for each in measurements("W: 12 in, D: 18 in, H: 24 in")]
    assert roles == [Role.WIDTH, Role.DEPTH, Role.HEIGHT]
    assert [each.role for each in measurements("D: 18 in")] == [Role.DIAMETER]
    assert [each.role for each in measurements("Ø 18 in, H 3 in")] == [Role.DIAMETER, Role.HEIGHT]
    for max_count in (1, 2):
        text = "D: 18 in, H: 24 in, W: 9 in"
        assert measurements(text, max_count) == measurements(text)[:max_count]


SEPARATORS = [
    " ",
    "'",
    "’",
    "\u2009",
    ",",
    ".",
    "·",
    "/",
    "-",
    "±",
    "^",
    "½",
    " ½",
    "⁄",
    "",
    "",
    "_",
]


@settings(max_examples=400)
@given(
    groups=st.lists(st.tuples(st.integers(0, 1200), st.sampled_from(SEPARATORS)), max_size=5),
    unit=st.sampled_from([" mm", "cm", " in", '"', "㎝", "ｃｍ"]),
)
def test_any_mixture_of_groups_is_read_alike_by_both_ways_in(groups, unit):
    text = "Bar " + "".join(f"{number}{mark}" for number, mark in groups) + unit
    found = measurements(text)
    for each in found:
        assert each.value > 0
    assert worth_parsing(pa.array([text]))[0].as_py() or not found
    assert odd_spellings(pa.array([text]))[0].as_py() or spell_out(text) == text


@given(text=st.text(max_size=40))
@example("1\u2009200 mm")
@example("¹⁄₂ in")
@example("30+1/-2 cm")
def test_what_is_spelt_out_is_seen_in_the_column(text):
    assert odd_spellings(pa.array([text], pa.string()))[0].as_py() or spell_out(text) == text
    once = spell_out(text)
    assert not any(char.isdecimal() and not char.isascii() for char in once)


@pytest.mark.parametrize(
    "text",
    ["1.2.3 cm", "1,200,50 mm", "1.2.3.4 in", "12,34,567 mm", "5 x 10^3 mm", "1/2.5 in", "2/90 cm",
     "33/4.5/6.7.8 in", "1e3 mm", "50ft2", "5/4 in", "3-7/17 in", "12 400 cm", "100 200 300 mm",
     "1'200'300'400 mm", "1_200 mm", "1.1/2 m"],
)  # fmt: skip
def test_what_cannot_be_read_whole_measures_nothing(text):
    assert values(text) == []
