import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from product_length.catalogue.scripts import SCRIPTS, are_foreign, scripts_of


@pytest.mark.parametrize(
    ("texts", "scripts"),
    [
        (["Steel bottle 20 cm"], ["Latin"]),
        (["不锈钢水瓶 20厘米"], ["Han"]),
        (["ステンレスのボトル"], ["Hiragana", "Katakana"]),
        (["стальная бутылка", "bouteille en acier"], ["Latin", "Cyrillic"]),
        (["10 × 20", "½ ™ 🙂", ""], []),
        ([], []),
        (["a" * 199 + "Ω"], ["Latin"]),  # a sign in a text is no script that it is written in
        (["a" * 99 + "Ω"], ["Latin", "Greek"]),
    ],
)
def test_the_scripts_of_texts(texts, scripts):
    assert sorted(scripts_of(texts)) == sorted(scripts)


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("不锈钢水瓶", True),
        ("高品质不锈钢水瓶 20cm", True),
        ("Xiaomi 小米 phone", False),
        ("steel 20 cm", False),
        ("20 x 30", False),
        ("", False),
        ("水", True),
        ("a水", True),
        ("ab水", False),
        ("Ünïcödé façade", False),
    ],
)
def test_a_text_in_another_script(text, foreign):
    assert are_foreign(pa.array(["x", text, "y"]), ["Latin"]).tolist() == [False, foreign, False]


def test_what_training_had_is_not_foreign():
    texts = pa.array(["不锈钢", "steel", "сталь"])
    assert are_foreign(texts, ["Latin", "Han"]).tolist() == [False, False, True]
    assert are_foreign(texts, []).tolist() == [True, True, True]
    assert not are_foreign(texts, SCRIPTS).any()
    assert len(are_foreign(texts[:0], ["Latin"])) == 0
    assert are_foreign(texts[1:], ["Latin"]).tolist() == [False, True]


@given(st.lists(st.text(st.sampled_from("aé水龍яЖ 1½.-")), max_size=5))
def test_letters_are_counted_as_unicode_names_them(texts):
    def latin(letter):
        return unicodedata.name(letter).startswith("LATIN")

    wanted = []
    for text in texts:
        letters = [letter for letter in text if letter.isalpha()]
        other = sum(not latin(letter) for letter in letters)
        wanted.append(bool(other) and 2 * other >= len(letters))
    np.testing.assert_array_equal(are_foreign(pa.array(texts, pa.string()), ["Latin"]), wanted)
