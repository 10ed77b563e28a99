"""Type codes: who shares code 0, in which order the others come."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from product_length.catalogue.vocabulary import Vocabulary, rows_of_type

TRAINING = ["b"] * 3 + ["a"] * 3 + ["c"] * 5 + ["rare"] * 2 + [""] * 9


def test_codes_by_count_then_name_with_rare_and_empty_on_zero():
    vocabulary = Vocabulary.fit(TRAINING, min_rows=3)
    assert vocabulary.names == ("c", "a", "b")
    assert vocabulary.size == 4
    codes = vocabulary.encode(["a", "b", "c", "rare", "", "unseen"])
    assert codes.dtype == "int64"
    assert codes.tolist() == [2, 3, 1, 0, 0, 0]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["c", None, "rare"]),
        pa.array(["c", None, "rare"], pa.large_string()),
        pa.chunked_array([["c"], [None, "rare"]]),
        pa.chunked_array([["c"], [None, "rare"]]).cast(pa.large_string()),
        pa.chunked_array([pa.array(["c", None, "rare"]).dictionary_encode()]),
    ],
)
def test_reads_any_arrow_column_and_takes_null_for_empty(column):
    vocabulary = Vocabulary.fit(TRAINING, min_rows=2)
    assert vocabulary.encode(column).tolist() == [1, 0, 4]
    assert Vocabulary.fit(column, min_rows=1).names == ("c", "rare")


def test_no_rows():
    vocabulary = Vocabulary.fit(pa.chunked_array([], pa.string()), min_rows=1)
    assert vocabulary.size == 1
    assert vocabulary.encode(["a"]).tolist() == [0]
    assert vocabulary.encode(pa.chunked_array([], pa.string())).shape == (0,)


@given(st.lists(st.sampled_from(["", "x", "y", "Ω", "z "])), st.integers(1, 4))
def test_agrees_with_counting_by_hand(types, min_rows):
    vocabulary = Vocabulary.fit(types, min_rows)
    for name, code in zip(types, vocabulary.encode(types), strict=True):
        assert (code == 0) == (name == "" or types.count(name) < min_rows)
        assert code == 0 or vocabulary.names[code - 1] == name
    again = Vocabulary.from_state(vocabulary.state())
    assert again.names == vocabulary.names


def test_refuses_nonsense():
    with pytest.raises(ValueError, match="min_rows"):
        Vocabulary.fit(["a"], min_rows=0)
    with pytest.raises(ValueError, match="distinct"):
        Vocabulary(["a", "a"])


@pytest.mark.parametrize(
    "column", [list, pa.array, lambda rows: pa.chunked_array([rows[:2], rows[2:]])]
)
def test_training_rows_of_each_type(column):
    found = rows_of_type(column(["rare", "c", "", "unseen", "a", "c"]), column(TRAINING))
    assert found.dtype == "int64"
    assert found.tolist() == [2, 5, 0, 0, 3, 5]
