"""Bins: ascending, wide enough, where the rows are, with tails; for any catalogue there may be."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.loss.bins import TAIL_CELLS, Bins, fit_bins

LAYOUT = {"bins": 128, "by_rows": 0.5, "narrowest": 0.005, "tail": 0.001}


def catalogue(rows: int, seed: int = 0) -> np.ndarray:
    """Log-normal lengths, rounded to whole units, a quarter of them at three popular values."""
    random = np.random.default_rng(seed)
    lengths = np.exp(random.normal(6.5, 1.1, rows)).round().clip(1)
    common = random.random(rows) < 0.25
    lengths[common] = random.choice([600.0, 590.55, 393.7], common.sum())
    return lengths.astype(np.float32)


def check(bins: Bins, lengths: np.ndarray, narrowest: float = 0.005) -> None:
    edges = bins.cell_edges
    assert np.isfinite(edges).all()
    assert (np.diff(edges) > 0).all()
    assert bins.outputs == len(bins.edges) + 1 >= 3
    assert len(edges) - 1 == bins.outputs - 2 + 2 * TAIL_CELLS
    assert np.diff(bins.edges).min() > narrowest / 5
    logs = np.log(lengths.astype(np.float64))
    assert edges[0] < logs.min()
    assert logs.max() < edges[-1]
    assert bins.lower[-1] == bins.edges[0]
    assert bins.upper[0] == bins.edges[-1]


@pytest.mark.parametrize("rows", [1000, 20_000])
def test_popular_lengths_have_narrow_bins_of_their_own(rows: int) -> None:
    lengths = catalogue(rows)
    bins = fit_bins(lengths, **LAYOUT)
    check(bins, lengths)
    assert 90 <= bins.outputs - 2 <= 140
    edges = np.array(bins.edges)
    for value in (600.0, 590.55, 393.7):
        i = np.searchsorted(edges, math.log(value)) - 1
        assert edges[i] == pytest.approx(math.log(value) - 0.0025, abs=1e-6)
        assert edges[i + 1] == pytest.approx(math.log(value) + 0.0025, abs=1e-6)


def test_edges_by_width_are_even_and_edges_by_rows_are_quantiles() -> None:
    lengths = np.exp(np.random.default_rng(1).normal(6, 1, 40_000)).astype(np.float32)
    even = np.diff(fit_bins(lengths, **{**LAYOUT, "bins": 40, "by_rows": 0}).edges)
    np.testing.assert_allclose(even, even[0], rtol=1e-9)
    by_rows = fit_bins(lengths, **{**LAYOUT, "bins": 40, "by_rows": 1})
    counts = np.histogram(np.log(lengths), by_rows.edges)[0]
    assert len(counts) == 40
    np.testing.assert_allclose(counts, 998, rtol=0.02)


def test_so_many_rows_lie_in_the_tails() -> None:
    lengths = np.exp(np.random.default_rng(1).normal(6, 1, 10_000))
    bins = fit_bins(lengths, **{**LAYOUT, "tail": 0.01})
    logs = np.log(lengths)
    assert (logs < bins.edges[0]).sum() == pytest.approx(100, abs=5)
    assert (logs > bins.edges[-1]).sum() == pytest.approx(100, abs=5)


def test_tails_follow_the_rows_beyond_the_edges() -> None:
    """Exponential rows beyond the edges: the cells of the tails hold equally many."""
    random = np.random.default_rng(2)
    logs = np.concatenate([random.normal(6, 0.3, 80_000), 7 + random.exponential(0.7, 20_000)])
    bins = fit_bins(np.exp(logs), **{**LAYOUT, "tail": 0.1})
    counts = np.histogram(logs, bins.upper)[0]
    np.testing.assert_allclose(counts, len(logs) * 0.1 / TAIL_CELLS, rtol=0.15)


def test_a_tail_of_one_wild_row_is_not_believed_too_much() -> None:
    """One length of 1.9e9 among lengths near 600: half of the tail lies below a ten-thousandth."""
    lengths = np.append(np.exp(np.random.default_rng(0).normal(6.4, 0.5, 500)), 1.9e9)
    bins = fit_bins(lengths, **LAYOUT)
    assert math.exp(bins.upper[-1]) == pytest.approx(3.8e9, rel=1e-6)
    assert math.exp(bins.upper[TAIL_CELLS // 2]) < 1.9e5


DEGENERATE = {
    "one row": [600.0],
    "all the same": [600.0] * 1000,
    "two lengths": [600.0, 393.7] * 500,
    "two lengths, one rare": [600.0] * 999 + [1.0],
    "twenty rows": list(catalogue(20)),
    "nearly the same": [600.0, 600.001, 600.002],
    "the extremes": [1.0, 1.9e9],
}


@pytest.mark.parametrize("lengths", DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.parametrize("by_rows", [0.0, 0.5, 1.0])
def test_any_catalogue_gets_bins(lengths: list[float], by_rows: float) -> None:
    given = np.array(lengths, dtype=np.float32)
    check(fit_bins(given, **{**LAYOUT, "by_rows": by_rows}), given)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.floats(0.01, 2e9), min_size=1, max_size=60),
    st.integers(2, 300),
    st.floats(0, 1),
    st.sampled_from([0.0005, 0.005, 0.1, 1.0]),
    st.sampled_from([1e-6, 0.001, 0.2]),
)
def test_any_lengths_and_layout_get_bins(
    lengths: list[float], bins: int, by_rows: float, narrowest: float, tail: float
) -> None:
    given = np.array(lengths * 3, dtype=np.float64)
    made = fit_bins(given, bins=bins, by_rows=by_rows, narrowest=narrowest, tail=tail)
    check(made, given, narrowest)
    assert Bins.from_state(json.loads(json.dumps(made.state()))) == made


@pytest.mark.parametrize("lengths", [[], [0.0, 1.0], [np.inf], [[1.0]], [np.nan]])
def test_other_lengths_are_refused(lengths: list[float]) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        fit_bins(np.array(lengths), **LAYOUT)
