"""Each kind of slip is named, on a synthetic catalogue in which the truth is known."""

import numpy as np
import pytest

from product_length.auditing.label_probability import LabelCounts, Predicted
from product_length.auditing.rates import FIRST_WRONG, fit_rates
from product_length.auditing.slips import (
    FACTORS,
    LOST_DIGIT,
    OTHER_LABEL,
    OTHER_SIDE,
    PACKAGE,
    explain,
    kinds_of,
)
from product_length.auditing.stated import StatedLength
from product_length.catalogue.units import CatalogueUnit
from product_length.measurements.measurement import Role

CM, KG = CatalogueUnit.named("cm"), CatalogueUnit.named("kg")
EDGES = np.linspace(np.log(0.05), np.log(50_000), 1501)
# Whole centimetres and a few inches, as labels are written.
USUAL = np.array([12.0, 15, 18, 24, 30, 35, 40, 45, 50, 60, 76.2, 80, 90, 104, 120])
GOOD_ROWS = 2000


def predicted_near(lengths, spread=0.25):
    """Log-normal predictions around these lengths, with a floor under all of them."""
    middles = (EDGES[1:] + EDGES[:-1]) / 2
    density = np.exp(-0.5 * ((middles - np.log(lengths)[:, None]) / spread) ** 2)
    density /= density.sum(axis=1, keepdims=True)
    return Predicted.of(0.98 * density + 0.02 / len(middles), EDGES)


def side(value, role=Role.NONE, *, package=False, column=""):
    return StatedLength(value, role, package, column)


def named(true, label, stated=(), unit=CM):
    """The kind that is named for one wrong label among 2,000 good ones, and the length before."""
    generator = np.random.default_rng(5)
    truths = generator.choice(USUAL, GOOD_ROWS)
    labels = np.append(truths, label)
    explained = explain(
        predicted_near(np.append(truths * np.exp(generator.normal(0, 0.2, GOOD_ROWS)), true)),
        labels,
        LabelCounts.of(labels),
        unit,
        [*[()] * GOOD_ROWS, stated],
    )
    rates = fit_rates(explained.right, explained.by_slip)
    column = int(rates.probabilities[-1, 1:].argmax())
    wrong = 1 - rates.probabilities[-1, 0]
    return explained.kinds[column], float(np.exp(explained.corrected[-1, column])), wrong


@pytest.mark.parametrize("kind", FACTORS)
@pytest.mark.parametrize("true", [24.0, 35.0])
def test_a_wrong_unit_or_point_is_named(kind, true):
    found, before, wrong = named(true, true * FACTORS[kind])
    assert found == kind
    assert before == pytest.approx(true)
    assert wrong > 0.5


def test_another_side_is_named_where_the_text_states_both():
    stated = [side(60.0, Role.LENGTH), side(7.3, Role.WIDTH), side(8.1, Role.HEIGHT)]
    found, before, wrong = named(60.0, 7.3, stated)
    assert (found, before) == (OTHER_SIDE, pytest.approx(60.0, rel=2e-3))
    assert wrong > 0.5


def test_another_column_is_another_side():
    found, _, wrong = named(60.0, 7.3, [side(7.3, column="depth_cm")])
    assert found == OTHER_SIDE
    assert wrong > 0.5


def test_the_package_is_named():
    stated = [side(30.0, Role.LENGTH), side(131.0, Role.LENGTH, package=True)]
    found, before, wrong = named(30.0, 131.0, stated)
    assert (found, before) == (PACKAGE, pytest.approx(30.0, rel=2e-3))
    assert wrong > 0.5


def test_a_lost_digit_is_named():
    for true, label in ((104.0, 14.0), (76.2, 7.2)):
        found, before, wrong = named(true, label)
        assert (found, before) == (LOST_DIGIT, pytest.approx(true)), label
        assert wrong > 0.5


def test_a_popular_label_far_out_is_another_products():
    found, before, wrong = named(15.0, 90.0)
    assert found == OTHER_LABEL
    assert np.isnan(before)
    assert wrong > 0.5


def test_a_good_label_is_not_wrong():
    for stated in ((), [side(30.0), side(60.0)]):
        assert named(30.0, 30.0, stated)[2] < 0.05


def test_slips_between_units_are_of_lengths_alone():
    assert "× 2.54" in kinds_of(CM)
    assert not {"× 2.54", "÷ 2.54", "× 25.4", "÷ 25.4"} & set(kinds_of(KG))
    assert named(30.0, 3.0, unit=KG)[0] == "÷ 10"


def test_rates_follow_the_catalogue():
    """300 of 3,000 labels are ten times too long: that slip becomes usual, the others do not."""
    generator = np.random.default_rng(1)
    right = generator.uniform(0.5, 1.5, 3000)
    by_slip = np.full((3000, 4), 1e-4)
    right[:300] = 1e-6
    by_slip[:300, 2] = 1.0
    rates = fit_rates(right, by_slip)
    assert np.argmax(rates.of_slips) == 2
    assert rates.of_slips[2] == pytest.approx((0.1 + FIRST_WRONG / 4) / 2, rel=0.02)
    assert (rates.probabilities[:300, 3] > 0.99).all()
    assert rates.right + rates.of_slips.sum() == pytest.approx(1)


def test_rates_are_the_most_probable_ones():
    """Against a search by brute force over the shares of one kind."""
    generator = np.random.default_rng(2)
    right, by_slip = generator.uniform(size=500), generator.uniform(size=(500, 1)) ** 4
    shares = np.linspace(1e-4, 1 - 1e-4, 20_001)
    values = np.log(right[:, None] * (1 - shares) + by_slip * shares).sum(axis=0)
    values += 500 * ((1 - FIRST_WRONG) * np.log(1 - shares) + FIRST_WRONG * np.log(shares))
    best = shares[values.argmax()]
    assert fit_rates(right, by_slip).of_slips[0] == pytest.approx(best, abs=2e-4)
