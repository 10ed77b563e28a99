"""The probability of a label as it is written, against plain sums."""

import math

import numpy as np
import pytest
import torch

from product_length.auditing.label_probability import (
    SAME,
    LabelCounts,
    Predicted,
    label_probability,
)
from product_length.decision.distribution import Distribution


@pytest.fixture
def cells():
    generator = np.random.default_rng(3)
    edges = np.sort(generator.uniform(0, 8, 30))
    return generator.dirichlet(np.ones(29), size=6), edges


def test_masses_are_those_of_the_distribution(cells):
    probabilities, edges = cells
    predicted = Predicted.of(probabilities, edges)
    whole = Distribution(torch.from_numpy(probabilities), torch.from_numpy(edges))
    logs = np.array([-1.0, 0.7, 3.3, 5.0, 7.9, 9.0])
    lengths = torch.from_numpy(np.exp(logs))
    np.testing.assert_allclose(predicted.cdf(np.arange(6), logs), whole.cdf(lengths), atol=1e-12)
    near = whole.cdf(lengths * math.exp(0.2)) - whole.cdf(lengths * math.exp(-0.2))
    np.testing.assert_allclose(predicted.near(np.arange(6), logs, 0.2), near, atol=1e-12)


def test_rows_that_are_chosen_are_those_that_are_asked_of(cells):
    probabilities, edges = cells
    predicted = Predicted.of(probabilities, edges)
    at = np.array([4, 0, 4])
    expected = [predicted.cdf(np.array([row]), np.array([3.0]))[0] for row in at]
    np.testing.assert_allclose(predicted.cdf(at, np.full(3, 3.0)), expected)


def test_labels_are_counted_near_and_the_same():
    lengths = np.array([10.0, 10.0, 10.0004, 10.3, 20.0])
    counts = LabelCounts.of(lengths)
    assert counts.count(np.log([10.0]), SAME).tolist() == [3]
    assert counts.count(np.log([10.0]), 0.04).tolist() == [4]
    assert np.exp(counts.distinct[0]) == pytest.approx([10.0, 10.3, 20.0])
    assert counts.distinct[1].tolist() == [3, 1, 1]


def test_popular_labels_have_most_of_what_is_near_them():
    """60 stands 50 times, 61 once: and a row's own label does not speak for itself."""
    counts = LabelCounts.of(np.array([60.0] * 50 + [61.0] + [300.0] * 20))
    other = np.log(np.full(4, 300.0))
    popular, rare, unseen, own = counts.share(
        np.log([60.0, 61.0, 60.5, 61.0]), 0.04, np.append(other[:3], np.log(61.0))
    )
    assert popular > 0.9
    assert 0 < unseen < rare < popular
    assert own < rare


def test_shares_of_all_labels_near_add_up_to_less_than_one():
    lengths = np.random.default_rng(0).integers(50, 70, 400).astype(float)
    counts = LabelCounts.of(lengths)
    half = 0.005
    for place in (55.0, 60.0):
        grid = np.exp(np.arange(math.log(place) - half, math.log(place) + half, 2 * SAME))
        total = counts.share(np.log(grid), half).sum()
        assert 0.5 < total < 1.6  # windows differ a little from label to label


def test_a_stated_length_is_likelier_to_the_last_digit(cells):
    probabilities, edges = cells
    predicted, counts = Predicted.of(probabilities, edges), LabelCounts.of(np.array([30.0, 31.0]))
    at, logs = np.array([0]), np.log([30.5])
    plain, stated = (
        label_probability(
            predicted, at, logs, counts, own=np.log([30.0]), is_stated=np.array([flag])
        )[0]
        for flag in (False, True)
    )
    assert stated > 5 * plain > 0
