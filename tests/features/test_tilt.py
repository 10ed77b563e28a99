"""The tilt against its formula, and that it speaks of ranks."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from product_length.features.tilt import Tilt

SHARES = torch.tensor([[0.1, 0.4, 0.3, 0.2], [0.7, 0.1, 0.1, 0.1]])


def tilt_by(coefficients, outputs):
    tilt = Tilt(1, outputs)
    with torch.no_grad():
        tilt.coefficients.bias[: len(coefficients)] = torch.tensor(coefficients)
    return tilt


def test_an_untrained_tilt_changes_nothing():
    found = Tilt(3, 4)(SHARES.log(), torch.randn(2, 3)).exp()
    torch.testing.assert_close(found, SHARES)


def test_it_multiplies_by_waves_of_the_rank():
    tilt = Tilt(2, 4)
    torch.nn.init.normal_(tilt.coefficients.weight, generator=torch.Generator().manual_seed(1))
    features = torch.tensor([[1.0, -2.0], [0.5, 0.3]])
    with torch.no_grad():
        found = tilt(SHARES.log(), features).exp().numpy()
        given_ = tilt.coefficients(features).double().numpy()
    for row in range(2):
        shares = SHARES[row].double().numpy()
        rank = np.cumsum(shares) - shares / 2
        wanted = shares * np.exp(
            sum(c * np.cos(np.pi * k * rank) for k, c in enumerate(given_[row], start=1))
        )
        np.testing.assert_allclose(found[row], wanted / wanted.sum(), rtol=1e-4)


def test_the_same_tilt_moves_a_wide_and_a_narrow_distribution_to_their_own_upper_ends():
    """As "large" does: it says nothing of the length itself."""
    shares = torch.tensor([[0.2] * 5 + [0.0] * 5, [0.0] * 5 + [0.2] * 5]).clamp(min=1e-9)
    found = tilt_by([-3.0], 10)(shares.log(), torch.zeros(2, 1)).exp()
    torch.testing.assert_close(found[0, :5], found[1, 5:], rtol=1e-3, atol=1e-5)
    assert (found[0, :5].diff() > 0).all()
    assert found[0, 4] > 0.4


@given(st.integers(0, 2**32 - 1))
def test_what_comes_out_is_a_distribution(seed):
    random = torch.Generator().manual_seed(seed)
    tilt = tilt_by((4 * torch.randn(6, generator=random)).tolist(), 9)
    logs = (5 * torch.randn(3, 9, generator=random)).log_softmax(dim=1)
    with torch.no_grad():
        found = tilt(logs, torch.zeros(3, 1)).exp()
    torch.testing.assert_close(found.sum(dim=1), torch.ones(3))


def test_weights_of_an_older_version_load():
    """They came with the numbers that the series was made of."""
    tilt = Tilt(2, 4)
    older = {**tilt.state_dict(), "frequencies": torch.pi * torch.arange(1, 7)}
    assert Tilt(2, 4).load_state_dict(older).missing_keys == []
