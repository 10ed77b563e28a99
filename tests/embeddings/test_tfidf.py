"""TF-IDF weights against scikit-learn's, on any text."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from product_length.embeddings.tfidf import TOKEN, TfidfWeights

# Few letters, so that n-grams occur in several texts; İ grows when it is lowered, \x1c is a space.
TEXTS = st.lists(st.text("abAB 19.-_é½İß\x1c\n界", max_size=30), max_size=8)


def fitted(kind: str, shortest: int, longest: int, texts: list[str]) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer="char_wb" if kind == "char" else "word",
        ngram_range=(shortest, longest),
        token_pattern=TOKEN if kind == "word" else None,
        sublinear_tf=True,
        dtype=np.float32,
    ).fit(texts)


@settings(max_examples=100, deadline=None)
@pytest.mark.parametrize(
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
@given(known=TEXTS, texts=TEXTS)
def test_equals_scikit_learn(
    kind: str, shortest: int, longest: int, known: list[str], texts: list[str]
) -> None:
    reference = fitted(kind, shortest, longest, [*known, "ab a1 19.1 ab 界 é"])
    terms = [str(term) for term in reference.get_feature_names_out()]
    weights = TfidfWeights(kind, shortest, longest, terms, reference.idf_)
    found = weights.project(texts, np.eye(len(terms), dtype=np.float32))
    expected = reference.transform(texts).toarray() if texts else np.zeros((0, len(terms)))
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-7)


def test_without_terms_every_text_has_no_weight() -> None:
    weights = TfidfWeights("word", 1, 1, [], np.zeros(0, dtype=np.float32))
    assert not weights.project(["red tube", ""], np.zeros((0, 3), dtype=np.float32)).any()
