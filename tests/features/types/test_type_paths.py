"""Types that are paths: what divides them, their codes, vectors and counts by hand."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from builders import batch_of, products_of, small_grid, through_a_file, training_of
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.features.feature import Training
from product_length.features.types.config import TypesOptions
from product_length.features.types.encoder import TypesEncoder
from product_length.features.types.expert import TypesExpert
from product_length.features.types.paths import TypePaths

GRID = small_grid()
TYPES = ["Home > Mugs", "Home > Mugs", "Home > Pans > Woks", "Home>Pans > Lids", "Toys", "", "Toys"]


def training_on(types, rows):
    rows = np.asarray(rows)
    products = products_of(["x"] * len(types), types)
    return Training(products, rows, np.ones(len(rows), np.float32), {}, {}, SimpleNamespace())


def fitted(types, rows, **options):
    return TypesOptions(**options).fit(training_on(types, rows))


@pytest.mark.parametrize(
    ("types", "separator"),
    [
        (["a > b", "a > c", "d > e", "d > f"], ">"),
        (["a>b/c", "a>d/e", "f"], ">"),
        (["a » b", "a » c"], "»"),
        (["Pens/Blue", "Pens/Red", "Pens/Green", "Cups"], "/"),
        (["Toys - Cars", "Toys - Dolls", "Toys - Bears"], " - "),
        (["T-shirt", "T-bone", "T-bar"], None),
        (["TV/Radio", "Bags/Luggage", "Hats/Caps", "Shoes"], None),  # a mark, but no tree
        (["Pens/Blue", "Pens/Red", "Cups", "Hats", "Shoes"], None),  # most have none
        (["a > b"], None),
        (["13", "14"], None),
        ([], None),
    ],
)
def test_what_divides_types_is_found_only_where_they_form_a_tree(types, separator):
    assert TypePaths.found(types, "auto").separator == separator
    assert TypePaths.found(types, None).separator is None
    assert TypePaths.found(types, "#").separator == "#"


def test_levels_are_spelt_alike_and_deep_ones_belong_to_the_eighth():
    paths = TypePaths(">")
    assert paths.levels(" Home >Pans> ") == ["Home", "Home>Pans"]
    assert paths.levels(">") == [">"]
    deep = paths.levels(">".join("abcdefghij"))
    assert deep[:3] == ["a", "a>b", "a>b>c"]
    assert len(deep) == 8
    assert deep[-1] == "a>b>c>d>e>f>g>h>i>j"


@settings(deadline=None)
@given(
    st.lists(st.text(st.sampled_from("ab> "), max_size=9).map(str.strip), min_size=1, max_size=30),
    st.integers(1, 4),
)
def test_each_code_is_the_lowest_level_with_enough_rows(types, min_rows):
    paths = TypePaths(">")
    column = products_of(["x"] * len(types), types).types
    vocabulary = paths.vocabulary(column, min_rows)
    codes = paths.encode(column, vocabulary)
    chains = paths.chains(vocabulary)
    # The reference looks for "path starts with", where the package adds up what is in each level.
    parts = [[each.strip() for each in name.split(">") if each.strip()] or [name] for name in types]
    for own, code in zip(parts, codes, strict=True):
        enough = [
            own[:depth]
            for depth in range(1, len(own) + 1)
            if own != [""] and sum(other[:depth] == own[:depth] for other in parts) >= min_rows
        ]
        assert code == (vocabulary.names.index(">".join(enough[-1])) + 1 if enough else 0)
        if enough:
            names = [vocabulary.names[each - 1] for each in chains[code] if each > 0]
            assert names == [">".join(level) for level in enough]
    assert chains[0].tolist() == [0] + [-1] * (chains.shape[1] - 1)


@settings(deadline=None)
@given(st.lists(st.text("ab", max_size=2), min_size=1, max_size=20))
def test_types_that_are_no_paths_are_as_they_were(types):
    one, column = fitted(types, range(len(types)), separator="auto")
    two, other = fitted(types, range(len(types)), separator=None)
    np.testing.assert_array_equal(column, other)
    assert one.state() == two.state()
    assert one.vocabulary.names == TypePaths(None).vocabulary(column_of(types), 3).names
    chains = one.paths.chains(one.vocabulary)
    assert chains.tolist() == [[code] for code in range(one.vocabulary.size)]


def column_of(types):
    return products_of(["x"] * len(types), types).types


def test_untrained_vectors_and_lost_types_of_flat_types_are_drawn_as_before():
    """By hand, as the encoder of types without levels was: an embedding, and code 0 where lost."""
    torch.manual_seed(3)
    encoder = TypesEncoder(torch.arange(5)[:, None], 4, dropout=0.3)
    codes = torch.randint(5, (50,))
    vectors = encoder(codes)
    torch.manual_seed(3)
    table = torch.nn.Embedding(5, 4)
    torch.nn.init.normal_(table.weight, std=0.05)
    codes = torch.randint(5, (50,))
    lost = torch.rand(codes.shape) < 0.3
    assert torch.equal(vectors, table(codes.masked_fill(lost, 0)))
    assert list(encoder.state_dict()) == ["vectors.weight"]


def test_a_rare_type_is_taken_for_the_level_above():
    feature, column = fitted(TYPES, range(7), min_rows=2)
    assert feature.vocabulary.names == ("Home", "Home>Mugs", "Home>Pans", "Toys")
    assert column.tolist() == [2, 2, 3, 3, 4, 0, 4]
    again = TypesOptions(min_rows=2).restore(through_a_file(feature.state()))
    new = products_of(
        ["x"] * 5, ["Home > Pans > Pots", "Home > Beds", "Cars > Red", "", "Toys>Red"]
    )
    found = again.transform(new, {})
    assert found.tolist() == [3, 1, 0, 0, 4]
    unseen = again.unseen(new, found)
    assert {what: np.flatnonzero(holds).tolist() for what, holds in unseen.items()} == {
        "have no product type": [3],
        "have a product type that training did not have": [0, 1, 2, 4],
        "have a new product type below one that training had": [0, 1, 4],
    }
    assert not any(
        each[column > 0].any()
        for each in again.unseen(products_of(["x"] * 7, TYPES), column).values()
    )


def test_only_training_rows_are_fitted_on():
    changed = [*TYPES[:5], "Home | Mugs", "x > y"]
    feature, column = fitted(TYPES, range(5), min_rows=1)
    other, other_column = fitted(changed, range(5), min_rows=1)
    assert feature.state() == other.state()
    np.testing.assert_array_equal(column[:5], other_column[:5])


def test_what_divides_types_is_said_in_one_line(caplog):
    caplog.set_level("INFO")
    fitted(TYPES, range(7), min_rows=2)
    (line,) = caplog.messages
    assert re.match(
        r"product types: 3 of 4 are paths divided by '>' \(features.types.separator\), of 3 levels "
        r"at most; 4 of all levels with 2 or more training rows",
        line,
    )


CHAINS = torch.tensor([[0, -1, -1], [1, -1, -1], [1, 2, -1], [1, 2, 3], [4, -1, -1]])


def test_vectors_are_the_sum_over_levels():
    encoder = TypesEncoder(CHAINS, 3, dropout=0.0)
    table = encoder.vectors.weight
    found = encoder(torch.tensor([3, 1, 0, 4]))
    torch.testing.assert_close(
        found, torch.stack([table[1] + table[2] + table[3], table[1], table[0], table[4]])
    )


def test_a_row_that_loses_its_type_keeps_some_of_the_levels_above():
    torch.manual_seed(0)
    encoder = TypesEncoder(CHAINS, 3, dropout=0.6)
    vectors = encoder(torch.full((6000,), 3))
    table = encoder.vectors.weight
    kept = [table[1] + table[2] + table[3], table[1] + table[2], table[1], table[0]]
    shares = [torch.isclose(vectors, each).all(dim=1).float().mean().item() for each in kept]
    assert shares == pytest.approx([0.4, 0.2, 0.2, 0.2], abs=0.03)


def test_each_level_is_shrunk_to_the_one_above_and_a_training_row_is_left_out_of_all():
    """Counted by hand over rows, level by level."""
    expert = TypesExpert(GRID, 2, CHAINS, tilt=False)
    lengths = np.array([150.0, 150.0, 999.0, 50.0, 300.0], np.float32)
    codes = [3, 3, 2, 1, 4]
    expert.fit(training_of(lengths, types=np.array(codes)))
    added = [2.0, 3.0, 5.0]
    with torch.no_grad():
        expert.log_rows_above.copy_(torch.tensor(added).log())

    def by_hand(code, without=None):
        shares = GRID.marginal
        for level, node in enumerate(CHAINS[code].tolist()):
            if node >= 0:
                inside = [
                    GRID.smoothing[int(GRID.bin_of(torch.tensor([length]))[0])]
                    for row, (length, own) in enumerate(zip(lengths.tolist(), codes, strict=True))
                    if node in CHAINS[own].tolist() and row != without
                ]
                counts = torch.stack(inside).sum(0) if inside else torch.zeros(4)
                shares = (counts + added[level] * shares) / (len(inside) + added[level])
        return shares

    def said(codes, lengths=None):
        batch = batch_of(lengths, types=torch.tensor(codes))
        opinion = expert(batch, torch.zeros(len(codes), 2), GRID.marginal.log())
        return opinion.log_probs[:, 0].exp().detach()

    wanted = torch.stack([by_hand(code) for code in range(5)])
    torch.testing.assert_close(said([0, 1, 2, 3, 4]), wanted)
    left_out = torch.stack([by_hand(code, row) for row, code in enumerate(codes)])
    torch.testing.assert_close(said(codes, torch.from_numpy(lengths)), left_out)
    assert not torch.allclose(left_out, wanted[codes])
