"""Types beside texts in a search: cosines against NumPy by hand, training rows only, state."""

import numpy as np
import pyarrow as pa
import pytest

from product_length.features.neighbours.type_directions import TypeDirections
from product_length.search.vectors import SideBySide

TYPES = ["a", "b", "a", "c", "b", "c", "a", "", "b", "", "c", "a"]
TRAIN = np.array([0, 1, 2, 3, 4, 5, 7, 8])


@pytest.fixture
def vectors():
    found = np.random.default_rng(3).normal(size=(len(TYPES), 6)).astype(np.float16) * 5
    found[4] = 0
    return found


def unit(rows):
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


def by_hand(vectors, weight, rows, types):
    """Of each pair, (cosine of texts + weight² * cosine of types) / (1 + weight²)."""
    texts = unit(vectors.astype(float))
    centre = texts[TRAIN].mean(axis=0)
    means = {}
    for name in "abc":
        of_type = [row for row in TRAIN if TYPES[row] == name]
        means[name] = unit(texts[of_type].mean(axis=0) - centre)
    _, _, axes = np.linalg.svd(np.stack(list(means.values())), full_matrices=False)

    def part(row, name):
        if name == "":
            return np.zeros(len(axes))
        found = means[name] if name in means else texts[row] - centre
        return unit(axes @ found)

    parts = np.stack([part(row, name) for row, name in zip(rows, types, strict=True)])
    texts = texts[rows]
    return (texts @ texts.T + weight**2 * parts @ parts.T) / (1 + weight**2)


@pytest.mark.parametrize("weight", [0.5, 1, 2])
def test_a_cosine_is_that_of_texts_and_types(vectors, weight):
    directions = TypeDirections.fit(vectors, TRAIN, TYPES, weight)
    types = [*TYPES[:9], "", "unseen", "new"]
    rows = np.arange(12)
    both = directions.beside(vectors, types)
    assert both.shape == (12, 9)
    assert len(both) == 12
    assert both.dtype == both[:].dtype == np.float16
    found = both[:].astype(float) / np.sqrt(1 + weight**2)
    np.testing.assert_allclose(found @ found.T, by_hand(vectors, weight, rows, types), atol=3e-3)


def test_only_training_rows_are_looked_at(vectors):
    wanted = TypeDirections.fit(vectors, TRAIN, TYPES, 1).beside(vectors, TYPES)[TRAIN]
    others = np.setdiff1d(np.arange(12), TRAIN)
    changed, types = vectors.copy(), np.array(TYPES, object)
    changed[others], types[others] = np.nan, "other"
    found = TypeDirections.fit(changed, TRAIN, types, 1)
    assert sorted(found.vocabulary.names) == ["a", "b", "c"]
    np.testing.assert_array_equal(found.beside(changed, types)[TRAIN], wanted)


def test_rows_are_read_in_parts_and_in_any_order(vectors, monkeypatch):
    whole = TypeDirections.fit(vectors, TRAIN, TYPES, 1).beside(vectors, TYPES)[:]
    monkeypatch.setattr("product_length.search.vectors.BLOCK_ROWS", 5)
    monkeypatch.setattr("product_length.features.neighbours.type_directions.BLOCK_ROWS", 5)
    again = TypeDirections.fit(vectors, TRAIN, pa.chunked_array([TYPES]), 1)
    both = again.beside(SideBySide([vectors]), TYPES)
    np.testing.assert_allclose(np.abs(both[:].astype(float)), np.abs(whole), atol=2e-3)
    np.testing.assert_array_equal(both[3:99], both[:][3:])
    chosen = np.array([7, 11, 7, 0])
    np.testing.assert_array_equal(both[chosen], both[:][chosen])
    assert both[chosen[:0]].shape == (0, 9)


@pytest.mark.parametrize("names", [["a"] * 12, [""] * 12])
def test_types_that_tell_nothing_change_nothing(vectors, names):
    directions = TypeDirections.fit(vectors, TRAIN, names, 1)
    found = directions.beside(vectors, names)[:].astype(float)
    np.testing.assert_allclose(found[:, :6], unit(vectors.astype(float)), atol=1e-3)
    assert (found[:, 6:] == 0).all()


def test_types_must_match_the_vectors(vectors):
    directions = TypeDirections.fit(vectors, TRAIN, TYPES, 1)
    with pytest.raises(ValueError, match="11 types for 12 vectors"):
        directions.beside(vectors, TYPES[1:])
