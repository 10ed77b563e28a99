"""Columns of categories: codes by hand, vectors, and what is said of new products."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from builders import network_of, products_of, through_a_file
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import OrdinalEncoder

from product_length.features.categories.config import CategoriesOptions
from product_length.features.categories.encoder import CategoriesEncoder
from product_length.features.feature import Training

COLUMNS = {
    "brand": ["a", "b", "b", "", "rare", "a", "b", "new", ""],
    "colour": ["red", "red", "red", "red", "red", "red", "blue", "", "green"],
}


def training_on(columns, rows):
    """Training on these rows of a table with these category columns."""
    count = len(next(iter(columns.values())))
    products = products_of(["x"] * count, [""] * count, categories=columns)
    rows = np.asarray(rows)
    return Training(products, rows, np.ones(len(rows), np.float32), {}, {}, SimpleNamespace())


def fitted(columns, rows, **options):
    return CategoriesOptions(**options).fit(training_on(columns, rows))


def test_rare_and_unseen_values_share_a_code_and_missing_ones_have_their_own():
    _, column = fitted(COLUMNS, range(7), min_rows=1)
    assert column[:, 0].tolist() == [2, 1, 1, 4, 3, 2, 1, 0, 4]
    feature, column = fitted(COLUMNS, range(7), min_rows=2)
    assert column.T.tolist() == [[2, 1, 1, 0, 0, 2, 1, 0, 0], [1, 1, 1, 1, 1, 1, 0, 0, 0]]
    assert [each.size for each in feature.columns] == [3, 2]


def test_what_training_had_not_is_counted_for_each_column():
    training = training_on(COLUMNS, range(7))
    feature, column = CategoriesOptions(min_rows=1).fit(training)
    unseen = feature.unseen(training.products, column)
    assert {what: np.flatnonzero(holds).tolist() for what, holds in unseen.items()} == {
        "have a value in brand that training did not have": [7],
        "have a value in colour that training did not have": [8],
        "have no value in colour, as hardly any training row": [7],
    }


WORDS = st.sampled_from(["", "a", "b", "c", "d"])


@settings(max_examples=100, deadline=None)
@given(st.lists(WORDS, min_size=2, max_size=40), st.integers(1, 40))
def test_codes_are_as_those_of_scikit_learn_but_for_their_order(values, count):
    rows = np.arange(min(count, len(values)))
    feature, column = fitted({"v": values}, rows, min_rows=1)
    reference = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    cells = np.array(values, object)[:, None]
    codes = reference.fit(cells[rows]).transform(cells)[:, 0]
    assert ((column[:, 0] == 0) == (codes == -1)).all()
    pairs = set(zip(column[:, 0].tolist(), codes.tolist(), strict=True))
    assert len(pairs) == len({own for own, _ in pairs}) == len({other for _, other in pairs})
    assert column.max() < feature.columns[0].size


def test_only_training_rows_are_fitted_on():
    rows = np.arange(7)
    changed = {name: [*each[:7], "x", "y"] for name, each in COLUMNS.items()}
    feature, column = fitted(COLUMNS, rows, min_rows=1)
    other, other_column = fitted(changed, rows, min_rows=1)
    assert feature.state() == other.state()
    np.testing.assert_array_equal(column[rows], other_column[rows])
    changed["brand"][0] = "x"
    assert fitted(changed, rows, min_rows=1)[0].state() != feature.state()  # it could differ


def test_vectors_stand_side_by_side_and_columns_share_none():
    encoder = CategoriesEncoder([3, 2], 4, dropout=0.0)
    table = encoder.vectors.weight
    found = encoder(torch.tensor([[2, 1], [0, 0]], dtype=torch.int32))
    assert torch.equal(found, torch.stack([table[[2, 4]].flatten(), table[[0, 3]].flatten()]))
    assert encoder.width == found.shape[1] == 8


def test_in_training_some_values_are_taken_for_unknown_ones():
    torch.manual_seed(0)
    encoder = CategoriesEncoder([5, 3], 2, dropout=0.25)
    codes = torch.tensor([[4, 2]]).repeat(4000, 1)
    vectors = encoder(codes)
    first, second = (
        (vectors[:, start : start + 2] == encoder.vectors.weight[code]).all(dim=1).float()
        for start, code in ((0, 0), (2, 5))
    )
    assert first.mean().item() == pytest.approx(0.25, abs=0.03)
    assert second.mean().item() == pytest.approx(0.25, abs=0.03)
    assert (first * second).mean().item() == pytest.approx(0.0625, abs=0.02)  # each by itself
    assert torch.equal(encoder.eval()(codes), encoder.eval()(codes))


def test_from_a_checkpoint_it_says_the_same_and_a_lacking_column_is_missing():
    training = training_on(COLUMNS, range(7))
    feature, column = CategoriesOptions(min_rows=1).fit(training)
    again = CategoriesOptions(min_rows=1).restore(through_a_file(feature.state()))
    assert again.state() == feature.state()
    np.testing.assert_array_equal(again.transform(training.products, {}), column)
    lacking = products_of(["x"] * 2, [""] * 2, categories={"colour": ["blue", "red"]})
    assert again.transform(lacking, {}).tolist() == [[4, 2], [4, 1]]
    assert network_of(again).widths == {"categories": 64}


def test_without_category_columns_there_is_no_feature():
    products = products_of(["x"] * 3, [""] * 3)
    training = Training(products, np.arange(3), np.ones(3, np.float32), {}, {}, SimpleNamespace())
    assert CategoriesOptions().fit(training) is None
