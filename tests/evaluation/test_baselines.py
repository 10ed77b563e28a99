"""Baselines by hand, and blind to the lengths of the rows they predict."""

import numpy as np
import pytest

from product_length.evaluation.baselines import fit_baselines
from product_length.evaluation.tfidf_ridge import best_scale
from product_length.features.neighbours.index import NeighbourIndex, Neighbours

NAMES = ["constant", "type_median", "neighbour_median", "tfidf_ridge"]


@pytest.fixture
def catalogue():
    """Lengths that the words give away: a chain is ten times a ring, `large` doubles it."""
    rng = np.random.default_rng(0)
    n = 400
    kind = rng.integers(0, 2, n)
    large = rng.integers(0, 2, n)
    words = [
        f"{'chain necklace' if a else 'finger ring'} {'large' if b else 'small'} n{i}"
        for i, (a, b) in enumerate(zip(kind, large, strict=True))
    ]
    lengths = 50.0 * 10**kind * 2**large * rng.lognormal(0, 0.02, n)
    train = np.sort(rng.choice(n, 300, replace=False))
    vectors = np.stack([kind + 0.1, large + 0.1, np.ones(n)], axis=1).astype(np.float16)
    types = [f"{'chain' if a else 'ring'}" for a in kind]
    groups = np.arange(n, dtype=np.uint64)
    index = NeighbourIndex.build(vectors, train, lengths.astype(np.float32), types, groups)
    return {
        "texts": lambda rows: [words[row] for row in rows],
        "types": types,
        "lengths": lengths.astype(np.float32),
        "groups": groups,
        "train_rows": train,
        "neighbours": index.search(vectors, 5, exclude_rows=np.arange(n)),
        "seed": 0,
    }


def outside(catalogue):
    return np.setdiff1d(np.arange(len(catalogue["lengths"])), catalogue["train_rows"])


def mape(catalogue, rows, predictions):
    return np.mean(np.abs(predictions - catalogue["lengths"][rows]) / catalogue["lengths"][rows])


def test_each_baseline_learns_what_it_can(catalogue):
    rows = outside(catalogue)
    fitted = fit_baselines(**catalogue)
    assert fitted.left_out == {}
    predictions = fitted.predict(rows)
    assert list(predictions) == NAMES
    errors = {}
    for name, lengths in predictions.items():
        assert lengths.shape == rows.shape
        assert lengths.dtype == np.float64
        errors[name] = mape(catalogue, rows, lengths)
    # The type explains 1:10, and half of the products are twice as long as the other half.
    assert errors["constant"] > 0.45
    assert 0.2 < errors["type_median"] < 0.55
    assert errors["neighbour_median"] < 0.04
    assert errors["tfidf_ridge"] < 0.2


def test_blind_to_the_lengths_of_rows_outside_training(catalogue):
    rows = outside(catalogue)
    before = fit_baselines(**catalogue).predict(rows)
    catalogue["lengths"] = catalogue["lengths"].copy()
    catalogue["lengths"][rows] = np.nan
    after = fit_baselines(**catalogue).predict(rows)
    assert list(after) == NAMES
    for name in NAMES:
        np.testing.assert_array_equal(after[name], before[name], err_msg=name)


def test_by_hand():
    lengths = np.array([10, 20, 40, 1000, 1000, 1000, 7, 9], np.float32)
    fitted = fit_baselines(
        texts=lambda rows: ["word word"] * len(rows),
        types=["a", "a", "a", "b", "b", "", "a", "new"],
        lengths=lengths,
        groups=np.arange(8, dtype=np.uint64),
        train_rows=np.arange(6),
        neighbours=Neighbours(
            np.array([[-1, -1, -1]] * 6 + [[2, 1, 3], [-1, -1, -1]]),
            np.array([[0, 0, 0]] * 6 + [[0.9, 0.8, 0.8], [0, 0, 0]], np.float32),
        ),
        seed=0,
        min_type_rows=3,
    )
    got = fitted.predict(np.array([6, 7, 3, 5]))
    # 1/10 + 1/20 + 1/40 + 3/1000 = 0.178; 0.1 is more than half of it.
    assert got["constant"].tolist() == [10, 10, 10, 10]
    # "a": 0.1 of 0.175. "b" has two rows, "new" none, "" is no type: the constant.
    assert got["type_median"].tolist() == [10, 10, 10, 10]
    # 1/40, e^-1/20, e^-1/1000: more than half lies on 40 (were they equally similar, on 20).
    # Without neighbours: the constant.
    assert got["neighbour_median"].tolist() == [40, 10, 10, 10]
    # One word says nothing: a constant, scaled by the held-out folds.
    assert len(set(got["tfidf_ridge"].round(6))) == 1


def test_types_that_are_frequent_enough_have_their_own_median():
    lengths = np.array([1, 100, 100, 100, 500, 500], np.float32)
    for min_rows, of_b in ((2, 500), (3, 1)):
        fitted = fit_baselines(
            texts=lambda rows: ["word word"] * len(rows),
            types=["", "a", "a", "a", "b", "b"],
            lengths=lengths,
            groups=np.arange(6, dtype=np.uint64),
            train_rows=np.arange(6),
            neighbours=None,
            seed=0,
            min_type_rows=min_rows,
        )
        assert fitted.predict(np.arange(6))["type_median"].tolist() == [1, *[100] * 3, of_b, of_b]


def test_left_out_by_name_with_the_reason(catalogue):
    catalogue["neighbours"] = None
    catalogue["texts"] = lambda rows: [""] * len(rows)
    fitted = fit_baselines(**catalogue)
    assert list(fitted.predictors) == ["constant", "type_median"]
    assert "features=knn" in fitted.left_out["neighbour_median"]
    assert "no words" in fitted.left_out["tfidf_ridge"]


def test_the_scale_needs_three_different_texts(catalogue):
    catalogue["groups"] = catalogue["groups"] % 2
    assert "only 2" in fit_baselines(**catalogue).left_out["tfidf_ridge"]


@pytest.mark.parametrize("copies", [1, 3])
def test_the_scale_is_taken_from_held_out_texts(copies):
    """Random labels and unlearnable texts: what fits in sample would give a scale near 1.

    So would folds that part copies of a text.
    """
    rng = np.random.default_rng(1)
    texts = [" ".join(f"w{word}" for word in rng.integers(0, 150, 40)) for _ in range(300)]
    words = texts * copies
    lengths = np.tile(rng.lognormal(6, 1, 300).astype(np.float32), copies)
    n = len(words)
    got = fit_baselines(
        texts=lambda rows: [words[row] for row in rows],
        types=["t"] * n,
        lengths=lengths,
        groups=np.arange(n, dtype=np.uint64) % 300,
        train_rows=np.arange(n),
        neighbours=None,
        seed=0,
    ).predict(np.arange(n))["tfidf_ridge"]
    # The best constant is exp(6 - 1) for this distribution, a factor e below its median.
    assert np.median(got) / np.exp(6) == pytest.approx(np.exp(-1), rel=0.35)


def test_the_scale_minimises_mape():
    rng = np.random.default_rng(2)
    lengths, predictions = rng.lognormal(0, 2, (2, 50))
    best = best_scale(lengths, predictions)

    def cost(scale):
        return np.mean(np.abs(lengths - scale * predictions) / lengths)

    assert all(cost(best) <= cost(scale) + 1e-12 for scale in lengths / predictions)
    assert cost(best) < cost(1.0)


def test_finite_and_positive_on_extreme_lengths(catalogue):
    catalogue["lengths"] = np.geomspace(1e-3, 2e9, 400).astype(np.float32)
    for lengths in fit_baselines(**catalogue).predict(np.arange(400)).values():
        assert np.isfinite(lengths).all()
        assert (lengths > 0).all()


def test_the_sample_for_the_ridge_is_seeded(catalogue):
    rows = outside(catalogue)
    first, same, other = (
        fit_baselines(**{**catalogue, "seed": seed}, max_text_rows=90).predict(rows)["tfidf_ridge"]
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_no_row_asked(catalogue):
    for lengths in fit_baselines(**catalogue).predict(np.zeros(0, np.int64)).values():
        assert lengths.shape == (0,)


def test_refuses_what_does_not_fit(catalogue):
    with pytest.raises(ValueError, match="must cover the same rows"):
        fit_baselines(**{**catalogue, "types": ["a"]})
    with pytest.raises(ValueError, match="neighbours of 2 rows"):
        fit_baselines(**{**catalogue, "neighbours": catalogue["neighbours"][:2]})
    with pytest.raises(ValueError, match="no training rows"):
        fit_baselines(**{**catalogue, "train_rows": np.zeros(0, np.int64)})
