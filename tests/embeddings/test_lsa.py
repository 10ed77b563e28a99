"""The LSA encoder against scikit-learn by hand, its state, and catalogues too small for it."""

import io
import logging
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import Normalizer

from product_length.embeddings.config import LsaOptions
from product_length.embeddings.encoder import load_encoder
from product_length.embeddings.lsa import LsaEncoder
from product_length.errors import UserError


def options(**changes: Any) -> LsaOptions:
    return LsaOptions(**{"kind": "lsa", "dimensions": 8, **changes})


def saved_and_loaded(encoder: LsaEncoder) -> Any:
    file = io.BytesIO()
    torch.save(encoder.state(), file)
    file.seek(0)
    return load_encoder(torch.load(file, weights_only=True))


def test_equals_scikit_learn_by_hand(product_texts: Callable[..., list[str]]) -> None:
    texts = product_texts(120, longest=40)
    chosen = options(dimensions=16, char_length=20, max_features=150, min_rows=3)
    shared = {"sublinear_tf": True, "min_df": 3, "max_features": 150}
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\d+(?:\.\d+)?|[^\W\d]+", **shared)
    title = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 4), preprocessor=lambda t: t[:20].lower(), **shared
    )
    reference = make_pipeline(
        FeatureUnion([("words", words), ("title", title)]),
        TruncatedSVD(16, n_iter=10, random_state=0),
        Normalizer(),
    ).fit_transform(texts)
    vectors = LsaEncoder.fit("lsa", chosen, texts).encode(texts)
    assert vectors.dtype == np.float16
    assert vectors.shape == (120, 16)
    # The reference's directions are sharper (n_iter), those of single texts may still turn.
    np.testing.assert_allclose(vectors @ vectors.T, reference @ reference.T, atol=0.05)
    np.testing.assert_allclose(np.abs(vectors[:, :4]), np.abs(reference[:, :4]), atol=0.01)


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        (
            {"word_ngrams": 1, "word_length": 20, "char_ngrams": None},
            {"analyzer": "word", "token_pattern": r"\d+(?:\.\d+)?|[^\W\d]+"},
        ),
        (
            {"word_ngrams": None, "char_ngrams": (2, 3), "char_length": 20},
            {"analyzer": "char_wb", "ngram_range": (2, 3)},
        ),
    ],
    ids=["words of the title", "characters of the title"],
)
def test_one_kind_alone_equals_scikit_learn_by_hand(
    product_texts: Callable[..., list[str]], changes: dict[str, Any], counted: dict[str, Any]
) -> None:
    texts = product_texts(120, longest=40)
    chosen = options(dimensions=16, max_features=150, min_rows=3, **changes)
    reference = make_pipeline(
        TfidfVectorizer(
            preprocessor=lambda text: text[:20].lower(),
            **{"sublinear_tf": True, "min_df": 3, "max_features": 150, **counted},
        ),
        TruncatedSVD(16, n_iter=10, random_state=0),
        Normalizer(),
    ).fit_transform(texts)
    encoder = LsaEncoder.fit("lsa", chosen, texts)
    vectors = encoder.encode(texts)
    # The reference's directions are sharper (n_iter), those of single texts may still turn.
    assert np.abs(vectors @ vectors.T - reference @ reference.T).mean() < 0.01
    np.testing.assert_allclose(np.abs(vectors[:, :2]), np.abs(reference[:, :2]), atol=0.03)
    np.testing.assert_array_equal(saved_and_loaded(encoder).encode(texts), vectors)


def test_nothing_to_count_is_reported() -> None:
    with pytest.raises(ValidationError, match="word_ngrams and char_ngrams are both null"):
        options(word_ngrams=None, char_ngrams=None)


def test_numbers_and_units_are_words_of_their_own(product_texts: Callable[..., list[str]]) -> None:
    encoder = LsaEncoder.fit("lsa", options(min_rows=1), ["Tube 10cm x 5.5", "5 mm"])
    words = encoder.state()["vocabularies"]["word"]
    assert {"10", "cm", "x", "5.5", "5", "mm", "10 cm", "tube 10"} <= set(words)


def test_rows_keep_their_order_whatever_the_batch(product_texts: Callable[..., list[str]]) -> None:
    texts = product_texts(60)
    encoder = LsaEncoder.fit("lsa", options(), texts)
    whole = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    np.testing.assert_array_equal(whole, alone)
    assert len(np.unique(whole, axis=0)) > 50
    np.testing.assert_array_equal(encoder.encode(texts[::-1]), whole[::-1])


def test_state_gives_the_same_vectors_to_the_bit(product_texts: Callable[..., list[str]]) -> None:
    encoder = LsaEncoder.fit("lsa", options(), product_texts(60), training_texts="abc")
    again = saved_and_loaded(encoder)
    others = [*product_texts(40, seed=9), "", "zzz", "Ünïcode 10 cm"]
    np.testing.assert_array_equal(again.encode(others), encoder.encode(others))
    assert again.address == encoder.address
    assert again.dimension == encoder.dimension == 8
    assert again.name == "lsa"


def test_the_address_depends_on_what_was_fitted(product_texts: Callable[..., list[str]]) -> None:
    one = LsaEncoder.fit("lsa", options(), product_texts(60))
    same = LsaEncoder.fit("lsa", options(), product_texts(60))
    other = LsaEncoder.fit("lsa", options(), product_texts(60, seed=1))
    assert one.address == same.address
    assert one.address["fit"] != other.address["fit"]


@pytest.mark.parametrize(
    ("texts", "changes", "directions"),
    [
        (["red tube"], {}, 1),
        (["red tube", "red tube", "red tube"], {}, 1),
        (["red tube", "blue lamp", "green box"], {}, 3),
        (["red tube", "", "  "], {"min_rows": 2}, 1),
        (["a", "b"], {"char_ngrams": None}, 2),
        (["", " ", "\n"], {}, 0),
        (["…", "!!"], {"char_ngrams": None}, 0),
        ([], {}, 0),
    ],
    ids=[
        "one row",
        "all equal",
        "few rows",
        "one text",
        "one letter",
        "all empty",
        "signs",
        "none",
    ],
)
def test_columns_beyond_the_texts_directions_are_zero(
    texts: list[str], changes: dict[str, Any], directions: int
) -> None:
    encoder = LsaEncoder.fit("lsa", options(**changes), texts)
    vectors = encoder.encode([*texts, "unheard of", ""])
    assert vectors.shape == (len(texts) + 2, 8)
    assert np.isfinite(vectors).all()
    assert np.linalg.matrix_rank(vectors.astype(np.float64), tol=1e-2) == directions
    assert not vectors[:, directions:].any()
    assert not vectors[-1].any()
    np.testing.assert_array_equal(saved_and_loaded(encoder).encode(texts), vectors[:-2])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=8))
def test_any_text_gives_a_unit_or_zero_vector(texts: list[str]) -> None:
    encoder = LsaEncoder.fit("lsa", options(min_rows=1, dimensions=4), texts)
    norms = np.linalg.norm(encoder.encode(texts).astype(np.float64), axis=1)
    assert np.all((np.abs(norms - 1) < 2e-3) | (norms == 0))
    # A text that was fitted on and has a word is never lost.
    known = [any(sign.isalpha() and sign.isascii() for sign in text) for text in texts]
    if sum(known) == 1:
        assert norms[known.index(True)] > 0.9


@pytest.mark.parametrize("pair", [(4, 3), (0, 2), (3, 9)])
def test_char_ngrams_must_be_a_range(pair: tuple[int, int]) -> None:
    with pytest.raises(ValidationError, match=r"char_ngrams must be \[shortest, longest\]"):
        options(char_ngrams=pair)


def test_a_model_folder_is_refused(product_texts: Callable[..., list[str]]) -> None:
    state = LsaEncoder.fit("words", options(), product_texts(9)).state()
    with pytest.raises(UserError) as caught:
        load_encoder(state, "/some/folder")
    assert str(caught.value) == (
        "embeddings.encoders.words: an lsa encoder is held in the checkpoint and takes no model "
        "folder; leave it out"
    )


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UserError, match="'x' is of kind 'hash', which this version does not know"):
        load_encoder({"kind": "hash", "name": "x"})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_fitting_shows_what_it_does(
    product_texts: Callable[..., list[str]],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with caplog.at_level(logging.INFO, logger="product_length"):
        LsaEncoder.fit("mine", options(), product_texts(1200))
    said = [re.sub(r"\d+\.\d s", "N s", record.getMessage()) for record in caplog.records]
    patterns = [
        "mine: counting words, 1,200 texts …",
        "mine: counting words: N s",
        r"mine: [\d,]+ words kept",
        "mine: weighing words, 1,200 texts …",
        "mine: weighing words: N s",
        "mine: counting character n-grams, 1,200 texts …",
        "mine: counting character n-grams: N s",
        r"mine: [\d,]+ character n-grams kept",
        "mine: weighing character n-grams, 1,200 texts …",
        "mine: weighing character n-grams: N s",
        r"mine: singular value decomposition of 1,200 × [\d,]+, 10 products …",
        r"mine: singular value decomposition of 1,200 × [\d,]+: N s",
    ]
    assert len(said) == len(patterns)
    assert all(re.fullmatch(*pair) for pair in zip(patterns, said, strict=True)), said
    assert "mine: counting words:   0%|" in terminal.getvalue()
    assert " 0/1200 [" in terminal.getvalue()
