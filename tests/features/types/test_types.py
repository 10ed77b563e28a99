"""Product types: which have a code, their learned vectors, their lengths by hand."""

import numpy as np
import pytest
import torch
from builders import batch_of, products_of, small_grid, training_of, types_of

from product_length.artefacts import ArtefactStore
from product_length.features.feature import Training
from product_length.features.types.config import TypesOptions
from product_length.features.types.encoder import TypesEncoder
from product_length.features.types.expert import TypesExpert

GRID = small_grid()


def flat(types):
    """Types that are no paths: each has one level."""
    return torch.arange(types)[:, None]


def test_frequent_types_of_training_rows_have_a_code(tmp_path):
    products = products_of(["x"] * 8, ["a", "b", "b", "", "rare", "a", "b", "new"])
    rows = np.arange(7)
    training = Training(products, rows, np.ones(7, np.float32), {}, {}, ArtefactStore(tmp_path))
    feature, column = TypesOptions(min_rows=2).fit(training)
    assert column.tolist() == [2, 1, 1, 0, 0, 2, 1, 0]
    unseen = feature.unseen(products, column)
    assert [np.flatnonzero(holds).tolist() for holds in unseen.values()] == [[3], [7]]


def test_in_training_some_rows_lose_their_type_so_that_the_shared_vector_is_trained():
    torch.manual_seed(0)
    encoder = TypesEncoder(flat(11), 3, dropout=0.25)
    codes = torch.full((4000,), 5)
    vectors = encoder(codes)
    lost = (vectors == encoder.vectors.weight[0]).all(dim=1)
    assert lost.float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert (vectors[~lost] == encoder.vectors.weight[5]).all()
    vectors.sum().backward()
    assert encoder.vectors.weight.grad.abs().sum(1).nonzero().flatten().tolist() == [0, 5]
    assert (encoder.eval()(codes) == encoder.vectors.weight[5]).all()
    assert (codes == 5).all()  # the caller's tensor is left as it was


def test_lengths_are_shrunk_to_the_marginal_and_a_training_row_does_not_see_its_own():
    expert = TypesExpert(GRID, 2, flat(3), tilt=False)
    lengths = np.array([150.0, 150.0, 999.0, 50.0], np.float32)
    expert.fit(training_of(lengths, types=np.array([1, 1, 1, 2])))
    with torch.no_grad():
        expert.log_rows_above.fill_(torch.tensor(2.0).log())

    def said(codes, lengths=None):
        batch = batch_of(lengths, types=torch.tensor(codes))
        return expert(batch, torch.zeros(len(codes), 2), GRID.marginal.log()).log_probs[:, 0].exp()

    smoothed, marginal = GRID.smoothing, 2 * GRID.marginal
    wanted = torch.stack(
        [
            marginal / 2,  # a type without rows
            (2 * smoothed[1] + smoothed[3] + marginal) / 5,
            (smoothed[0] + marginal) / 3,
        ]
    )
    torch.testing.assert_close(said([0, 1, 2]).detach(), wanted)
    left_out = said([1, 2, 1], torch.tensor([150.0, 50.0, 999.0])).detach()
    torch.testing.assert_close(left_out[0], (smoothed[1] + smoothed[3] + marginal) / 4)
    torch.testing.assert_close(left_out[1], GRID.marginal)
    torch.testing.assert_close(left_out[2], (2 * smoothed[1] + marginal) / 4)


def test_with_a_tilt_there_is_a_second_part_from_which_later_experts_start():
    feature = types_of(["a"], expert=True)
    expert = feature.expert(GRID, 2)
    expert.fit(training_of(np.array([150.0]), types=np.array([1])))
    with torch.no_grad():
        expert.tilt.coefficients.bias[0] = -2.0
        opinion = expert.eval()(
            batch_of(types=torch.tensor([1])), torch.zeros(1, 2), GRID.marginal.log()[None]
        )
    assert opinion.log_probs.shape == (1, 2, 4)
    assert opinion.scores.shape == (1, 2)
    torch.testing.assert_close(opinion.expected, opinion.log_probs[:, 1])
    assert not torch.allclose(opinion.log_probs[:, 0], opinion.expected)
    assert types_of(["a"]).expert(GRID, 2) is None
