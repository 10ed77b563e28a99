"""Splits depend on text and seed alone."""

import numpy as np
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.catalogue.config import SplitOptions
from product_length.catalogue.split import SPLIT_NAMES, TEST, TRAIN, VAL, _uniform, assign_splits

MASK = 2**64 - 1
PINNED = "010000 000020 001000 000010 000000 000000 000000 100100 000000 200000 001020 010000"


def keys_of(rows, seed=0):
    return np.random.default_rng(seed).integers(0, MASK, rows, dtype=np.uint64, endpoint=True)


def mixed_by_hand(value):
    """splitmix64's finaliser in Python's integers."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def test_codes():
    assert (SPLIT_NAMES[TRAIN], SPLIT_NAMES[VAL], SPLIT_NAMES[TEST]) == ("train", "val", "test")


@settings(max_examples=50, deadline=None)
@given(keys=st.lists(st.integers(0, MASK), min_size=1, max_size=30), seed=st.integers(0, 2**80))
def test_places_match_pythons_integers(keys, seed):
    start = xxhash.xxh3_64_intdigest(str(seed).encode())
    by_hand = [(mixed_by_hand(key ^ start) >> 11) / 2**53 for key in keys]
    assert _uniform(np.array(keys, dtype=np.uint64), seed).tolist() == by_hand


def test_pinned_so_that_no_release_moves_a_row():
    keys = np.array([0, 1, 2, 3, 12345, MASK], dtype=np.uint64)
    splits = [assign_splits(keys, SplitOptions(seed=seed)).tolist() for seed in range(12)]
    assert ["".join(map(str, codes)) for codes in splits] == PINNED.split()


@pytest.mark.parametrize("seed", [0, 1, 2**70])
@pytest.mark.parametrize("keys", [keys_of(100_000), np.arange(100_000, dtype=np.uint64)])
def test_shares_are_within_binomial_bounds(keys, seed):
    splits = assign_splits(keys, SplitOptions(seed=seed))
    assert splits.dtype == np.uint8
    for code, share in ((TRAIN, 0.85), (VAL, 0.10), (TEST, 0.05)):
        allowed = 4.5 * np.sqrt(share * (1 - share) / len(keys))
        assert abs((splits == code).mean() - share) < allowed


def test_seeds_are_independent():
    keys = keys_of(50_000)
    first, second = (assign_splits(keys, SplitOptions(seed=seed)) == VAL for seed in (0, 1))
    assert 0.005 < (first & second).mean() < 0.015  # 0.1 * 0.1


@settings(max_examples=50, deadline=None)
@given(
    keys=st.lists(st.integers(0, MASK), min_size=1, max_size=60),
    more=st.lists(st.integers(0, MASK), max_size=20),
    seed=st.integers(0, 9),
    random=st.randoms(use_true_random=False),
)
def test_rows_stay_when_others_come_or_change_places(keys, more, seed, random):
    options = SplitOptions(seed=seed)
    of_key = dict(
        zip(keys, assign_splits(np.array(keys, dtype=np.uint64), options).tolist(), strict=True)
    )
    later = keys + more + keys
    random.shuffle(later)
    again = assign_splits(np.array(later, dtype=np.uint64), options)
    assert len(again) == 2 * len(keys) + len(more)
    for key, split in zip(later, again.tolist(), strict=True):
        assert of_key.setdefault(key, split) == split


def test_growing_train_takes_rows_but_gives_none():
    keys = keys_of(20_000)
    small = assign_splits(keys, SplitOptions(train=0.5, val=0.4, test=0.1))
    large = assign_splits(keys, SplitOptions(train=0.6, val=0.3, test=0.1))
    assert (large[small == TRAIN] == TRAIN).all()
    np.testing.assert_array_equal(small == TEST, large == TEST)


def unmixed(value, seed):
    """The key that lands on `value`: mixed_by_hand backwards."""
    value ^= (value >> 31) ^ (value >> 62)
    value = value * pow(0x94D049BB133111EB, -1, 2**64) & MASK
    value ^= (value >> 27) ^ (value >> 54)
    value = value * pow(0xBF58476D1CE4E5B9, -1, 2**64) & MASK
    value ^= (value >> 30) ^ (value >> 60)
    return value ^ xxhash.xxh3_64_intdigest(str(seed).encode())


def test_borders_of_the_shares():
    places = [0, 0.5 - 1e-9, 0.5, 0.75 - 1e-9, 0.75, 1 - 2.0**-53]
    keys = np.array([unmixed(int(place * 2**53) << 11, seed=5) for place in places], np.uint64)
    np.testing.assert_allclose(_uniform(keys, 5), places, rtol=0, atol=2.0**-52)
    splits = assign_splits(keys, SplitOptions(seed=5, train=0.5, val=0.25, test=0.25))
    assert splits.tolist() == [TRAIN, TRAIN, VAL, VAL, TEST, TEST]
    # The options allow shares that miss one by a millionth.
    splits = assign_splits(keys, SplitOptions(seed=5, train=0.5, val=0.5 - 9e-7, test=0))
    assert splits.tolist() == [TRAIN, TRAIN, VAL, VAL, VAL, VAL]


def test_keys_of_another_type_are_refused():
    with pytest.raises(ValueError, match="uint64"):
        assign_splits(np.array([1, 2]), SplitOptions())


def test_each_row_is_tested_in_exactly_one_of_the_folds():
    keys = keys_of(50_000)
    splits = np.stack(
        [assign_splits(keys, SplitOptions(seed=3, folds=5, fold=fold)) for fold in range(5)]
    )
    assert splits.dtype == np.uint8
    assert ((splits == TEST).sum(axis=0) == 1).all()
    for fold in splits:
        assert abs((fold == TEST).mean() - 0.2) < 0.01
        assert abs((fold == VAL).mean() - 0.8 * 0.10 / 0.95) < 0.01
    # A row's place among the folds says nothing of who chooses the epoch in another fold.
    both = ((splits[0] == VAL) & (splits[1] == VAL)).sum() / len(keys)
    expected = 0.6 * (0.10 / 0.95) ** 2
    assert abs(both - expected) < 0.002
    other = assign_splits(keys, SplitOptions(seed=4, folds=5, fold=0))
    assert abs(((splits[0] == TEST) & (other == TEST)).mean() - 0.04) < 0.005


@pytest.mark.parametrize(
    ("options", "said"),
    [({"fold": 1}, "set folds too"), ({"folds": 3, "fold": 3}, "the last one is 2")],
)
def test_a_fold_that_is_not_there(options, said):
    with pytest.raises(ValueError, match=said):
        SplitOptions(**options)


@pytest.mark.parametrize(
    ("rows", "val"), [(10_000, 0.1), (200, 0.1), (100, 0.2), (40, 0.95 / 4), (20, 0.95 / 4)]
)
def test_few_rows_give_more_of_them_to_val(rows, val):
    shares = SplitOptions().for_rows(rows)
    assert shares.val == pytest.approx(val)
    assert shares.train + shares.val + shares.test == pytest.approx(1)
    assert SplitOptions(min_val_rows=0).for_rows(rows) == SplitOptions(min_val_rows=0)
