"""Neighbour search against brute force, and the leaks that it must not have."""

import subprocess
import sys

import numpy as np
import pytest
from builders import through_a_file
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.features.neighbours.index import NeighbourIndex
from product_length.search import cosine as search
from product_length.search import vectors as vector_blocks

RNG = np.random.default_rng


def brute_force(vectors, queries, k, forbidden=None):
    """The k best rows by cosine, then row, by sorting all of them."""
    a, b = queries.astype(np.float64), vectors.astype(np.float64)
    scale = np.sqrt((a * a).sum(1))[:, None] * np.sqrt((b * b).sum(1))[None]
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = np.where(scale > 0, (a @ b.T) / scale, 0).astype(np.float32)
    rows = np.full((len(a), k), -1)
    best = np.zeros((len(a), k), dtype=np.float32)
    for query, row in enumerate(cosines):
        order = [
            j
            for j in np.lexsort((np.arange(len(b)), -row))
            if not (forbidden is not None and forbidden[query, j])
        ][:k]
        rows[query, : len(order)] = order
        best[query, : len(order)] = row[order]
    return rows, best


def build(vectors, train_rows=None, lengths=None, types=None, groups=None):
    n = len(vectors)
    return NeighbourIndex.build(
        vectors,
        np.arange(n) if train_rows is None else np.asarray(train_rows),
        np.full(n, 100, np.float32) if lengths is None else np.asarray(lengths, np.float32),
        ["t"] * n if types is None else types,
        np.arange(n, dtype=np.uint64) if groups is None else np.asarray(groups, np.uint64),
    )


@pytest.fixture(params=[(12, 2048), (0, 3), (1, 8)], ids=["as shipped", "scan", "deepen"])
def depths(request, monkeypatch):
    """Also depths so small that a small index needs the second search, and the full scan."""
    overfetch, deepest = request.param
    monkeypatch.setattr(search, "OVERFETCH", overfetch)
    monkeypatch.setattr(search, "DEEPEST", deepest)
    monkeypatch.setattr(search, "_QUERY_ROWS", 7)
    monkeypatch.setattr(search, "_ADDED_ROWS", 5)
    monkeypatch.setattr(vector_blocks, "_BLOCK_NUMBERS", 11)
    monkeypatch.setattr(search, "_SCORED_PAIRS", 11)
    monkeypatch.setattr(search, "_SCANNED_NUMBERS", 9)


# Integers of -1, 0, 1 in few dimensions: many duplicates, ties, zeros, opposite vectors.
@given(
    rows=st.integers(1, 40),
    queries=st.integers(0, 20),
    dimension=st.integers(1, 3),
    k=st.integers(1, 45),
    texts=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def check_against_brute_force(rows, queries, dimension, k, texts, seed):
    rng = RNG(seed)
    vectors = rng.integers(-1, 2, (rows, dimension)).astype(np.float16)
    asked = rng.integers(-1, 2, (queries, dimension)).astype(rng.choice([np.float16, np.float32]))
    groups = rng.integers(0, texts, rows)
    own = rng.integers(-1, rows, queries)
    own_groups = rng.integers(0, texts + 1, queries).astype(np.uint64)
    index = build(vectors, groups=groups)

    found = index.search(asked, k)
    expected = brute_force(vectors, asked, k)
    np.testing.assert_array_equal(found.rows, expected[0])
    np.testing.assert_array_equal(found.similarity, expected[1])

    found = index.search(asked, k, exclude_rows=own, exclude_groups=own_groups)
    forbidden = (own[:, None] == np.arange(rows)) | (own_groups[:, None] == groups)
    expected = brute_force(vectors, asked, k, forbidden)
    np.testing.assert_array_equal(found.rows, expected[0])
    np.testing.assert_array_equal(found.similarity, expected[1])


def test_agrees_with_brute_force_on_duplicates_and_ties(depths):
    check_against_brute_force()


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_agrees_with_brute_force_on_real_valued_vectors(depths, dtype):
    rng = RNG(0)
    vectors = (rng.normal(size=(90, 24)) * rng.lognormal(0, 2, (90, 1))).astype(dtype)
    # Near ties: float32 dot products alone would put some of them in the wrong order.
    vectors[30:60] = vectors[:30] * dtype(1 + 1e-3)
    rows = np.arange(90)
    found = build(vectors).search(vectors, 5, exclude_rows=rows)
    expected = brute_force(vectors, vectors, 5, rows[:, None] == rows)
    np.testing.assert_allclose(found.similarity, expected[1], rtol=0, atol=1e-7)
    assert (found.rows == expected[0]).mean() > 0.99


def test_a_row_does_not_find_itself_when_a_duplicate_comes_before_it():
    """The planted leak: dropping the best result as `self` keeps the row's own label."""
    vectors = np.array([[1, 0], [0, 1], [1, 0], [1, 1], [1, 0]], dtype=np.float16)
    rows = np.arange(5)
    index = build(vectors)
    with_self = index.search(vectors, 1)
    # Rows 2 and 4 are outranked by row 0, so removal by rank would leave them to themselves.
    assert with_self.rows[:, 0].tolist() == [0, 1, 0, 3, 0]
    found = index.search(vectors, 4, exclude_rows=rows)
    assert not (found.rows == rows[:, None]).any()
    assert found.rows[2].tolist() == [0, 4, 3, 1]
    assert found.rows[4].tolist() == [0, 2, 3, 1]


def test_row_numbers_are_those_of_the_catalogue_not_places_in_the_index():
    vectors = RNG(0).normal(size=(9, 4)).astype(np.float16)
    train = np.array([1, 4, 5, 8])
    found = build(vectors, train).search(vectors, 4, exclude_rows=np.arange(9))
    for row in range(9):
        seen = {train[place] for place in found.rows[row] if place >= 0}
        assert seen == set(train) - {row}


def test_twins_are_left_out_however_many(depths):
    rng = RNG(1)
    vectors = rng.normal(size=(120, 6)).astype(np.float16)
    vectors[10:100] = vectors[0]
    groups = np.arange(120)
    groups[10:100] = 0
    rows = np.arange(120)
    found = build(vectors, groups=groups).search(
        vectors, 8, exclude_rows=rows, exclude_groups=groups.astype(np.uint64)
    )
    twins = groups[:, None] == groups
    assert (found.rows >= 0).all()
    assert not twins[rows[:, None], found.rows].any()
    expected = brute_force(vectors, vectors, 8, twins)
    np.testing.assert_array_equal(found.rows, expected[0])


def test_no_label_of_another_split_is_in_the_index():
    """The planted leak: an index of all rows would hand a validation row its own label."""
    vectors = RNG(2).normal(size=(50, 5)).astype(np.float16)
    train = np.arange(0, 50, 2)
    lengths = np.where(np.arange(50) % 2, 9999, 100).astype(np.float32)
    index = build(vectors, train, lengths, types=["odd" if i % 2 else "even" for i in range(50)])
    assert len(index) == 25
    assert index.lengths.tolist() == [100] * 25
    assert index.types.names == ("even",)
    found = index.search(vectors, 30)
    assert found.rows.max() == 24
    assert ((found.rows >= 0).sum(axis=1) == 25).all()
    # A validation row's vector is not there either: nothing is as near as itself.
    assert (found.similarity[1::2, 0] < 0.999).all()
    state = index.state()
    assert state["vectors"].shape == (25, 5)
    assert 9999 not in state["lengths"]


def test_an_index_from_a_checkpoint_searches_for_new_products_only():
    vectors = RNG(4).normal(size=(30, 5)).astype(np.float16)
    again = NeighbourIndex.from_state(through_a_file(build(vectors).state()))
    np.testing.assert_array_equal(
        again.search(vectors, 4).rows, build(vectors).search(vectors, 4).rows
    )
    with pytest.raises(ValueError, match="came from a checkpoint"):
        again.search(vectors, 4, exclude_rows=np.arange(30))


def test_refuses_what_does_not_fit():
    vectors = np.eye(4, dtype=np.float16)
    with pytest.raises(ValueError, match="must cover the same rows"):
        build(vectors, lengths=[1, 2, 3])
    for rows in ([1, 0], [1, 1]):
        with pytest.raises(ValueError, match="ascending"):
            build(vectors, rows)
    broken = [np.nan, 5, 5, np.nan]
    assert build(vectors, [1, 2], broken).lengths.tolist() == [5, 5]
    with pytest.raises(ValueError, match="lengths of training rows"):
        build(vectors, [1, 3], broken)
    index = build(vectors)
    with pytest.raises(ValueError, match="do not match"):
        index.search(np.ones((2, 3), np.float16), 1)
    with pytest.raises(ValueError, match="exclude_rows"):
        index.search(vectors, 1, exclude_rows=np.arange(3))
    with pytest.raises(ValueError, match="k must be"):
        index.search(vectors, 0)
    bad = vectors.copy()
    bad[2, 1] = np.inf
    with pytest.raises(ValueError, match="row 2"):
        build(bad)


@pytest.mark.parametrize("first", ["torch", "faiss"])
def test_faiss_is_imported_by_a_search_only_and_shares_a_process_with_torch(first):
    """Both bring an OpenMP runtime of their own."""
    code = f"""
import sys
import {first}
import numpy as np
import product_length.features.neighbours.feature, product_length.evaluation.baselines
early = {{"faiss", "sklearn"}} - {{"{first}"}}
assert not early & set(sys.modules), "too early"
import torch, faiss
torch.set_num_threads(2); faiss.omp_set_num_threads(2)
index = faiss.IndexFlatIP(32)
index.add(np.random.default_rng(0).normal(size=(5000, 32)).astype(np.float32))
for _ in range(3):
    index.search(np.ones((500, 32), np.float32), 9)
    x = torch.ones(500, 500, requires_grad=True)
    (x @ x).sum().backward()
print("alive")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr


@pytest.mark.gpu
def test_the_gpu_finds_the_same():
    faiss = pytest.importorskip("faiss")
    if not hasattr(faiss, "StandardGpuResources") or not faiss.get_num_gpus():
        pytest.skip("faiss sees no GPU")
    vectors = RNG(6).normal(size=(3000, 64)).astype(np.float16)
    vectors[1000:2500] = vectors[0]
    rows = np.arange(3000)
    found = build(vectors).search(vectors[:100], 20, exclude_rows=rows[:100])
    expected = brute_force(vectors, vectors[:100], 20, rows[:100, None] == rows)
    np.testing.assert_array_equal(found.rows, expected[0])
