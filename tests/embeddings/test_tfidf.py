"""TF-IDF weights and vocabularies against scikit-learn's, on any text."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from product_length.embeddings.tfidf import TfidfWeights
from product_length.embeddings.vocabulary import fit_weights
from product_length.embeddings.words import TOKEN

# Few letters, so that n-grams occur in several texts; İ grows when it is lowered, \x1c is a space,
# a surrogate alone cannot be encoded, and 😀 is beyond 16 bits.
SIGNS = "abAB 19.-_é½İßΣ\x1c\n界٣😀\ud800"
TEXTS = st.lists(st.text(SIGNS, max_size=30), max_size=8)
NUMBERS = st.lists(st.text("19.a ", max_size=12), min_size=5, max_size=8)
KINDS = pytest.mark.parametrize(
    ("kind", "shortest", "longest"),
    [
        ("word", 1, 1),
        ("word", 1, 2),
        ("word", 1, 4),
        ("char", 1, 1),
        ("char", 3, 4),
        ("char", 2, 8),
    ],
)


def vectorizer(kind: str, shortest: int, longest: int, **changes: int) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer="char_wb" if kind == "char" else "word",
        ngram_range=(shortest, longest),
        token_pattern=TOKEN if kind == "word" else None,
        sublinear_tf=True,
        dtype=np.float32,
        **changes,
    )


def settings_of(reference: TfidfVectorizer) -> dict[str, Any]:
    return {key: getattr(reference, key) for key in ("analyzer", "ngram_range", "token_pattern")}


@settings(max_examples=100, deadline=None)
@KINDS
# Few texts and many take different ways.
@pytest.mark.parametrize("copies", [1, 5])
@given(known=TEXTS, texts=TEXTS | NUMBERS)
def test_equals_scikit_learn(
    kind: str, shortest: int, longest: int, copies: int, known: list[str], texts: list[str]
) -> None:
    reference = vectorizer(kind, shortest, longest).fit([*known, "ab a1 19.1 ab 界 é 😀"])
    terms = [str(term) for term in reference.get_feature_names_out()]
    weights = TfidfWeights(kind, shortest, longest, terms, reference.idf_)
    asked = texts * copies
    found = weights.project(asked, np.eye(len(terms), dtype=np.float32))
    expected = reference.transform(asked).toarray() if texts else np.zeros((0, len(terms)))
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-7)


@settings(max_examples=100, deadline=None)
@KINDS
@given(texts=TEXTS, min_rows=st.integers(1, 3), max_features=st.integers(1, 40))
def test_fits_what_scikit_learn_fits(
    kind: str, shortest: int, longest: int, texts: list[str], min_rows: int, max_features: int
) -> None:
    texts = [*texts, "ab 19.1 ab b 界"]  # one n-gram at least
    least = min(min_rows, len(texts))
    reference = vectorizer(kind, shortest, longest, min_df=least, max_features=max_features)
    seen = CountVectorizer(**settings_of(reference), binary=True).fit_transform(texts)
    if seen.sum(axis=0).max() < least:
        reference.set_params(min_df=1)  # no n-gram is in so many texts: then those in one
    reference.fit(texts)
    fitted = fit_weights(
        "counting", kind, shortest, longest, texts, min_rows=min_rows, max_features=max_features
    )
    assert fitted is not None
    assert fitted.terms == [str(term) for term in reference.get_feature_names_out()]
    assert fitted.idf.dtype == np.float32
    np.testing.assert_array_equal(fitted.idf, reference.idf_)


@pytest.mark.parametrize("kind", ["word", "char"])
def test_blocks_of_texts_are_counted_together(kind: str) -> None:
    rng = np.random.default_rng(0)
    texts = [" ".join(map(str, rng.zipf(1.3, 6) % 500)) + " x" for _ in range(3000)]
    reference = vectorizer(kind, 1, 2, min_df=2, max_features=300).fit(texts)
    fitted = fit_weights("counting", kind, 1, 2, texts, min_rows=2, max_features=300)
    assert fitted is not None
    assert fitted.terms == [str(term) for term in reference.get_feature_names_out()]
    np.testing.assert_array_equal(fitted.idf, reference.idf_)
    found = fitted.project(texts, np.eye(len(fitted.terms), dtype=np.float32))
    np.testing.assert_allclose(found, reference.transform(texts).toarray(), rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("kind", ["word", "char"])
@pytest.mark.parametrize("texts", [[], ["", " "]])
def test_texts_without_an_n_gram_give_no_weights(kind: str, texts: list[str]) -> None:
    assert fit_weights("counting", kind, 1, 2, texts, min_rows=2, max_features=9) is None


@pytest.mark.parametrize("copies", [1, 9])
def test_without_terms_every_text_has_no_weight(copies: int) -> None:
    weights = TfidfWeights("word", 1, 1, [], np.zeros(0, dtype=np.float32))
    assert not weights.project(["red tube", ""] * copies, np.zeros((0, 3), dtype=np.float32)).any()
