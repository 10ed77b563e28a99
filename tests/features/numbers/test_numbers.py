"""Columns of numbers: bins against numpy and scikit-learn, and what is said of new products."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from builders import network_of, products_of, through_a_file
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.preprocessing import KBinsDiscretizer, QuantileTransformer

from product_length.features.feature import Training
from product_length.features.numbers.bins import quantile_edges
from product_length.features.numbers.config import NumbersOptions
from product_length.features.numbers.encoder import PiecewiseEncoder

NOTHING = float("nan")


def training_on(columns, rows):
    """Training on these rows of a table with these number columns."""
    count = len(next(iter(columns.values())))
    products = products_of(["x"] * count, [""] * count, numbers=columns)
    rows = np.asarray(rows)
    return Training(products, rows, np.ones(len(rows), np.float32), {}, {}, SimpleNamespace())


def fitted(columns, rows, **options):
    return NumbersOptions(**options).fit(training_on(columns, rows))


def encoded(edges, values):
    encoder = PiecewiseEncoder(edges)
    return encoder(torch.tensor(values, dtype=torch.float32)).numpy()


def test_without_repeated_values_bins_are_those_of_scikit_learn():
    values = np.random.default_rng(0).lognormal(3, 2, 999).astype(np.float32)
    edges = quantile_edges(values, 8)
    reference = KBinsDiscretizer(8, strategy="quantile", quantile_method="linear")
    reference.fit(values[:, None].astype(np.float64))
    np.testing.assert_allclose(edges, reference.bin_edges_[0], rtol=1e-6)
    inside = np.bincount(np.searchsorted(edges[1:-1], values, side="right"))
    assert inside.max() - inside.min() <= 1


def test_the_sum_of_the_bins_is_the_quantile_of_scikit_learn():
    draw = np.random.default_rng(1)
    values, new = draw.lognormal(3, 2, (2, 2000)).astype(np.float32)
    edges = quantile_edges(values, 64)
    parts = encoded([edges], new[:, None])[:, :-1]
    reference = QuantileTransformer(n_quantiles=65, subsample=None)
    reference.fit(values[:, None].astype(np.float64))
    quantiles = reference.transform(new[:, None].astype(np.float64))[:, 0]
    np.testing.assert_allclose(parts.mean(axis=1), quantiles, atol=1e-4)


def test_bins_are_filled_from_the_lowest_on_by_hand():
    edges = [np.float32([0, 10, 20, 40]), np.float32([5, 6]), np.float32([7]), np.float32([])]
    found = encoded(edges, [[25, 5.5, 7, 1], [-9, 99, NOTHING, 1], [1e9, NOTHING, 8, NOTHING]])
    wanted = [
        [1, 1, 0.25, 0.5, 0, 0, 0, 0],
        [0, 0, 0, 1, 0, 0, 1, 0],
        [1, 1, 1, 0, 0, 1, 0, 1],
    ]
    np.testing.assert_allclose(found, wanted)


def test_few_distinct_values_are_edges_and_one_alone_has_no_bin():
    assert quantile_edges(np.float32([3, 1, 1, 2, 1]), 2).tolist() == [1, 2, 3]
    assert quantile_edges(np.float32([4, 4]), 8).tolist() == [4]
    assert quantile_edges(np.float32([]), 8).tolist() == []


def test_a_value_that_most_rows_share_leaves_bins_to_the_others():
    """Plain quantiles of 90% zeros have one bin for the others, or two."""
    rest = np.random.default_rng(2).uniform(1, 100, 1000).astype(np.float32)
    values = np.concatenate([np.zeros(9000, np.float32), rest])
    assert len(np.unique(np.quantile(values, np.linspace(0, 1, 9)))) <= 3
    edges = quantile_edges(values, 8)
    assert len(edges) == 9
    inside = np.histogram(rest, edges[edges > 0])[0]
    assert (edges[1:] > 0).all()
    assert inside.max() < 400


FARTHEST = 2.0**120
NUMBERS = st.floats(-FARTHEST, FARTHEST, width=32, allow_subnormal=False) | st.integers(-3, 3).map(
    float
)


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(np.float32, st.integers(1, 60), elements=NUMBERS), st.integers(1, 12))
def test_whatever_the_values_bins_are_few_and_ascend_and_parts_keep_the_order(values, bins):
    edges = quantile_edges(values, bins)
    assert 1 <= len(edges) <= bins + 1
    assert (np.diff(edges) > 0).all()
    assert (edges[0], edges[-1]) == (values.min(), values.max())
    ordered = np.sort(values)
    parts = encoded([edges], ordered[:, None])
    assert np.isfinite(parts).all()
    assert ((parts >= 0) & (parts <= 1)).all()
    assert (np.diff(parts[:, :-1], axis=0) >= -1e-6).all()


def test_only_training_rows_are_fitted_on():
    draw = np.random.default_rng(3)
    columns = {"year": draw.normal(2000, 9, 60), "price": draw.lognormal(2, 1, 60)}
    columns["price"][::7] = NOTHING
    rows = np.arange(0, 60, 2)
    changed = {name: each.copy() for name, each in columns.items()}
    for each in changed.values():
        each[1::2] = draw.normal(0, 1e6, 30)
    changed["year"][5] = NOTHING
    feature, column = fitted(columns, rows, bins=5)
    other, other_column = fitted(changed, rows, bins=5)
    assert feature.state() == other.state()
    np.testing.assert_array_equal(column[rows], other_column[rows])
    changed["year"][4] += 100
    assert fitted(changed, rows, bins=5)[0].state() != feature.state()  # it could differ


def test_what_training_had_not_is_counted():
    columns = {
        "year": [2000, 2010, 2005, 2011, NOTHING, 2000],
        "price": [1, NOTHING, 3, 3, NOTHING, 0.5],
        "weight": [NOTHING, NOTHING, NOTHING, 1, NOTHING, NOTHING],
        "same": [7, 7, 7, 7, 7, 8],
    }
    feature, column = fitted(columns, [0, 1, 2])
    unseen = feature.unseen(None, column)
    assert {what: np.flatnonzero(holds).tolist() for what, holds in unseen.items()} == {
        "have a number in year beyond those of training": [3],
        "have no number in year, as all training rows had": [4],
        "have a number in price beyond those of training": [5],
        "have a number in weight beyond those of training": [3],
        "have a number in same beyond those of training": [5],
        "have no number in same, as all training rows had": [],
    }


def test_infinite_and_huge_numbers_leave_everything_finite():
    columns = {"a": [1.0, 2.0, np.inf, -1e300, 1e300, NOTHING], "b": [np.inf] * 6}
    feature, column = fitted(columns, range(6))
    assert np.isnan(column[:, 0]).tolist() == [False, False, True, False, False, True]
    assert np.isnan(column[:, 1]).all()
    assert torch.isfinite(feature.encoder()(torch.from_numpy(column))).all()


def test_from_a_checkpoint_it_says_the_same_and_a_lacking_column_is_missing():
    columns = {"year": np.arange(20.0), "price": np.r_[NOTHING, np.arange(19.0)]}
    feature, column = fitted(columns, range(15), bins=4)
    again = NumbersOptions(bins=4).restore(through_a_file(feature.state()))
    products = training_on(columns, range(15)).products
    np.testing.assert_array_equal(again.transform(products, {}), column)
    new = torch.from_numpy(column)
    assert torch.equal(again.encoder()(new), feature.encoder()(new))
    lacking = products_of(["x"] * 3, [""] * 3, numbers={"price": [1.0, 2.0, 3.0]})
    found = again.transform(lacking, {})
    assert np.isnan(found[:, 0]).all()
    assert found[:, 1].tolist() == [1, 2, 3]
    unseen = again.unseen(lacking, found)
    assert unseen["have no number in year, as all training rows had"].all()


def test_without_number_columns_there_is_no_feature():
    products = products_of(["x"] * 3, [""] * 3)
    training = Training(products, np.arange(3), np.ones(3, np.float32), {}, {}, SimpleNamespace())
    assert NumbersOptions().fit(training) is None


def test_the_network_sees_columns_without_a_bin_too():
    """One value only, or none: their missing values are all that is known."""
    feature, column = fitted({"same": [1, 1, NOTHING], "none": [NOTHING] * 3}, range(3))
    network = network_of(feature)
    assert network.widths == {"numbers": 2}
    assert feature.encoder()(torch.from_numpy(column)).tolist() == [[0, 1], [0, 1], [1, 1]]


@pytest.mark.parametrize("bins", [0, 2000])
def test_limits_of_bins(bins):
    with pytest.raises(ValueError, match="bins"):
        NumbersOptions(bins=bins)
