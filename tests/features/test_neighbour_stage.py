"""Neighbour features by hand, without leaks, and the stage that keeps what it searched."""

import io
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from product_length.artefacts import ArtefactStore
from product_length.features.config import KnnOptions
from product_length.features.neighbour_features import (
    NeighbourScaler,
    feature_names,
    neighbour_features,
    similarity_weights,
)
from product_length.features.neighbours import NeighbourIndex, Neighbours
from product_length.features.stage import NeighbourLookup, neighbour_stage

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
    logs = np.log1p([100, 10, 400])
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
        "log_length_min": np.log1p(10),
        "log_length_max": np.log1p(400),
        "log_length_median": np.log1p(100),
        # Weights 1/100, e^-1/10, e^-1/400: more than half lies on 10.
        "log_length_mape_median": np.log1p(10),
        "same_type_log_length_mean": same_mean,
        "same_type_log_length_deviation": np.average((logs - same_mean) ** 2, weights=same) ** 0.5,
        "same_type_log_length_min": np.log1p(100),
        "same_type_log_length_max": np.log1p(400),
        "same_type_log_length_median": np.log1p(100),
        "same_type_log_length_mape_median": np.log1p(100),
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
    neutral = np.log1p([100, 10]).mean()
    assert got["found_share"].tolist() == [0.5, 0, 0.5]
    assert got["log_length_2"] == pytest.approx([neutral] * 3)
    assert got["log_length_mean"] == pytest.approx([np.log1p(10), neutral, np.log1p(10)])
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


def test_scaler_takes_mean_and_deviation_of_training_rows():
    features = RNG(0).normal(3, 5, (40, 3)).astype(np.float32)
    features[:, 2] = 7
    train = np.arange(0, 40, 2)
    scaler = NeighbourScaler.fit(features, train)
    features[1::2] = 1e6
    scaled = NeighbourScaler.from_state(scaler.state()).standardise(features)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled[train].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled[train].std(axis=0), [1, 1, 0], atol=1e-6)
    with pytest.raises(ValueError, match="no training rows"):
        NeighbourScaler.fit(features, train[:0])


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
    types = pa.chunked_array([rng.choice(["a", "b", "", "c"], n), pa.array([], pa.string())])
    return {
        "vectors": vectors,
        "train_rows": train,
        "lengths": rng.permutation(lengths),
        "types": types,
        "groups": groups,
    }


def run(rows, tmp_path, k=6, type_weight=0.0, **changed):
    store = ArtefactStore(tmp_path / "cache")
    options = KnnOptions(k=k, type_weight=type_weight)
    return neighbour_stage(
        **{**rows, **changed}, options=options, store=store, made_from={"encoder": "test"}
    )


def test_block_is_finite_and_standardised(rows, tmp_path):
    made = run(rows, tmp_path)
    assert made.block.shape == (160, len(feature_names(6)))
    assert made.block.dtype == np.float32
    assert np.isfinite(made.block).all()
    train = made.block[rows["train_rows"]]
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-4)
    constant = train.std(axis=0) < 1e-3
    np.testing.assert_allclose(train.std(axis=0)[~constant], 1, atol=1e-4)
    # Six neighbours are found for every row, so that one column, and no other, is constant.
    assert np.array(feature_names(6))[constant].tolist() == ["found_share"]


def test_more_neighbours_than_rows(rows, tmp_path, caplog):
    caplog.set_level("INFO")
    made = run(rows, tmp_path, k=150)
    said = "neighbours: features.knn.k=150 is not below the 120 training rows; places stay empty"
    assert said in caplog.messages
    assert np.isfinite(made.block).all()
    twin = rows["train_rows"][0]
    assert (made.neighbours.rows[twin] >= 0).sum() == 120 - 31
    single = rows["train_rows"][-1]
    assert (made.neighbours.rows[single] >= 0).sum() == 120 - 1


def test_nobody_sees_the_length_of_a_row_outside_training(rows, tmp_path):
    before = run(rows, tmp_path)
    lengths = np.full_like(rows["lengths"], np.nan)
    lengths[rows["train_rows"]] = rows["lengths"][rows["train_rows"]]
    after = run(rows, tmp_path, lengths=lengths)
    np.testing.assert_array_equal(after.block, before.block)


def test_a_training_row_sees_neither_its_own_length_nor_its_twins(rows, tmp_path):
    made = run(rows, tmp_path)
    train, groups = rows["train_rows"], rows["groups"]
    index = made.lookup.index
    types = rows["types"].combine_chunks()
    before = neighbour_features(made.neighbours, index, types)
    changed = 0
    for row in train:
        family = np.flatnonzero(groups == groups[row])
        index.lengths = np.where(groups[train] == groups[row], 777, rows["lengths"][train])
        after = neighbour_features(made.neighbours, index, types)
        np.testing.assert_array_equal(after[family], before[family])
        changed += (after != before).any(axis=1).sum()
    assert changed > len(train)  # the others do see it


@pytest.mark.parametrize("type_weight", [0, 1])
def test_prediction_sees_what_training_saw(rows, tmp_path, type_weight):
    made = run(rows, tmp_path, type_weight=type_weight)
    outside = np.setdiff1d(np.arange(160), rows["train_rows"])
    file = io.BytesIO()
    torch.save(made.lookup.state(), file)
    file.seek(0)
    lookup = NeighbourLookup.from_state(torch.load(file, weights_only=True))
    types = rows["types"].take(pa.array(outside))
    got = lookup.features(rows["vectors"][outside], types)
    np.testing.assert_array_equal(got, made.block[outside])


def test_only_what_decides_the_search_makes_it_search_again(rows, tmp_path, monkeypatch):
    searched = []
    real = NeighbourIndex.search

    def counting(self, queries, *args, **kwargs):
        searched.append(len(queries))
        return real(self, queries, *args, **kwargs)

    monkeypatch.setattr(NeighbourIndex, "search", counting)
    first = run(rows, tmp_path)
    assert searched == [160]
    again = run(rows, tmp_path, lengths=rows["lengths"] * 2, types=rows["types"].slice(0, 160))
    assert searched == [160]
    np.testing.assert_array_equal(again.neighbours.rows, first.neighbours.rows)
    np.testing.assert_array_equal(again.neighbours.similarity, first.neighbours.similarity)
    assert not np.array_equal(again.lookup.index.lengths, first.lookup.index.lengths)
    run(rows, tmp_path, k=5)
    run(rows, tmp_path, train_rows=rows["train_rows"][1:])
    run(rows, tmp_path, groups=np.arange(160, dtype=np.uint64))
    assert searched == [160] * 4


def test_types_that_weigh_make_it_search_again(rows, tmp_path):
    by_text = run(rows, tmp_path)
    by_both = run(rows, tmp_path, type_weight=2)
    same = feature_names(6).index("same_type_share")
    shares = [made.lookup.scaler.mean[same] for made in (by_text, by_both, run(rows, tmp_path))]
    assert shares[0] == shares[2] < shares[1]
    # Other types of the same texts: other neighbours, and not those that were kept.
    types = pa.array(np.roll(rows["types"].to_pylist(), 1))
    others = run(rows, tmp_path, type_weight=2, types=types)
    assert not np.array_equal(others.neighbours.rows, by_both.neighbours.rows)
    assert others.lookup.scaler.mean[same] > shares[0]


def test_lookups_older_than_directions(rows, tmp_path):
    lookup = run(rows, tmp_path).lookup
    state = lookup.state()
    assert state.pop("directions") is None
    old = NeighbourLookup.from_state(state)
    np.testing.assert_array_equal(
        old.features(rows["vectors"], rows["types"]),
        lookup.features(rows["vectors"], rows["types"]),
    )


def test_lookup_is_a_plain_value(rows, tmp_path):
    lookup = run(rows, tmp_path).lookup
    assert replace(lookup, k=2).k == 2
