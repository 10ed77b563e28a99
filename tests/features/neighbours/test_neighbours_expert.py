"""The neighbours' lengths as a distribution, by hand."""

import math

import numpy as np
import torch
from builders import batch_of, small_grid

from product_length.features.neighbours.expert import NeighboursExpert

GRID = small_grid()


def said(expert, lengths, cosines, same):
    """Column as `neighbour_features` orders it; statistics follow."""
    column = torch.cat([lengths.log(), cosines, same, torch.full((len(same), 2), 9.0)], 1)
    expected = expert.bins.marginal.log().expand(len(same), -1)
    with torch.no_grad():
        opinion = expert(batch_of(neighbours=column), torch.zeros(len(same), 2), expected)
    assert opinion.expected is expected
    assert not opinion.scores.any()
    return opinion.log_probs.exp()


def test_neighbours_weigh_by_similarity_and_type():
    lengths = torch.tensor([[50.0, 150.0, 500.0], [300.0, 300.0, 150.0]])
    cosines = torch.tensor([[0.9, 0.8, 0.7], [0.5, 0.4, 0.3]])
    same = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    bins = [[0, 1, 3], [2, 2, 1]]
    expert = NeighboursExpert(GRID, 2, 3)
    with torch.no_grad():
        expert.log_sharpness.copy_(torch.tensor([4.0, 12.0]).log())
        expert.same_type.copy_(torch.tensor([1.5, -0.5]))
    found = said(expert, lengths, cosines, same)
    assert found.shape == (2, 2, 4)
    for part, (sharpness, bonus) in enumerate([(4.0, 1.5), (12.0, -0.5)]):
        for row in range(2):
            weights = [
                math.exp(sharpness * float(c) + bonus * float(s))
                for c, s in zip(cosines[row], same[row], strict=True)
            ]
            shares = sum(
                weight / sum(weights) * GRID.smoothing[place].numpy()
                for place, weight in zip(bins[row], weights, strict=True)
            )
            wanted = 0.98 * shares + 0.02 * GRID.marginal.numpy()
            np.testing.assert_allclose(found[row, part].numpy(), wanted, rtol=1e-4)
