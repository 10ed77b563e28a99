"""The approximate search against brute force: what it finds, must not find, and says of itself."""

import io
import logging
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from builders import products_of

from product_length.artefacts import ArtefactStore
from product_length.features.feature import Training
from product_length.features.neighbours.config import NeighboursOptions
from product_length.features.neighbours.index import NeighbourIndex
from product_length.search import codes, cosine, ivf, tuning
from product_length.search import threads as threads_module
from product_length.search.ivf import IvfLists, IvfSearch, list_count
from product_length.search.threads import in_parts
from product_length.search.vectors import RowReader, load_faiss, norms_of, unit

RNG = np.random.default_rng


def clustered(rows, dimension=16, seed=0, spread=0.5):
    rng = RNG(seed)
    centres = rng.normal(size=(max(1, rows // 20), dimension))
    noise = spread * rng.normal(size=(rows, dimension))
    scale = rng.lognormal(0, 1, (rows, 1))  # the search must not depend on norms
    return (scale * (centres[rng.integers(0, len(centres), rows)] + noise)).astype(np.float16)


def build(vectors, groups=None):
    n = len(vectors)
    return NeighbourIndex.build(
        vectors,
        np.arange(n),
        np.geomspace(1, 100, n).astype(np.float32),
        ["t"] * n,
        np.arange(n, dtype=np.uint64) if groups is None else groups.astype(np.uint64),
    )


def exact_sets(vectors, queries, k, groups):
    """By plain NumPy: the k rows of another group that are most similar to each row queried."""
    a = vectors.astype(np.float64)
    a /= np.linalg.norm(a, axis=1, keepdims=True)
    cosines = a[queries] @ a.T
    cosines[groups[queries][:, None] == groups] = -np.inf
    return np.argsort(-cosines, axis=1)[:, :k]


@pytest.mark.parametrize("target", [0.8, 0.95])
def test_the_recall_it_reports_is_the_one_it_has(target):
    vectors = clustered(1500, spread=1)
    groups = np.arange(1500)
    groups[:200] = groups[200:400]
    index = build(vectors, groups)
    facts = index.tune(20, target)
    assert facts["kind"] == "ivf"
    assert index.lists is not None
    assert (facts["lists"], facts["nprobe"]) == (len(index.lists), index.lists.nprobe)
    asked = tuning.tuning_sample(1500)
    assert facts["sample"] == len(asked) == 1000

    def shares(nprobe):
        index.use(IvfLists(index.lists.centroids, index.lists.of_row, nprobe))
        found = index.search(
            vectors[asked], 20, exclude_rows=asked, exclude_groups=groups[asked].astype(np.uint64)
        )
        pairs = zip(found.rows, exact_sets(vectors, asked, 20, groups), strict=True)
        return np.array([len(set(some) & set(all_)) / 20 for some, all_ in pairs])

    def surely(shares):  # with 95% confidence, so that the rows not looked at reach it too
        return shares.mean() - 1.645 * shares.std(ddof=1) / 1000**0.5

    reached = shares(facts["nprobe"])
    assert facts["recall"] == pytest.approx(reached.mean(), abs=1e-12)
    assert surely(reached) >= target > surely(shares(facts["nprobe"] // 2))


def levels_of(directions):
    """Whole numbers from -63 to 63, and what one stands for; by plain NumPy, row by row."""
    steps = [np.float32(abs(row).max() / np.float32(63)) for row in directions]
    levels = [np.round(row / (step or 1)) for row, step in zip(directions, steps, strict=True)]
    return np.array(levels).astype(int), np.array(steps)


@pytest.mark.parametrize("way", [codes.in_integers, codes.in_floats])
@pytest.mark.parametrize(("part", "pairs"), [(1024, 1 << 19), (3, 1 << 19), (1024, 100)])
def test_a_block_of_queries_finds_the_best_rows_of_the_lists_it_probes(
    monkeypatch, part, pairs, way
):
    monkeypatch.setattr(codes, "_way", lambda: way)
    monkeypatch.setattr(ivf, "_COMPARED_ROWS", part)
    monkeypatch.setattr(ivf, "_COMPARED_PAIRS", pairs)
    vectors = clustered(900)
    vectors[7] = 0
    lists = IvfLists.train(vectors)
    queries = unit(clustered(50, seed=0)[::2])
    nprobe = 6
    scores, rows = IvfSearch(lists, vectors, norms_of(vectors)).search(queries, 15, nprobe)
    nearest = np.argsort(-(queries @ lists.centroids.T), axis=1)[:, :nprobe]
    levels, steps = levels_of(unit(vectors))
    asked, their_steps = levels_of(queries)
    for query, (score, row) in enumerate(zip(scores, rows, strict=True)):
        held = np.flatnonzero(np.isin(lists.of_row, nearest[query]))
        cosines = (levels[held] @ asked[query]) * steps[held] * their_steps[query]
        best = np.argsort(-cosines)[:15]
        np.testing.assert_array_equal(row, held[best])
        np.testing.assert_allclose(score, cosines[best], rtol=1e-5)


@pytest.mark.parametrize("dimension", [1, 7, 384, 4096])
def test_products_of_codes_are_exact_both_ways(dimension):
    largest = np.full((20, dimension), 63, np.int8)
    random = RNG(0).integers(-63, 64, (33, dimension), np.int8)
    for one, other in (
        (largest, -largest),
        (random, random[:5]),
        (largest, random),
        (random, random[:0]),
    ):
        steps = RNG(1).random(len(other), np.float32)
        expected = (one.astype(int) @ other.astype(int).T).astype(np.float32) * steps
        ways = [codes.in_integers] * (dimension > 1) + [codes.in_floats, codes.products]
        for way in ways:
            np.testing.assert_array_equal(way(one, other, steps), expected)


def test_codes_are_within_half_a_step():
    vectors = RNG(0).normal(size=(50, 30)).astype(np.float32)
    vectors[3] = 0
    made, steps = codes.codes_of(vectors)
    assert made.dtype == np.int8
    assert (abs(made).max(axis=1) == np.where(np.arange(50) == 3, 0, 63)).all()
    assert (abs(made * steps[:, None] - vectors) <= 0.501 * steps[:, None]).all()


def test_codes_are_made_once_for_the_lists_that_are_asked_for(monkeypatch):
    vectors = clustered(2000)
    lists = IvfLists.train(vectors)
    queries = unit(clustered(400, seed=0))
    scores, rows = IvfSearch(lists, vectors, norms_of(vectors)).search(queries, 15, 3)
    searched, coded = IvfSearch(lists, vectors, norms_of(vectors)), 0

    def counted(made, *norms):
        nonlocal coded
        coded += len(made)
        return codes.codes_of(made, *norms)

    monkeypatch.setattr(ivf, "codes_of", counted)
    for number in [3, 3, *range(len(queries))]:
        coded = 0
        found = searched.search(queries[number : number + 1], 15, 3)
        np.testing.assert_array_equal(found[1][0], rows[number])
        np.testing.assert_allclose(found[0][0], scores[number], rtol=1e-6)
        lists_of_one = np.bincount(lists.of_row).max() * 3 + 1
        assert coded <= lists_of_one
    coded = 0
    searched.search(queries, 15, 3)
    assert coded == len(queries)  # of the queries alone


def test_lists_that_hold_too_few_rows_say_so():
    vectors = clustered(300)
    lists = IvfLists.train(vectors)
    _, rows = IvfSearch(lists, vectors, norms_of(vectors)).search(unit(vectors[:9]), 290, 2)
    for row in rows:
        found = row[row >= 0]
        assert 0 < len(found) < 290
        assert len(set(found)) == len(found)
        assert (row[len(found) :] == -1).all()


@pytest.mark.parametrize("block", [8192, 7])
def test_neither_a_row_nor_its_twins_are_found_however_many(monkeypatch, block):
    monkeypatch.setattr(cosine, "_QUERY_ROWS", block)
    monkeypatch.setattr(cosine, "_IVF_QUERY_NUMBERS", 0)
    monkeypatch.setattr(cosine, "OVERFETCH", 2)
    monkeypatch.setattr(cosine, "DEEPEST", 40)
    vectors = clustered(600)
    groups = np.arange(600)
    # A pair, a family that the deeper search settles, and one that only a scan does; a twin of
    # another text is no twin.
    for family in (range(2), range(10, 40), range(50, 200)):
        vectors[list(family)], groups[list(family)] = vectors[family[0]], family[0]
    vectors[300] = vectors[0]
    vectors[310] = 0
    index = build(vectors, groups)
    index.use(IvfLists.train(vectors))  # nprobe 1
    rows = np.arange(600)
    found = index.search(vectors, 8, exclude_rows=rows, exclude_groups=groups.astype(np.uint64))
    assert (found.rows >= 0).all()
    assert not (groups[found.rows] == groups[:, None]).any()
    assert found.rows[:2, 0].tolist() == [300, 300]
    assert found.rows[300, :2].tolist() == [0, 1]
    assert (np.diff(found.similarity, axis=1) <= 0).all()


def test_threads_find_what_one_finds(monkeypatch):
    faiss = load_faiss()
    before = faiss.omp_get_max_threads()
    vectors = clustered(700)
    index = build(vectors)
    index.use(IvfLists.train(vectors))
    alone = index.search(vectors, 5, exclude_rows=np.arange(700))
    by = set()
    answer = IvfSearch.search

    def watched(*arguments):
        by.add(threading.get_ident())
        time.sleep(0.01)
        return answer(*arguments)

    monkeypatch.setattr(IvfSearch, "search", watched)
    monkeypatch.setattr(threads_module, "_SHARED", 100)
    try:
        faiss.omp_set_num_threads(3)
        found = index.search(vectors, 5, exclude_rows=np.arange(700))
        assert len(by) == 3
        by.clear()
        index.search(vectors[:299], 5)
        assert len(by) == 1
        assert faiss.omp_get_max_threads() == 3
    finally:
        faiss.omp_set_num_threads(before)
    np.testing.assert_array_equal(found.rows, alone.rows)
    np.testing.assert_array_equal(found.similarity, alone.similarity)


@pytest.mark.parametrize("count", [0, 1, 7, 100])
@pytest.mark.parametrize(("most", "threads"), [(3, 1), (200, 1), (3, 2), (200, 4)])
def test_every_query_is_in_one_part(monkeypatch, count, most, threads):
    monkeypatch.setattr(threads_module, "_SHARED", 5)
    parts = []
    in_parts(lambda start, stop: parts.append((start, stop)), count, most, threads)
    covered = [place for start, stop in sorted(parts) for place in range(start, stop)]
    assert covered == list(range(count))
    assert all(stop - start <= most for start, stop in parts)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("width", [1, 3, 40_000])
def test_rows_are_read_as_numpy_would(dtype, width):
    vectors = RNG(0).normal(size=(30, width)).astype(dtype)
    for wanted in (np.float32, np.float64):
        reader = RowReader(vectors, 20, wanted)
        for rows in ([], [4], [7, 7, 0, 29], RNG(1).integers(0, 30, 20)):
            chosen = np.asarray(rows, dtype=np.int64)
            read = reader.read(chosen)
            assert read.dtype == wanted
            np.testing.assert_array_equal(read, vectors[chosen].astype(wanted))


def test_what_all_lists_hold_is_found_where_one_holds_too_little():
    vectors = clustered(400)
    index = build(vectors)
    index.use(IvfLists.train(vectors))
    found = index.search(vectors[:5], 390)
    assert (found.rows >= 0).all()
    found = index.search(vectors[:5], 450)
    assert (found.rows[:, :400] >= 0).all()
    assert (found.rows[:, 400:] == -1).all()


def test_the_same_vectors_give_the_same_lists_and_neighbours():
    vectors = clustered(1200)
    first, second = build(vectors), build(vectors.copy())
    assert first.tune(10, 0.8) == second.tune(10, 0.8)
    np.testing.assert_array_equal(first.lists.centroids, second.lists.centroids)
    np.testing.assert_array_equal(first.lists.of_row, second.lists.of_row)
    queries = clustered(100, seed=3)
    one, other = first.search(queries, 10), second.search(queries, 10)
    np.testing.assert_array_equal(one.rows, other.rows)
    np.testing.assert_array_equal(one.similarity, other.similarity)
    # Where they look does not decide how similar a row is.
    first.use(None)
    exact = first.search(queries, 10)
    same = exact.rows == one.rows
    assert 0.1 < same.mean() < 1
    np.testing.assert_array_equal(exact.similarity[same], one.similarity[same])


def test_exact_where_lists_do_not_give_the_recall():
    # No clusters in many dimensions: neighbours are everywhere.
    vectors = RNG(0).normal(size=(500, 64)).astype(np.float16)
    index = build(vectors)
    facts = index.tune(20, 1.0)
    assert facts["kind"] == "exact"
    assert facts["recall"] < 1
    assert 2 * facts["nprobe"] <= facts["lists"] < 4 * facts["nprobe"]
    assert index.lists is None
    again = build(vectors).search(vectors[:9], 20)
    np.testing.assert_array_equal(index.search(vectors[:9], 20).rows, again.rows)
    assert "exact (IVF" in tuning.describe_index(facts, 20)


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_too_few_rows_for_lists(rows):
    index = build(clustered(rows))
    facts = index.tune(3, 0.9)
    assert (facts["kind"], index.lists) == ("exact", None)
    assert tuning.describe_index(facts, 3) == "exact (too few rows for IVF lists)"


def test_no_second_copy_of_the_vectors_is_held():
    """Two million rows × 384 must stay far below 6 GB: float16 once is 1.5 GB, codes half of it."""
    vectors = clustered(2000, dimension=64)
    index = build(vectors)
    index.use(IvfLists.train(vectors))
    index.search(vectors[:10], 5)
    searcher = index._search._in_lists()
    assert index._search._index is None
    assert index._search.vectors.itemsize == 2
    arrays = [*vars(searcher).values(), *vars(index._search).values(), index.lists.of_row]
    held = {id(array): array.nbytes for array in arrays if isinstance(array, np.ndarray)}
    assert sum(held.values()) <= 2000 * (3 * 64 + 32)
    assert list_count(1_900_000) * 384 * 4 < 10e6


def saved_and_loaded(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_a_checkpoint_searches_in_the_same_lists():
    vectors = clustered(1000)
    index = build(vectors)
    index.tune(10, 0.7)
    again = NeighbourIndex.from_state(saved_and_loaded(index.state()))
    assert again.lists.nprobe == index.lists.nprobe
    queries = clustered(200, seed=5)
    for name in ("rows", "similarity"):
        np.testing.assert_array_equal(
            getattr(again.search(queries, 10), name), getattr(index.search(queries, 10), name)
        )
    with pytest.raises(ValueError, match="came from a checkpoint"):
        again.tune(10, 0.7)


PRODUCTS = products_of(["x"] * 900, ["t"] * 900)


def fitted(tmp_path, **options):
    """The feature of neighbours, and its column."""
    rows = np.arange(0, 900, 3)
    training = Training(
        products=replace(PRODUCTS, text_keys=np.arange(900, dtype=np.uint64)),
        rows=rows,
        lengths=np.geomspace(1, 100, 900).astype(np.float32)[rows],
        columns={"text": clustered(900)},
        addresses={"text": {"encoder": "test"}},
        store=ArtefactStore(tmp_path),
    )
    return NeighboursOptions(k=5, **options).fit(training)


def addresses(tmp_path, kind):
    return {path.name for path in (tmp_path / kind).iterdir() if path.is_dir()}


def test_the_stage_keeps_lists_and_neighbours_by_what_decides_them(tmp_path, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    exact, exact_column = fitted(tmp_path)  # auto
    assert exact.index.lists is None
    assert not (tmp_path / "neighbour_lists").exists()
    [address_of_exact] = addresses(tmp_path, "neighbours")

    made, column = fitted(tmp_path, index="approximate", recall=0.8)
    assert "IVF, 34 lists, " in caplog.text
    assert "recall@5 0." in caplog.text
    assert "against exact on 300 rows" in caplog.text
    assert len(addresses(tmp_path, "neighbours")) == 2
    assert made.index.lists is not None
    assert not np.array_equal(made.found.rows, exact.found.rows)

    caplog.clear()
    with monkeypatch.context() as patched:
        patched.setattr(IvfLists, "train", None)  # reused, not made again
        _, reused = fitted(tmp_path, index="approximate", recall=0.8)
    assert "against exact on 300 rows" in caplog.text
    np.testing.assert_array_equal(reused, column)
    assert len(addresses(tmp_path, "neighbours")) == 2

    better, _ = fitted(tmp_path, index="approximate", recall=0.99)
    assert better.index.lists.nprobe > made.index.lists.nprobe
    assert len(addresses(tmp_path, "neighbours")) == 3
    assert len(addresses(tmp_path, "neighbour_lists")) == 2

    # What falls back to exact search is the same artefact as an exact search.
    monkeypatch.setattr(tuning, "WORTHWHILE", 1e-9)
    _, fallen = fitted(tmp_path, index="approximate", recall=0.9)
    np.testing.assert_array_equal(fallen, exact_column)
    assert len(addresses(tmp_path, "neighbours")) == 3
    assert address_of_exact in addresses(tmp_path, "neighbours")


def test_prediction_sees_what_training_saw(tmp_path):
    made, column = fitted(tmp_path, index="approximate", recall=0.6)
    assert made.index.lists is not None
    outside = np.setdiff1d(np.arange(900), np.arange(0, 900, 3))
    again = made.options.restore(saved_and_loaded(made.state()))
    got = again.transform(PRODUCTS.take(outside), {"text": clustered(900)[outside]})
    np.testing.assert_array_equal(got, column[outside])
