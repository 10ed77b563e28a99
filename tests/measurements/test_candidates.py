"""Columns of texts to arrays of candidates."""

import numpy as np
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st
from labelled_texts import HELD_OUT, labelled

from product_length.catalogue.text import FIELDS
from product_length.measurements.candidates import Candidates, parse_fields
from product_length.measurements.measurement import Role, Subject, Unit
from product_length.measurements.parser import measurements
from product_length.measurements.prefilter import worth_parsing
from product_length.measurements.vocabulary import UNIT_OF

TEXTS = [text for text, _ in (*labelled(), *labelled(HELD_OUT))]


def batch(*rows):
    columns = [pa.array(list(column), pa.string()) for column in zip(*rows, strict=True)]
    return pa.record_batch(columns, names=list(FIELDS))


ROWS = batch(
    ("Shelf 80 x 20 cm", "", "Depth: 20 cm, for a 15.6 inch laptop"),
    ("Mug", "Pack of 2", "300 ml"),
    ("", "Package size: 10 x 5 x 2 inch", "1 cm, 2 cm, 3 cm, 4 cm"),
)


def test_arrays_hold_what_the_parser_says():
    found = parse_fields(ROWS, FIELDS, 16)
    assert found.values.dtype == np.float32
    for row, fields in enumerate(ROWS.to_pylist()):
        said = [(name, each) for name in FIELDS for each in measurements(fields[name])]
        shown = found.stated(row)
        assert [FIELDS[field] for field, _ in shown] == [name for name, _ in said]
        for (_, got), (_, each) in zip(shown, said, strict=True):
            assert got == each._replace(value=np.float32(each.value))
    assert np.isnan(found.values[1]).all()
    assert found.roles[0, :3].tolist() == [Role.NONE, Role.NONE, Role.DEPTH]
    assert found.places[0, :2].tolist() == [0, 1]
    assert found.fields[0, :4].tolist() == [0, 0, 2, 2]
    assert found.subjects[0, 3] == Subject.OTHER
    assert found.subjects[2, :3].tolist() == [Subject.PACKAGE] * 3
    assert found.units[2, 0] == Unit.INCH


def test_the_first_ones_are_kept():
    everything = parse_fields(ROWS, FIELDS, 16)
    for max_count in (1, 2, 5):
        some = parse_fields(ROWS, FIELDS, max_count)
        np.testing.assert_array_equal(some.values, everything.values[:, :max_count])
        np.testing.assert_array_equal(some.codes, everything.codes[:, :max_count])


def test_only_the_fields_asked_for_are_read():
    found = parse_fields(ROWS, ["title"], 16)
    assert (~np.isnan(found.values)).sum(axis=1).tolist() == [2, 0, 0]


def test_where_nothing_is_stated_nothing_is_found():
    for fields, names in [(batch(("Mug", "", "")), FIELDS), (ROWS, []), (ROWS[:0], FIELDS)]:
        found = parse_fields(fields, names, 4)
        assert found.values.shape == (len(fields), 4)
        assert np.isnan(found.values).all()
        assert not found.codes.any()


def test_packing_loses_nothing():
    found = parse_fields(ROWS, FIELDS, 16)
    back = Candidates.from_packed(found.packed())
    np.testing.assert_array_equal(back.values, found.values)
    np.testing.assert_array_equal(back.codes, found.codes)
    assert len(back[1:]) == 2


def worth(texts):
    return worth_parsing(pa.array(texts, pa.string())).to_pylist()


def test_the_first_look_lets_pass_what_states_something():
    passed = dict(zip(TEXTS, worth(TEXTS), strict=True))
    assert not [text for text in TEXTS if measurements(text) and not passed[text]]
    words = [f"9 {word}" for word in UNIT_OF] + [f"9{word.upper()}" for word in UNIT_OF]
    assert all(worth([word for word in words if measurements(word)]))
    assert worth(["a mug", "pack of 12", "2022 edition, 40W", ""]) == [False] * 4


PIECES = ["10", "5.5", "½", " x ", "by ", "×", " cm", "mm", '"', "'", " in ", "M", "L", "W", ": ",
          "(", ")", "-", "/", " to ", " ft", "Size in cm", "Length (mm)", " piece",
          " = ", "[", "]", "Width", "(cm)", "(inches", " in."]  # fmt: skip


@example(text="Length (mm)10")
@example(text="10×L½")
@example(text="Length (mm)(M: 10[")
@example(text="Size in cm)10")
@given(text=st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
def test_the_first_look_loses_nothing(text):
    assert worth([text])[0] or not measurements(text)
