"""Numbers about neighbours by hand, without leaks, and the feature that keeps what it searched."""

from dataclasses import replace

import numpy as np
import pytest
from builders import products_of

from product_length.artefacts import ArtefactStore
from product_length.features.feature import Training
from product_length.features.neighbours.columns import (
    feature_names,
    neighbour_features,
    similarity_weights,
)
from product_length.features.neighbours.config import NeighboursOptions
from product_length.features.neighbours.index import NeighbourIndex, Neighbours

RNG = np.random.default_rng


def index_of(lengths, types):
    n = len(lengths)
    return NeighbourIndex.build(
        np.eye(n, dtype=np.float16),
        np.arange(n),
        np.array(lengths, np.float32),
        types,
        np.arange(n, dtype=np.uint64),
    )


def by_name(features, k):
    assert features.dtype == np.float32
    assert features.shape[1] == len(feature_names(k)) == 3 * k + 17
    return dict(zip(feature_names(k), features.T, strict=True))


def test_by_hand():
    index = index_of([100, 10, 400, 50], ["a", "b", "a", ""])
    neighbours = Neighbours(np.array([[0, 1, 2]]), np.array([[0.9, 0.8, 0.8]], np.float32))
    got = by_name(neighbour_features(neighbours, index, ["a"]), 3)
    logs = np.log([100, 10, 400])
    weights = np.exp([0, -1, -1])
    for place in range(3):
        assert got[f"log_length_{place + 1}"] == pytest.approx(logs[place])
        assert got[f"similarity_{place + 1}"] == pytest.approx([0.9, 0.8, 0.8][place])
        assert got[f"same_type_{place + 1}"] == [1, 0, 1][place]
    mean = np.average(logs, weights=weights)
    same = weights * [1, 0, 1]
    same_mean = np.average(logs, weights=same)
    expected = {
        "found_share": 1,
        "similarity_mean": 2.5 / 3,
        "similarity_max": 0.9,
        "log_density": np.log(np.exp([-1, -2, -2]).mean()),
        "same_type_share": 2 / 3,
        "log_length_mean": mean,
        "log_length_deviation": np.average((logs - mean) ** 2, weights=weights) ** 0.5,
        "log_length_min": np.log(10),
        "log_length_max": np.log(400),
        "log_length_median": np.log(100),
        # Weights 1/100, e^-1/10, e^-1/400: more than half lies on 10.
        "log_length_mape_median": np.log(10),
        "same_type_log_length_mean": same_mean,
        "same_type_log_length_deviation": np.average((logs - same_mean) ** 2, weights=same) ** 0.5,
        "same_type_log_length_min": np.log(100),
        "same_type_log_length_max": np.log(400),
        "same_type_log_length_median": np.log(100),
        "same_type_log_length_mape_median": np.log(100),
    }
    assert list(expected) == feature_names(3)[9:]
    for name, value in expected.items():
        assert got[name] == pytest.approx(value, rel=1e-5), name


def test_what_is_missing_is_neutral():
    index = index_of([100, 10], ["a", ""])
    neighbours = Neighbours(
        np.array([[1, -1], [-1, -1], [1, -1]]), np.array([[0.5, 0], [0, 0], [0.5, 0]], np.float32)
    )
    got = by_name(neighbour_features(neighbours, index, ["a", "a", ""]), 2)
    neutral = np.log([100, 10]).mean()
    assert got["found_share"].tolist() == [0.5, 0, 0.5]
    assert got["log_length_2"] == pytest.approx([neutral] * 3)
    assert got["log_length_mean"] == pytest.approx([np.log(10), neutral, np.log(10)])
    assert got["log_length_deviation"].tolist() == [0, 0, 0]
    assert got["similarity_max"].tolist() == [0.5, 0, 0.5]
    # None of the same type (the empty type is like no other): the statistics over all.
    assert got["same_type_share"].tolist() == [0, 0, 0]
    for name in ("mean", "min", "max", "median", "mape_median"):
        of_type, of_all = got[f"same_type_log_length_{name}"], got[f"log_length_{name}"]
        np.testing.assert_array_equal(of_type, of_all)
    # No neighbour weighs more than another's absence: weights of missing ones are 0.
    assert similarity_weights(neighbours).tolist() == [[1, 0], [0, 0], [1, 0]]


def test_two_rare_types_are_not_the_same_type():
    index = index_of([100, 10], ["rare", "other"])
    neighbours = Neighbours(np.array([[0, 1]] * 3), np.ones((3, 2), np.float32))
    got = by_name(neighbour_features(neighbours, index, ["rare", "other", "unseen"]), 2)
    assert got["same_type_1"].tolist() == [1, 0, 0]
    assert got["same_type_2"].tolist() == [0, 1, 0]


def test_types_must_match_the_queries():
    index = index_of([100, 10], ["a", "b"])
    neighbours = Neighbours(np.array([[0, 1]] * 3), np.ones((3, 2), np.float32))
    with pytest.raises(ValueError, match="1 types for 3 queries"):
        neighbour_features(neighbours, index, ["a"])
    with pytest.raises(ValueError, match="must be"):
        Neighbours(np.zeros((2, 3), int), np.zeros((2, 2), np.float32))


@pytest.fixture
def rows():
    """Rows of a small catalogue with twins, rare and empty types, extreme lengths."""
    rng = RNG(7)
    n = 160
    vectors = rng.normal(size=(n, 8)).astype(np.float16)
    groups = np.arange(n, dtype=np.uint64)
    train = np.sort(rng.choice(n, 120, replace=False))
    twins = train[:30]
    vectors[twins], groups[twins] = vectors[train[40]], groups[train[40]]
    vectors[-1] = 0
    lengths = np.geomspace(1e-3, 2e9, n).astype(np.float32)
    return {
        "vectors": {"text": vectors},
        "train": train,
        "lengths": rng.permutation(lengths),
        "types": rng.choice(["a", "b", "", "c"], n).tolist(),
        "groups": groups,
    }


def fitted(rows, tmp_path, k=6, type_weight=0.0, embedding=None, **changed):
    """The feature, its column, and the products."""
    of = {**rows, **changed}
    products = replace(products_of(["x"] * 160, of["types"]), text_keys=of["groups"])
    training = Training(
        products=products,
        rows=of["train"],
        lengths=of["lengths"][of["train"]],
        columns={name: each.astype(np.float16) for name, each in of["vectors"].items()},
        addresses={name: {"encoder": name} for name in of["vectors"]},
        store=ArtefactStore(tmp_path / "cache"),
    )
    return *NeighboursOptions(k=k, type_weight=type_weight, embedding=embedding).fit(
        training
    ), products


def test_the_column_is_finite_and_that_of_training_rows_is_standardised(rows, tmp_path):
    feature, column, _ = fitted(rows, tmp_path)
    assert column.shape == (160, len(feature_names(6)))
    assert column.dtype == np.float32
    assert np.isfinite(column).all()
    train = column[rows["train"]].astype(float)
    np.testing.assert_allclose(feature.scaler.mean, train.mean(axis=0))
    # Six neighbours are found for every row, so that one number, and no other, is constant.
    constant = train.std(axis=0) < 1e-3
    assert np.array(feature_names(6))[constant].tolist() == ["found_share"]
    np.testing.assert_allclose(feature.scaler.deviation, np.where(constant, 1, train.std(axis=0)))


def test_more_neighbours_than_rows(rows, tmp_path, caplog):
    caplog.set_level("INFO")
    feature, column, _ = fitted(rows, tmp_path, k=150)
    said = (
        "neighbours: features.neighbours.k=150 is not below the 120 training rows; places stay "
        "empty"
    )
    assert said in caplog.messages
    assert np.isfinite(column).all()
    twin, single = rows["train"][0], rows["train"][-1]
    assert (feature.found.rows[twin] >= 0).sum() == 120 - 31
    assert (feature.found.rows[single] >= 0).sum() == 120 - 1


def test_a_training_row_sees_neither_its_own_length_nor_its_twins(rows, tmp_path):
    feature, before, _ = fitted(rows, tmp_path)
    train, groups = rows["train"], rows["groups"]
    changed = 0
    for row in train:
        family = np.flatnonzero(groups == groups[row])
        feature.index.lengths = np.where(groups[train] == groups[row], 777, rows["lengths"][train])
        after = neighbour_features(feature.found, feature.index, rows["types"])
        np.testing.assert_array_equal(after[family], before[family])
        changed += (after != before).any(axis=1).sum()
    assert changed > len(train)  # the others do see it


def test_only_what_decides_the_search_makes_it_search_again(rows, tmp_path, monkeypatch):
    searched = []
    real = NeighbourIndex.search

    def counting(self, queries, *args, **kwargs):
        searched.append(len(queries))
        return real(self, queries, *args, **kwargs)

    monkeypatch.setattr(NeighbourIndex, "search", counting)
    first, _, _ = fitted(rows, tmp_path)
    assert searched == [160]
    again, _, _ = fitted(rows, tmp_path, lengths=rows["lengths"] * 2, types=["z"] * 160)
    assert searched == [160]
    np.testing.assert_array_equal(again.found.rows, first.found.rows)
    np.testing.assert_array_equal(again.found.similarity, first.found.similarity)
    assert not np.array_equal(again.index.lengths, first.index.lengths)
    fitted(rows, tmp_path, k=5)
    fitted(rows, tmp_path, train=rows["train"][1:])
    fitted(rows, tmp_path, groups=np.arange(160, dtype=np.uint64))
    assert searched == [160] * 4


def test_types_that_weigh_make_it_search_again(rows, tmp_path):
    by_text, by_both, as_before = (
        fitted(rows, tmp_path, type_weight=weight)[0] for weight in (0, 2, 0)
    )
    same = feature_names(6).index("same_type_share")
    shares = [feature.scaler.mean[same] for feature in (by_text, by_both, as_before)]
    assert shares[0] == shares[2] < shares[1]
    # Other types of the same texts: other neighbours, and not those that were kept.
    others, _, _ = fitted(rows, tmp_path, type_weight=2, types=np.roll(rows["types"], 1).tolist())
    assert not np.array_equal(others.found.rows, by_both.found.rows)
    assert others.scaler.mean[same] > shares[0]


def test_several_encoders_count_by_their_mean_cosine(rows, tmp_path):
    vectors = {name: RNG(seed).normal(size=(160, 5)) for seed, name in enumerate("ab")}
    groups = np.arange(160, dtype=np.uint64)
    feature, _, _ = fitted(rows, tmp_path, 3, embedding=["a", "b"], vectors=vectors, groups=groups)
    units = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in vectors.values()]
    cosines = sum(unit @ unit[rows["train"]].T for unit in units) / 2
    cosines[rows["train"], np.arange(120)] = -1
    wanted = np.sort(cosines, axis=1)[:, :-4:-1]
    np.testing.assert_allclose(feature.found.similarity, wanted, atol=2e-3)
