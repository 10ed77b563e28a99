"""Bands of true length: the challenge's, the demo's, and those laid by training rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import TypeAdapter

from product_length.catalogue.config import DataOptions
from product_length.catalogue.units import HUNDREDTH_INCH, MILLIMETRES, CatalogueUnit
from product_length.evaluation.bands import MIN_ROWS, Bands, bands_of, plain_number

CHALLENGE = Bands((40, 100, 500, 1000, 5000))

smooth_rows = st.builds(
    lambda rows, seed, spread: np.exp(
        np.random.default_rng(seed).normal(3, spread, rows), dtype=np.float32
    ),
    st.integers(1, 3000),
    st.integers(0, 99),
    st.floats(0.05, 2),
)
any_rows = arrays(np.float32, st.integers(1, 400), elements=st.floats(0.0625, 2e9, width=32))


def test_the_challenges_bands_are_what_they_were():
    assert CHALLENGE.names == ("<40", "40–100", "100–500", "500–1000", "1000–5000", ">5000")
    assert CHALLENGE.short_below == 100
    edges = [1e-3, 39.999, 40, 99.999, 100, 499.9, 500, 999, 1000, 4999, 5000, 5000.001, 1e9]
    assert CHALLENGE.codes(edges).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 5, 5]
    assert CHALLENGE.is_short([40, 99.9, 100, 1e9]).tolist() == [True, True, False, False]


@given(smooth_rows | any_rows)
def test_quantile_bands_cover_all_lengths_ascend_and_none_is_nearly_empty(lengths):
    bands = Bands.by_quantiles(lengths)
    assert list(bands.edges) == sorted(set(bands.edges))
    assert len(bands) == len(bands.names) == len(set(bands.names)) == len(bands.edges) + 1 <= 6
    codes = bands.codes(lengths)
    sizes = np.bincount(codes, minlength=len(bands))
    assert sizes.sum() == len(lengths)
    assert len(sizes) == len(bands)
    assert len(bands) == 1 or sizes.min() >= MIN_ROWS
    ends = np.array([0, *bands.edges, np.inf], np.float32)
    assert (ends[codes] <= lengths).all()
    assert (lengths <= ends[codes + 1]).all()
    # A longer length is never in a lower band.
    assert (np.diff(codes[np.argsort(lengths)]) >= 0).all()


@given(smooth_rows, st.integers(-3, 3))
def test_a_power_of_ten_more_or_less_moves_the_point_only(lengths, power):
    factor = 10.0**power
    one, other = Bands.by_quantiles(lengths), Bands.by_quantiles(lengths * factor)
    assert other.edges == pytest.approx([factor * edge for edge in one.edges], rel=1e-6)
    np.testing.assert_array_equal(one.codes(lengths), other.codes(lengths * factor))


@pytest.mark.parametrize("unit", MILLIMETRES)
def test_in_another_unit_edges_lie_where_they_lay_but_for_their_two_digits(unit):
    cm = np.random.default_rng(0).gamma(2.0, 15.0, 5000)
    bands = Bands.by_quantiles(cm * 10 / MILLIMETRES[unit])
    assert len(bands) == 6
    wanted = np.quantile(cm, [0.10, 0.25, 0.50, 0.75, 0.95]) * 10 / MILLIMETRES[unit]
    assert bands.edges == pytest.approx(wanted, rel=0.05)
    for edge in bands.edges:
        assert len(plain_number(edge).replace(".", "").strip("0")) <= 2


def test_quantiles_by_hand():
    lengths = np.arange(1, 201, dtype=np.float32)  # 10% below 20.9, 25% below 50.75, …
    assert Bands.by_quantiles(lengths).edges == (21, 51, 100, 150, 190)
    assert Bands.by_quantiles(lengths).names[:2] == ("<21", "21–51")
    # Above 190 there would be too few of half as many.
    assert Bands.by_quantiles(lengths[::2]).edges == (21, 50, 100, 150)


@pytest.mark.parametrize("lengths", [[7.0], [7.0] * 1000, np.linspace(1, 2, 2 * MIN_ROWS - 1)])
def test_few_or_equal_lengths_are_one_band(lengths):
    bands = Bands.by_quantiles(lengths)
    assert (bands.names, bands.edges, bands.short_below) == (("all",), (), None)
    assert not bands.is_short(lengths).any()
    assert not bands.codes(lengths).any()


def test_two_lengths_are_two_bands():
    bands = Bands.by_quantiles([10.0] * 50 + [20.0] * 50)
    assert bands.names == ("≤15", ">15")
    assert bands.codes([10, 15, 15.1]).tolist() == [0, 0, 1]
    assert bands.short_below == 15


def test_an_edge_of_tenths_is_compared_as_the_catalogue_keeps_lengths():
    bands = Bands((0.1, 0.7, 2.0))
    assert bands.codes(np.array([0.1, 0.7], np.float32)).tolist() == [1, 2]
    assert bands.names == ("<0.1", "0.1–0.7", "0.7–2", ">2")
    assert Bands((0.00004, 1e6, 2.5e7)).names == (
        "<0.00004",
        "0.00004–1000000",
        "1000000–25000000",
        ">25000000",
    )


@pytest.mark.parametrize("edges", [(2, 1), (1, 1), (0, 1), (1, np.inf)])
def test_edges_that_do_not_ascend_are_refused(edges):
    with pytest.raises(ValueError, match="edges of bands must"):
        Bands(edges)


def data(**options):
    common = {"text": {"fields": ["title"]}, "split": {}}
    return TypeAdapter(DataOptions).validate_python(common | options)


def test_named_bands_come_before_the_demos_and_the_demos_before_quantiles():
    cm, lengths = CatalogueUnit.named("cm"), np.arange(1, 201, dtype=np.float32)
    columns = {"title": "name", "length": "width_cm"}
    table = {"source": "file", "path": "t.csv", "columns": columns}
    assert bands_of(data(**table, bands=[3, 5]), cm, lengths) == Bands((3, 5))
    assert bands_of(data(**table), cm, lengths) == Bands.by_quantiles(lengths)
    demo = data(source="demo")
    assert bands_of(demo, HUNDREDTH_INCH, lengths) == CHALLENGE
    assert bands_of(demo, cm, lengths).edges == (1.016, 2.54, 12.7, 25.4, 127)
    assert bands_of(data(source="demo", bands=[7]), cm, lengths).names == ("≤7", ">7")
