"""Cleaning and joining of text fields."""

import html
import re
import unicodedata
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.catalogue.config import TextRecipe
from product_length.catalogue.text import (
    FIELDS,
    clean_field,
    clean_fields,
    clean_types,
    join_fields,
    string_keys,
)

RECIPE = TextRecipe(fields=list(FIELDS))
RAW = TextRecipe(fields=list(FIELDS), unescape_html=False, strip_tags=False, fold_whitespace=False)


def clean(*values, recipe=RECIPE):
    return clean_field(pa.array(values, pa.string()), recipe).to_pylist()


def batch(*rows):
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=list(FIELDS))


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("", ""),
        ("  ", ""),
        ("plain text", "plain text"),
        ("Salt &amp; Pepper", "Salt & Pepper"),
        ("5&quot; &#215; 3&#x22;", '5" × 3"'),
        ("twice &amp;amp; escaped &amp;lt;b&amp;gt;bold&amp;lt;/b&amp;gt;", "twice & escaped bold"),
        ("AT&T R&D", "AT&T R&D"),
        ("a<br>b<BR/>c</p>d", "a b c d"),
        ('<p class="x">one</p>\n<!-- <b>no</b> -->two', "one two"),
        ("<style>p {margin: 0}</style>x<script>if (a<b) c();</script>y", "x y"),
        ("<!DOCTYPE html><?xml version='1'?>x", "x"),
        ("<5 cm and >3 cm, 2 < 3", "<5 cm and >3 cm, 2 < 3"),
        ("<a<b>c>d", "d"),
        ("tab\there\r\nand\u00a0there\u2003\u3000now\u2028.", "tab here and there now ."),
        ("\ufeffnul\x00 del\x7f c1\x9f bell\x07", "nul del c1 bell"),
        ("&#0;&nbsp;x&nbsp;", "\ufffd x"),
        ("日本 \u200bé\U0001f600", "日本 \u200bé\U0001f600"),
    ],
)
def test_cleaning(raw, cleaned):
    assert clean(raw) == [cleaned]
    assert clean("before", raw, "after") == ["before", cleaned, "after"]


def test_each_step_is_a_choice():
    raw = " a &amp; <b>b</b>\x00\tc "
    assert clean(raw, recipe=RAW) == [" a &amp; <b>b</b> \tc "]
    only = {"unescape_html": " a & <b>b</b> \tc ", "strip_tags": " a &amp;  b  \tc "}
    only["fold_whitespace"] = "a &amp; <b>b</b> c"
    for step, cleaned in only.items():
        assert clean(raw, recipe=RAW.model_copy(update={step: True})) == [cleaned]


PIECES = st.sampled_from(
    ["&", "amp;", "lt;", "gt", "#38;", "#x3c;", "nbsp;", "<", ">", "b", "/", "!--", "--", "script",
     "style", " ", "\n", "\x00", "\x85", "\u2003", "\ufeff", "é", "1"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])), st.lists(PIECES, max_size=14).map("".join)
)
RECIPES = st.builds(
    TextRecipe,
    fields=st.permutations(FIELDS).flatmap(
        lambda names: st.integers(1, 3).map(lambda count: list(names)[:count])
    ),
    separator=st.sampled_from([" ", "\n", " | ", ""]),
    unescape_html=st.booleans(),
    strip_tags=st.booleans(),
    fold_whitespace=st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(values=st.lists(TEXTS, min_size=1, max_size=4), recipe=RECIPES)
def test_cleaning_is_idempotent_and_each_row_stands_alone(values, recipe):
    once = clean(*values, recipe=recipe)
    assert len(once) == len(values)
    assert clean(*once, recipe=recipe) == once
    assert [clean(value, recipe=recipe)[0] for value in values] == once


@settings(max_examples=150, deadline=None)
@given(value=TEXTS)
def test_what_cleaning_leaves(value):
    (cleaned,) = clean(value)
    assert cleaned == " ".join(re.split(r"\s+", cleaned)).strip()
    kept = {letter for letter in cleaned if unicodedata.category(letter) == "Cc"}
    assert not kept
    assert html.unescape(cleaned) == cleaned
    assert not re.search(r"</?[a-zA-Z][^<>]*>", cleaned)


@settings(max_examples=100, deadline=None)
@given(value=st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="&<\ufeff")))
def test_folding_is_what_python_calls_white_space(value):
    assert clean(value) == [" ".join(value.split())]


def test_fields_join_in_the_order_of_the_recipe_without_gaps():
    rows = batch(("t", "b", "d"), ("t", "", "d"), ("", " ", "<br>"), ("", "b &amp; c", ""))
    recipe = TextRecipe(fields=["description", "title"], separator=" | ")
    cleaned = clean_fields(rows, recipe)
    assert join_fields(cleaned, recipe).to_pylist() == ["d | t", "d | t", "", ""]
    assert join_fields(cleaned, RECIPE).to_pylist() == ["t b d", "t d", "", "b & c"]
    assert cleaned.schema.names == list(FIELDS)
    assert cleaned.column("bullet_points").to_pylist() == ["b", "", "", "b & c"]


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=4), recipe=RECIPES)
def test_joining_is_pythons_join(rows, recipe):
    fields = clean_fields(batch(*rows), recipe)
    by_hand = [
        recipe.separator.join(row[name] for name in recipe.fields if row[name])
        for row in fields.to_pylist()
    ]
    assert join_fields(fields, recipe).to_pylist() == by_hand


@pytest.mark.parametrize(
    ("kept", "spellings"),
    [
        ("713", ["713", "713.0", "713.00", "713.", " 713 ", "\u00a0713.0\t", "+713", "7.13e+02"]),
        ("713", ["7.13E2", "7.1300e+02"]),
        ("0", ["0", "0.0", "-0.0", "0e+00", "+0"]),
        ("-1", ["-1", "-1.0", "-1e+00"]),
        ("9007199254740993", ["9007199254740993", "9007199254740993.0", "9.007199254740993e+15"]),
        ("1" + "0" * 40, ["1e+40", "1" + "0" * 40 + ".000"]),
        ("007", ["007", "007.0"]),
        ("7", ["7", "7.0"]),
    ],
)
def test_a_whole_number_is_one_type_however_it_is_spelled(kept, spellings):
    assert clean_types(pa.array(spellings)).to_pylist() == [kept] * len(spellings)


def test_other_types_are_trimmed_only():
    types = ["", "a &amp; b", "12.5", "12E3", "1e5", "1.25e+01", "1.0.0", "7.13e-2", "1,0", "."]
    types += ["-", "+", "7 13.0", "٣.0", "v1.0", "1.5E999", "0x10.0"]
    padded = pa.array([f" {each} " for each in types])
    assert clean_types(padded).to_pylist() == types


@settings(max_examples=150, deadline=None)
@given(number=st.integers(-(10**30), 10**30), zeros=st.integers(0, 4), text=TEXTS)
def test_types_lose_no_digit_and_cleaning_them_again_changes_nothing(number, zeros, text):
    written = [str(number), f"{number}.{'0' * zeros}", f"{number:+d}" if number > 0 else "0", text]
    once = clean_types(pa.array(written, pa.string()))
    assert once.to_pylist()[:2] == [str(number)] * 2
    assert once.to_pylist()[2] == (str(number) if number > 0 else "0")
    assert clean_types(once).equals(once)
    as_float = str(float(number))
    assert clean_types(pa.array([as_float])).to_pylist() == [str(int(Decimal(as_float)))]


def test_keys_are_xxh3_of_utf8_also_of_slices():
    values = ["", "a", "naïve", "日本", "a", "x" * 500]
    expected = np.array([xxhash.xxh3_64_intdigest(v.encode()) for v in values], dtype=np.uint64)
    keys = string_keys(pa.array(values))
    assert keys.dtype == np.uint64
    np.testing.assert_array_equal(keys, expected)
    np.testing.assert_array_equal(string_keys(pa.array(values)[2:5]), expected[2:5])
    assert string_keys(pa.array([], pa.string())).shape == (0,)
    assert keys[1] == keys[4]
    assert int(keys[1]) == 0xE6C632B61E964E1F  # the reference implementation's xxh3_64("a")
    with pytest.raises(ValueError, match="null"):
        string_keys(pa.array(["a", None]))
