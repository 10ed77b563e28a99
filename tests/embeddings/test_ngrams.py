"""Hashed n-grams against a plain loop over characters, their order, room, and stability."""

import io
import itertools
import re
import string
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from embedding_runs import embed
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from product_length.embeddings.config import NgramOptions
from product_length.embeddings.encoder import load_encoder
from product_length.embeddings.ngrams import NgramEncoder
from product_length.errors import UserError

BASE, ALL = 0x9E3779B97F4A7C15, 2**64


def encoder(**changes: Any) -> NgramEncoder:
    return NgramEncoder("n", NgramOptions(**{"kind": "ngrams", **changes}))


def finalised(value: int, seed: int) -> int:
    value = (value + seed * BASE) % ALL
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        value = (value ^ value >> 33) * factor % ALL
    return value ^ value >> 33


def polynomial(codes: Sequence[int]) -> int:
    return sum(code * pow(BASE, place, ALL) for place, code in enumerate(codes)) % ALL


def is_word(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


def hashes(text: str, options: NgramOptions) -> Iterator[int]:
    """What one text's n-grams hash to, in order."""
    text = text.lower()
    found = list(re.finditer(r"\d+(?:\.\d+)*|[^\W\d]+", text))
    words = [finalised(polynomial([*map(ord, match.group())]), 0) for match in found]
    for start in range(len(words)):
        for length in range(1, options.word_ngrams + 1):
            if start + length > len(words):
                break
            value = words[start]
            for word in words[start + 1 : start + length]:
                value = (value * BASE + word) % ALL
            yield finalised(value, length)
    if options.char_ngrams is None:
        return
    title = text[: options.char_length]
    kept = {i for m in re.finditer(r"(?<=\d)\.(?=\d)", title) for i in range(*m.span())}
    signs = [s if is_word(s) or i in kept else " " for i, s in enumerate(title)]
    signs = [" ", *signs, " "]
    for start in range(len(signs)):
        for length in range(options.char_ngrams[0], options.char_ngrams[1] + 1):
            gram = signs[start : start + length]
            if len(gram) == length and " " not in gram[1:-1] and set(gram) != {" "}:
                codes = [0 if sign == " " else ord(sign) for sign in gram]
                yield finalised(polynomial(codes), 16 + length)


def by_hand(
    texts: Sequence[str], options: NgramOptions
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    ids = np.zeros((len(texts), options.length), dtype=np.int32)
    cut = np.zeros(len(texts), dtype=np.bool_)
    for row, text in enumerate(texts):
        found = list(dict.fromkeys(value % options.buckets + 1 for value in hashes(text, options)))
        cut[row] = len(found) > options.length
        found = found[: options.length]
        ids[row, : len(found)] = found
    return ids, cut


def assert_by_hand(texts: Sequence[str], made: NgramEncoder, options: NgramOptions) -> None:
    ids, cut = made.encode_marked(texts)
    wanted_ids, wanted_cut = by_hand(texts, options)
    np.testing.assert_array_equal(ids, wanted_ids)
    np.testing.assert_array_equal(cut, wanted_cut)
    assert ids.dtype == np.int32


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"length": 20},
        {"buckets": 16, "length": 30},
        {"word_ngrams": 1, "char_ngrams": None},
        {"word_ngrams": 4, "char_ngrams": (2, 8), "char_length": 7},
        {"buckets": 2**24 - 1, "length": 4096},
    ],
    ids=str,
)
def test_equals_a_loop_over_characters(
    product_texts: Callable[..., list[str]], changes: dict[str, Any]
) -> None:
    odd = [
        "",
        " ",
        "5.5",
        ".5.",
        "1.2.3 x",
        "a",
        "…",
        "Ünïcode ÄÖÜ 10cm",
        "a_b  c",
        "x\ny\n",
        "٣.٤",
    ]
    options = NgramOptions(**{"kind": "ngrams", **changes})
    assert_by_hand([*odd, *product_texts(40, longest=40)], encoder(**changes), options)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.sampled_from("aB9.1_ \n-é٣𝟙ß"), max_size=12) | st.text(), max_size=6),
    st.integers(1, 3),
    st.integers(1, 12),
)
def test_any_texts_equal_a_loop(texts: list[str], words: int, length: int) -> None:
    changes = {"word_ngrams": words, "length": length, "char_ngrams": (2, 4), "char_length": 5}
    options = NgramOptions(**{"kind": "ngrams", **changes})
    assert_by_hand(texts, encoder(**changes), options)


def test_ids_are_the_same_everywhere_and_for_ever() -> None:
    """Pinned: a checkpoint's vectors belong to these buckets."""
    ids = encoder(length=12).encode(["Steel Ruler 30cm", "Metro de acero, 5.5 pulgadas"])
    assert ids.tolist() == PINNED


PINNED = [
    [180261, 138744, 169301, 61554, 206403, 25131, 67964, 129051, 58005, 114362, 396, 65289],
    [179363, 164467, 114588, 9861, 175458, 20237, 45109, 134735, 111197, 107462, 118692, 70937],
]


def test_texts_do_not_see_each_other(product_texts: Callable[..., list[str]]) -> None:
    made = encoder(length=40)
    texts = [*product_texts(1500), "", "end"]  # more than are hashed at a time
    whole, cut = made.encode_marked(texts)
    for place in (0, 1, 1022, 1023, 1024, 1025, 1500, 1501):
        alone, marked = made.encode_marked([texts[place]])
        np.testing.assert_array_equal(alone[0], whole[place])
        assert marked[0] == cut[place]
    assert made.encode([]).shape == (0, 40)


def test_letters_decide_not_their_case_and_words_keep_their_numbers() -> None:
    made = encoder(char_ngrams=None)
    same = made.encode(["Red TUBE 10cm", "red tube 10cm", "red, tube: 10 cm"])
    assert (same == same[0]).all()
    differ = made.encode(["red tube", "tube red", "red tub", "redtube", "red tube tube"])
    assert len(np.unique(differ, axis=0)) == 5
    assert set(differ[0][differ[0] > 0]) & set(differ[1])  # the words, not the pair


def test_ids_spread_evenly_over_the_buckets() -> None:
    made = encoder(buckets=64, length=1, word_ngrams=1, char_ngrams=None)
    words = ["".join(signs) for signs in itertools.product(string.ascii_lowercase, repeat=3)]
    ids = made.encode(words[:6400])[:, 0]
    counts = np.bincount(ids, minlength=65)[1:]
    # χ² of 63 degrees of freedom: beyond 120 once in 20,000 draws.
    assert ((counts - 100) ** 2 / 100).sum() < 120
    assert counts.sum() == 6400


def test_state_gives_the_same_ids(product_texts: Callable[..., list[str]]) -> None:
    made = encoder(length=30, buckets=999)
    file = io.BytesIO()
    torch.save(made.state(), file)
    file.seek(0)
    again = load_encoder(torch.load(file, weights_only=True))
    np.testing.assert_array_equal(again.encode(product_texts(20)), made.encode(product_texts(20)))
    assert (again.name, again.address, again.dtype) == ("n", made.address, "int32")
    assert again.bag == made.bag
    with pytest.raises(UserError, match="ngrams encoder is held in the checkpoint"):
        load_encoder(made.state(), "/some/folder")


def test_the_address_has_what_decides_the_ids_only() -> None:
    assert encoder(dimensions=8, dropout=0.5).address == encoder().address
    for change in [{"buckets": 99}, {"length": 9}, {"word_ngrams": 1}, {"char_ngrams": None}]:
        assert encoder(**change).address != encoder().address


@pytest.mark.parametrize("pair", [(4, 3), (1, 2), (3, 9)])
def test_char_ngrams_must_be_a_range(pair: tuple[int, int]) -> None:
    with pytest.raises(ValidationError, match=r"char_ngrams must be \[shortest, longest\]"):
        encoder(char_ngrams=pair)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_catalogue_is_kept_as_ids_and_cut_texts_are_counted(
    product_texts: Callable[..., list[str]], tmp_path: Path, workers: int
) -> None:
    texts = [*product_texts(40), *product_texts(10)]  # the first ten come twice
    options = {"kind": "ngrams", "length": 60, "buckets": 5000}
    engine = {"workers": workers}
    (made,) = embed(texts, tmp_path, engine=engine, n=options)
    ids, cut = by_hand(texts, NgramOptions(**options))
    assert 0 < cut.sum() < 50
    np.testing.assert_array_equal(made.vectors, ids)
    assert made.vectors.dtype == np.int32
    assert made.truncated_share == cut.mean()
    assert (made.dimension, made.width) == (60, 64)
    again = embed(texts, tmp_path, n={**options, "dimensions": 8}, lsa={"kind": "lsa"})
    assert [each.reused for each in again] == [True, False]
    assert again[0].width == 8
    assert [each.vectors.dtype for each in again] == [np.int32, np.float16]
