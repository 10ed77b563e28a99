"""The parser against hand-labelled texts, the demo catalogue's truth and generated spellings."""

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from labelled_texts import HELD_OUT, MILLIMETRES, Agreement, agreement, labelled

from product_length.catalogue.config import TextRecipe
from product_length.catalogue.text import FIELDS, clean_fields
from product_length.demo.generator import DemoGenerator
from product_length.measurements.measurement import LONGEST, SHORTEST, Role, Subject, Unit
from product_length.measurements.parser import measurements, stated

RECIPE = TextRecipe(fields=list(FIELDS))


def read(text):
    return [(round(each.value, 2), each.role, each.unit) for each in stated(measurements(text))]


def values(text):
    return [each.value for each in stated(measurements(text))]


def test_hand_labelled_texts():
    counts, wrong = agreement(lambda text: stated(measurements(text)))
    assert counts.texts >= 200
    assert counts.right > 300
    assert len([text for text, wanted in labelled() if not wanted]) >= 35
    assert counts.recall >= 0.99, wrong
    assert counts.precision >= 0.99, wrong
    assert counts.side_accuracy >= 0.99, wrong


def test_texts_that_the_parser_was_not_mended_with():
    counts, wrong = agreement(lambda text: stated(measurements(text)), HELD_OUT)
    assert counts.texts >= 50
    assert counts.recall >= 0.9, wrong
    assert counts.precision >= 0.9, wrong


def test_the_truth_of_the_demo_catalogue():
    generator = DemoGenerator(rows=4000, types=300, seed=11)
    counts = Agreement()
    subjects = Counter()
    for batch in generator.batches():
        raw = [batch.column(name.upper()).fill_null("") for name in FIELDS]
        fields = clean_fields(pa.record_batch(raw, names=list(FIELDS)), RECIPE)
        ids = np.array(batch.column("PRODUCT_ID").to_pylist()).astype(np.int64)
        for row, truth in zip(fields.to_pylist(), generator.stated_measurements(ids), strict=True):
            wanted = [(0.254 * each.value, "") for each in truth if not each.is_decoy]
            found = [each for text in row.values() for each in measurements(text)]
            subjects.update(each.subject for each in found)
            counts.count(wanted, stated(found))
    assert counts.right > 2500
    assert counts.recall >= 0.99
    assert counts.precision >= 0.99
    assert min(subjects[subject] for subject in Subject) > 100


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("Dimensions (L x W x H): 30 x 20 x 10 cm", "length width height"),
        ("30 x 20 x 10 cm (LxWxH)", "length width height"),
        ("Medidas (L x An x Al): 30x20x10 mm", "length width height"),
        ("Dimensions (L x l x H) : 3 x 2 x 1 m", "length width height"),
        ("12\"W x 20\"H x 11\"D", "width height depth"),
        ("8\" D x 6\" H", "diameter height"),
        ("Length 30 cm Width 20 cm Height 5cm", "length width height"),
        ("4 inches tall by 5 inches wide", "height width"),
        ("length: 3 m long-life thread, 2 mm", "length none"),
        ("Size: 12 x 18 inch", "size size"),
        ("Länge: 3,5 cm, Höhe: 20 mm", "length height"),
    ],
)  # fmt: skip
def test_sides(text, roles):
    assert [role.name.lower() for _, role, _ in read(text)] == roles.split()


@pytest.mark.parametrize(
    "text",
    ["iPhone 13 case (6.1 inch)", "50mm lens", "3.5 mm jack", "waterproof up to 30 m", "±2 cm",
     "Model is 5'7\" tall", "control range of 40 m", "14 inch laptop"],
)  # fmt: skip
def test_lengths_of_other_things_are_distinguished(text):
    found = measurements(text)
    assert found
    assert {each.subject for each in found} == {Subject.OTHER}
    assert stated(found) == []


def test_a_package_is_distinguished():
    text = "Package dimensions: 10 x 20 x 5 cm. Item length 8 cm. One package contains 2 m of wire"
    subjects = [each.subject for each in measurements(text)]
    assert subjects == [Subject.PACKAGE] * 3 + [Subject.PRODUCT] * 2


def test_numbers_without_a_unit_count_as_inches_and_say_so():
    assert read("L30 x W20") == [
        (762.0, Role.LENGTH, Unit.MISSING), (508.0, Role.WIDTH, Unit.MISSING)
    ]  # fmt: skip
    assert values("1920x1080 resolution, 24x7, 4x4 drive, 2 x 50ml") == []


def test_only_the_first_ones_are_read_where_that_is_asked_for():
    text = "1 x 2 x 3 cm, 4 cm, 5 cm, 6 ft 7 in, 8 m"
    everything = measurements(text)
    assert len(everything) == 7
    for max_count in range(9):
        assert measurements(text, max_count) == everything[:max_count]


# The spellings of a number of hundredths, each with the digits that it can show.
def spelt(hundredths, comma):
    text = f"{hundredths / 100:.2f}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if comma else text


UNITS = {
    "mm": ["mm", " mm", "-mm", " MM", " millimetres", " मिमी"],
    "cm": ["cm", " cm", " Cms", " centimeters", " Zentimeter", " सेमी", " (cm)"],
    "m": [" m", " mtr", " metres", " metros", " meter"],
    "in": ['"', " inch", "-inch", " inches", "″", "''", " Zoll", " in.", "”", " pulgadas"],
    "ft": [" ft", " feet", "-foot", " Fuß", "′", "'"],
    "yd": [" yards", " yd"],
}
unit_and_word = st.sampled_from([(unit, word) for unit, words in UNITS.items() for word in words])
hundredths_of_unit = st.integers(20, 99_999)


@given(number=hundredths_of_unit, unit=unit_and_word, comma=st.booleans())
def test_a_number_in_any_spelling(number, unit, comma):
    name, word = unit
    text = f"Oak board, {spelt(number, comma)}{word}, sanded"
    assert values(text) == pytest.approx([number / 100 * MILLIMETRES[name]])


@given(
    numbers=st.lists(hundredths_of_unit, min_size=2, max_size=4),
    unit=unit_and_word,
    join=st.sampled_from([" x ", "x", " X ", " × ", "*", " by ", " * ", "×"]),
    each=st.booleans(),
)
def test_a_chain_in_any_spelling(numbers, unit, join, each):
    name, word = unit
    shown = [spelt(number, False) for number in numbers]
    ends = [word] * len(shown) if each else [""] * (len(shown) - 1) + [word]
    text = join.join(number + end for number, end in zip(shown, ends, strict=True))
    wanted = [number / 100 * MILLIMETRES[name] for number in numbers]
    assert values(f"Tray {text} in grey") == pytest.approx(wanted)


@given(
    numbers=st.lists(hundredths_of_unit, min_size=2, max_size=4),
    first=st.sampled_from(["", " M", "M", " mm", "mm", " Cms"]),
    join=st.sampled_from([" x ", "x", " X ", " × ", "*", " by "]),
)
def test_a_spaced_capital_in_a_chain_means_metres(numbers, first, join):
    shown = [spelt(number, False) for number in numbers]
    texts = [shown[0] + first, *(f"{number} M" for number in shown[1:])]
    metres = [number / 100 * MILLIMETRES["m"] for number in numbers]
    if first == "M" and numbers[0] > 10_000:  # `250M users`
        return
    if first.strip().lower() in ("mm", "cms"):
        metres[0] *= MILLIMETRES[first.strip().lower().rstrip("s")] / MILLIMETRES["m"]
    assert values(f"Net {join.join(texts)}, green") == pytest.approx(metres)


@pytest.mark.parametrize(
    "text",
    ["Pump, black, 10 M US", "Sneaker 7.5 M", "Loafer, US 9 M", "Dress (M) 38 M",
     "Pyjamas 18-24 M, Length: to the knee", "Top 12 M Long Sleeve", "Vest 38 M x 10 pieces",
     "Size: 9.5 M", "Boot 43 EU/11.5-12 M US", "Length 10.5 M US"],
)  # fmt: skip
def test_sizes_named_m_are_no_lengths(text):
    assert values(text) == []


@given(
    whole=st.integers(0, 200),
    eighths=st.integers(1, 7),
    space=st.sampled_from([" ", "-"]),
    word=st.sampled_from(UNITS["in"]),
)
def test_fractions(whole, eighths, space, word):
    divisor = math.gcd(eighths, 8)
    fraction = f"{eighths // divisor}/{8 // divisor}"
    text = f"{whole}{space}{fraction}{word}" if whole else f"{fraction}{word}"
    assert values(f"Pipe, {text}, brass") == pytest.approx([25.4 * (whole + eighths / 8)])
    if not whole:
        return
    vulgar = dict(zip(range(1, 8), "⅛¼⅜½⅝¾⅞", strict=True))[eighths]
    assert values(f"Pipe {whole}{vulgar}{word}") == pytest.approx([25.4 * (whole + eighths / 8)])


@given(
    feet=st.integers(1, 90),
    inches=st.integers(1, 11),
    spelling=st.sampled_from(["{}' {}\"", "{}'{}\"", "{} ft {} in.", "{}′{}″", "{} feet {} inches",
                              "{}'-{}\"", "{} ft. {} in."]),
)  # fmt: skip
def test_feet_and_inches(feet, inches, spelling):
    text = spelling.format(feet, inches)
    assert values(f"Rope {text}") == pytest.approx([25.4 * (12 * feet + inches)])


@given(
    low=st.integers(1, 400), factor=st.floats(1.1, 3.9), join=st.sampled_from(["-", " to ", "–"])
)
def test_ranges(low, factor, join):
    high = math.ceil(low * factor)
    got = values(f"adjustable {low}{join}{high} cm")
    expected = [low, high] if high <= 4 * low and high > low else [high]
    assert got == pytest.approx([each * MILLIMETRES["cm"] for each in expected])


@pytest.mark.parametrize(
    ("text", "centimetres"),
    [("1,200 mm", 120), ("1.200,5 mm", 120.05), ("12,5 cm", 12.5), ("0,500 m", 50),
     ("1,000.5 cm", 1000.5), (".5 m", 50), ("No.5 cm", 5), ("12.000,750 cm", 12_000.75)],
)  # fmt: skip
def test_decimal_signs(text, centimetres):
    assert values(text) == pytest.approx([centimetres * MILLIMETRES["cm"]])


PIECES = ["10", "5.5", "1/2", "½", " x ", "x", "×", " cm", "mm", '"', "'", "″", " in ", "L", "W",
          ":", "(", ")", "-", "/", ".", ",", " to ", "0", "999999999999", " ft", "Size", " screen",
          "=", "Ø", "\n", "1" * 400]  # fmt: skip


@settings(max_examples=400)
@given(text=st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)))
@example("0 cm 0/2 inch 00' 0\"")
@example("9" * 5000 + " cm")
@example("5' " + "9" * 400 + '"')
@example("5 inſ")  # letters that a pattern takes for others when it ignores case
@example("30 x 20 Km Size (ıN): 4")
def test_whatever_the_text_lengths_are_finite_and_positive(text):
    for each in measurements(text):
        assert SHORTEST <= each.value <= LONGEST
        assert math.isfinite(each.value)
