"""Stated lengths as a distribution: by hand, and from texts."""

import math

import numpy as np
import pytest
import torch
from builders import batch_of, products_of, small_grid

from product_length.artefacts import ArtefactStore
from product_length.features.feature import Training
from product_length.features.measurements.columns import column_names, pointer_columns
from product_length.features.measurements.config import MeasurementsOptions
from product_length.features.measurements.expert import MeasurementsExpert
from product_length.loss.histogram import Histogram
from product_length.training.objective import HistogramObjective

GRID = small_grid()


def column_of(*stated):
    """Rows that state these lengths, NaN for none, in the columns that are pointed at first."""
    column = torch.full((len(stated), len(column_names())), torch.nan)
    column[:, pointer_columns()[: len(stated[0])]] = torch.tensor(stated).log()
    return column


def test_each_stated_length_has_a_share_by_its_score():
    expert = MeasurementsExpert(GRID, 2, None, ratios=False)
    with torch.no_grad():
        expert.score.weight[:2] = torch.eye(2)
    hidden = torch.tensor([[3.0, 5.0], [2.0, 9.0], [1.0, 1.0]])
    column = column_of([150.0, 500.0], [150.0, math.nan], [math.nan, math.nan])
    expected = GRID.marginal.log().expand(3, -1)
    with torch.no_grad():
        opinion = expert(batch_of(measurements=column), hidden, expected)
    first, second = math.exp(3 - 4), math.exp(5 - 4)
    wanted = (first * GRID.smoothing[1] + second * GRID.smoothing[3]) / (first + second)
    torch.testing.assert_close(opinion.log_probs[0, 0].exp(), wanted)
    torch.testing.assert_close(opinion.log_probs[1, 0].exp(), GRID.smoothing[1])
    wanted_scores = torch.tensor([math.log(first + second), 2 - 4, -torch.inf])
    torch.testing.assert_close(opinion.scores[:, 0], wanted_scores)
    assert opinion.expected is expected


def fitted(titles, folder, lengths=None, **options):
    products = products_of(titles, ["t"] * len(titles))
    lengths = np.full(len(titles), 400, np.float32) if lengths is None else lengths
    rows = np.arange(len(titles))
    training = Training(products, rows, lengths, {}, {}, ArtefactStore(folder))
    feature, column = MeasurementsOptions(expert=True, **options).fit(training)
    return feature, torch.from_numpy(column)


@pytest.mark.parametrize("ratios", [False, True])
def test_a_length_that_all_training_rows_state_is_stated(tmp_path, ratios):
    feature, column = fitted(["Poster 10 cm long"] * 6, tmp_path, ratios=ratios)
    expert = feature.expert(GRID, 2).eval()
    with torch.no_grad():
        expected = GRID.marginal.log().expand(6, -1)
        opinion = expert(batch_of(measurements=column), torch.zeros(6, 2), expected)
    assert opinion.scores.isfinite().all()
    torch.testing.assert_close(
        opinion.log_probs[:, 0].exp(),
        GRID.smoothing[2].expand(6, -1),  # 393.7
    )
    assert feature.encoder()(column).isfinite().all()


def test_from_texts_to_the_narrow_bin_of_what_is_stated(tmp_path):
    lengths = np.array([590.55] * 40 + [393.7] * 40 + list(range(1, 3000, 7)), np.float32)
    bins = HistogramObjective.build(Histogram(name="histogram"), lengths).bin_grid(lengths)
    texts = ["poster 15 cm long", "shelf 10 cm long", "a rug 14 inch wide", "a book"]
    feature, column = fitted(texts, tmp_path, ratios=False)
    with torch.no_grad():
        expected = bins.marginal.log().expand(4, -1)
        opinion = feature.expert(bins, 2)(
            batch_of(measurements=column), torch.zeros(4, 2), expected
        )
    shares = opinion.log_probs[torch.arange(3), 0, bins.bin_of(torch.tensor([590.55, 393.7, 1400]))]
    assert (shares.exp() > 0.4).all()
    assert torch.isneginf(opinion.scores[:, 0]).tolist() == [False, False, False, True]
