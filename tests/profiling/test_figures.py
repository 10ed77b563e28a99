"""Figures of a profile against a slow and plain reckoning of the same."""

import math
from collections import Counter, defaultdict
from statistics import median

import numpy as np
import pytest

from product_length.catalogue.split import TEST, assign_splits
from product_length.catalogue.units import CatalogueUnit
from product_length.profiling.lengths import length_figures, to_digits
from product_length.profiling.mape import FOLDS

CM, KG = CatalogueUnit.named("cm"), CatalogueUnit.named("kg")


def best_constant(lengths):
    """By trying every length there is."""
    errors = {c: sum(abs(c / y - 1) for y in lengths) for c in set(lengths)}
    return min(errors, key=errors.get), min(errors.values())


def test_quantiles_and_common_lengths(profile, planted):
    lengths = planted.lengths
    figures = profile.lengths
    assert figures.least == min(lengths)
    assert figures.greatest == max(lengths)
    assert figures.quantiles["0.5"] == pytest.approx(median(lengths))
    assert sum(figures.rows) == len(lengths)
    counts = Counter(float(f"{y:.4e}") for y in lengths).most_common()
    assert figures.values == len(counts)
    assert figures.most_common[0].rows == counts[0][1]
    reached = np.cumsum([rows for _, rows in counts])
    assert reached[figures.values_of_half - 1] >= len(lengths) / 2
    assert reached[figures.values_of_half - 2] < len(lengths) / 2


def test_every_length_is_in_its_bin():
    rng = np.random.default_rng(0)
    lengths = 10 ** rng.uniform(-4, 9, 5000)
    figures = length_figures(lengths, CM)
    assert sum(figures.rows) == 5000
    edges = np.array(figures.edges)
    assert edges[0] <= lengths.min()
    assert edges[-1] >= lengths.max()
    by_bin = np.histogram(lengths, edges)[0]
    assert np.abs(by_bin - figures.rows).sum() <= 2  # on an edge, to the last bit


def test_digits():
    values = np.array([393.700787, 393.7, 0.00123456, 98765.4, 1.9e9])
    assert to_digits(values, 5).tolist() == pytest.approx(
        [393.7, 393.7, 0.0012346, 98765, 1.9e9], rel=1e-12
    )


@pytest.mark.parametrize(
    ("lengths", "name", "share"),
    [
        ([10.0, 25.0, 30.0, 12.7], "whole centimetres", 0.75),
        ([2.54, 5.08, 7.62, 10.0], "whole inches", 0.75),
        ([0.254, 0.762, 1.27, 5.0], "tenths of an inch", 0.75),
        ([100.0, 250.0, 300.0, 312.0], "whole metres", 0.5),
    ],
)
def test_grids(lengths, name, share):
    figures = length_figures(np.array(lengths), CM)
    assert {grid.name: grid.share for grid in figures.grids}[name] == pytest.approx(share)


def test_what_is_on_a_grid_by_chance():
    """Lengths that are not round, with three decimals."""
    lengths = np.round(np.random.default_rng(0).uniform(20, 80, 20_000), 3)
    figures = length_figures(lengths, CM)
    assert {grid.name for grid in figures.grids} >= {"whole centimetres", "tenths of an inch"}
    for grid in figures.grids:
        expected = math.sqrt(grid.by_chance / 20_000)
        assert grid.share == pytest.approx(grid.by_chance, abs=4 * expected + 1e-4), grid.name


def test_what_is_no_length_has_grids_of_its_own():
    figures = length_figures(np.array([1.0, 2.0, 2.5, 10.0]), KG)
    assert {grid.name: grid.share for grid in figures.grids}["multiples of 1 kg"] == 0.75


def test_the_best_constant_and_the_type_median_out_of_fold(profile, planted):
    lengths, kinds = planted.lengths, [row[4] for row in planted.rows]
    constant, error = best_constant(lengths)
    assert profile.mape.best_constant == pytest.approx(constant)
    folds = fold_of_each(planted)
    by_constant, by_type = [], []
    for fold in range(FOLDS):
        fitted = [row for row, own in enumerate(folds) if own != fold]
        groups = defaultdict(list)
        for row in fitted:
            groups[kinds[row]].append(lengths[row])
        every = best_constant([lengths[row] for row in fitted])[0]
        best = {
            kind: best_constant(group)[0]
            for kind, group in groups.items()
            if kind and len(group) >= 5
        }
        for row, own in enumerate(folds):
            if own == fold:
                by_constant.append(abs(every / lengths[row] - 1))
                by_type.append(abs(best.get(kinds[row], every) / lengths[row] - 1))
    assert profile.mape.constant == pytest.approx(sum(by_constant) / len(lengths))
    assert profile.mape.type_median == pytest.approx(sum(by_type) / len(lengths))
    assert profile.mape.constant >= error / len(lengths)


def fold_of_each(planted):
    """The folds of `sweep=folds`, from the texts of the rows."""
    import xxhash

    texts = [" ".join(filter(None, (row[1], row[2], row[3].strip()))) for row in planted.rows]
    keys = np.array([xxhash.xxh3_64_intdigest(text.encode()) for text in texts], np.uint64)
    from product_length.catalogue.config import SplitOptions

    folds = np.zeros(len(keys), int)
    for fold in range(FOLDS):
        folds[assign_splits(keys, SplitOptions(folds=FOLDS, fold=fold)) == TEST] = fold
    return folds.tolist()


def test_bands_have_their_share_of_the_weight(profile, planted):
    lengths = planted.lengths
    total = sum(1 / y for y in lengths)
    for band, (low, high) in zip(
        profile.mape.bands,
        [(0, 40), (100, 500), (500, 1000), (1000, 5000)],
        strict=True,
    ):
        inside = [y for y in lengths if low <= y < high]
        assert band.rows == len(inside)
        assert band.weight == pytest.approx(sum(1 / y for y in inside) / total)
    assert sum(band.weight for band in profile.mape.bands) == pytest.approx(1)
    weighed = sum(band.share * band.constant for band in profile.mape.bands)
    assert weighed == pytest.approx(profile.mape.constant)


def test_types(profile, planted):
    groups = defaultdict(list)
    for row, length in zip(planted.rows, planted.lengths, strict=True):
        groups[row[4]].append(length)
    without = len(groups.pop(""))
    figures = profile.types
    assert (figures.types, figures.rows_without) == (len(groups), without)
    assert (figures.rare_types, figures.rare_rows) == (20, 20)
    first = figures.largest[0]
    name, own = max(groups.items(), key=lambda pair: len(pair[1]))
    assert (first.name, first.rows) == (name, len(own))
    assert first.median == pytest.approx(median(own))
    assert first.spread == pytest.approx(np.quantile(own, 0.9) / np.quantile(own, 0.1))
    assert first.mape == pytest.approx(best_constant(own)[1] / len(own))


def test_fields(profile, planted):
    fields = {each.name: each for each in profile.fields}
    assert fields["title"].missing == 0
    assert fields["bullet_points"].missing == len(planted.rows)
    assert fields["bullet_points"].words == {}
    assert fields["description"].missing == sum(not row[3] for row in planted.rows)
    assert fields["product_type"].missing == sum(not row[4] for row in planted.rows)
    words = [len(row[1].split()) for row in planted.rows]
    assert fields["title"].words["0.5"] == median(words)


def test_what_texts_state(profile, planted):
    figures = profile.stated
    stating = [row for row in planted.rows if "Length: " in row[1] or "Size: " in row[1]]
    assert figures.stating == len(stating) == 240
    assert figures.is_label == 200
    sides = {side.name: side for side in figures.sides}
    assert (sides["length"].rows, sides["length"].is_label) == (200, 1.0)
    assert (sides["size"].rows, sides["size"].is_label) == (40, 0.0)
    assert figures.units == {"inch": 240}
    ratios, edges = np.array(figures.ratios), np.array(figures.ratio_edges)
    assert ratios.sum() == 40
    assert ratios[np.searchsorted(edges, 1 / 2.54) - 1] == 40
