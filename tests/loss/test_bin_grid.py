"""The bins as tensors against the objective that they are taken from."""

import numpy as np
import pytest
import torch
from builders import small_grid

from product_length.loss.bin_grid import BinGrid
from product_length.loss.histogram import Histogram
from product_length.training.objective import HistogramObjective

LENGTHS = np.random.default_rng(0).lognormal(6, 1, 500).astype(np.float32)
OBJECTIVE = HistogramObjective.build(Histogram(name="histogram", bins=12), LENGTHS)
GRID = OBJECTIVE.bin_grid(LENGTHS)


def test_the_bin_of_a_length_lies_between_edges_of_the_objective():
    asked = torch.from_numpy(LENGTHS)
    edges = np.array(OBJECTIVE.bins.edges)
    wanted = np.digitize(np.log(LENGTHS.astype(float)), edges, right=True)
    assert len(GRID) == OBJECTIVE.outputs == len(edges) + 1
    assert (GRID.bin_of(asked).numpy() == wanted).mean() > 0.998  # edges are float32


def test_smoothing_is_the_target_of_a_length_in_the_middle_of_its_bin():
    edges = np.array(OBJECTIVE.bins.edges)
    middles = torch.from_numpy(np.exp((edges[1:] + edges[:-1]) / 2))
    torch.testing.assert_close(GRID.smoothing[1:-1], OBJECTIVE.targets(middles).float())
    assert (GRID.smoothing.argmax(dim=1) == torch.arange(len(GRID))).all()
    for shares in (*GRID.smoothing, GRID.marginal):
        assert shares.sum().item() == pytest.approx(1, abs=1e-5)


def test_the_marginal_is_the_mean_target_of_training_rows():
    mean = OBJECTIVE.targets(torch.from_numpy(LENGTHS.astype(float))).mean(dim=0)
    wanted = (mean + 0.5 / 500 / len(GRID)) / (1 + 0.5 / 500)
    torch.testing.assert_close(GRID.marginal.double(), wanted, rtol=1e-4, atol=1e-7)
    assert (GRID.marginal > 0).all()


def test_weights_are_loaded_into_a_grid_of_the_same_size():
    empty = OBJECTIVE.bin_grid()
    assert isinstance(empty, BinGrid)
    empty.load_state_dict(GRID.state_dict())
    for name in ("edges", "smoothing", "marginal"):
        assert torch.equal(getattr(empty, name), getattr(GRID, name))


def test_counting_and_spreading_by_hand():
    grid = small_grid()
    counted = grid.counted(torch.tensor([0, 2, 2]), torch.tensor([50.0, 150.0, 999.0]), 3)
    wanted = torch.stack([grid.smoothing[0], torch.zeros(4), grid.smoothing[1] + grid.smoothing[3]])
    torch.testing.assert_close(counted, wanted)
    logs, weights = (
        torch.tensor([[50.0, 150.0], [1e-9, 500.0]]).log(),
        torch.tensor([[1.0, 2.0]] * 2),
    )
    each = grid.spread(logs, weights)
    torch.testing.assert_close(each[0], grid.smoothing[0] + 2 * grid.smoothing[1])
    torch.testing.assert_close(each[1], grid.smoothing[0] + 2 * grid.smoothing[3])
    together = grid.spread(logs, weights, torch.tensor([1, 1]), 3)
    torch.testing.assert_close(together[1], each.sum(dim=0))
    assert not together[[0, 2]].any()
