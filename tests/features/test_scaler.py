"""Means and deviations against NumPy's, and what an encoder makes of them."""

import warnings

import numpy as np
import pytest
import torch
from builders import through_a_file
from hypothesis import given
from hypothesis import strategies as st

from product_length.features import scaler as scaling
from product_length.features.encoder import NumbersEncoder
from product_length.features.scaler import Scaler


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.floats(0, 1))
def test_as_numpy_does_it_over_the_rows_that_have_a_number(seed, rows, missing):
    random = np.random.default_rng(seed)
    column = (random.normal(5, 3, (rows + 7, 4)) * [1, 100, 0, 1]).astype(np.float32)
    column[random.random(column.shape) < missing] = np.nan
    chosen = np.sort(random.choice(rows + 7, rows, replace=False))
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setattr(scaling, "_CHUNK_ROWS", 9)
        warnings.simplefilter("ignore")  # a mean of nothing
        found = Scaler.fit(column, chosen)
        wanted = np.nanmean(column[chosen].astype(float), axis=0)
        deviation = np.nanstd(column[chosen].astype(float), axis=0)
    np.testing.assert_allclose(found.mean, np.nan_to_num(wanted), rtol=1e-6)
    np.testing.assert_allclose(found.deviation, np.where(deviation > 1e-6, deviation, 1), rtol=1e-6)
    again = Scaler.from_state(through_a_file(found.state()))
    np.testing.assert_array_equal([again.mean, again.deviation], [found.mean, found.deviation])


def test_without_rows_there_is_no_mean():
    with pytest.raises(ValueError, match="no training rows"):
        Scaler.fit(np.ones((3, 2), np.float32), np.arange(0))


def test_an_encoder_standardises_as_numpy_does_and_a_missing_number_is_the_mean():
    column = np.random.default_rng(0).normal(7, 3, (50, 3)).astype(np.float32)
    column[::3, 1] = np.nan
    column[0, 0] = 1e6
    scaler = Scaler.fit(column, np.arange(1, 50))
    encoder = NumbersEncoder(scaler, 3, farthest=8.0)
    with torch.no_grad():
        encoder.projection.weight.copy_(torch.eye(3))
        encoder.projection.bias.fill_(10)  # so that nothing is cut off at 0
    found = encoder(torch.from_numpy(column)).detach().numpy() - 10
    wanted = (column.astype(float) - scaler.mean) / scaler.deviation
    wanted[0, 0] = 8
    np.testing.assert_allclose(found, np.nan_to_num(wanted), atol=1e-5)
    assert (found[::3, 1] == 0).all()
    assert encoder.width == 3
    assert not [name for name in encoder.state_dict() if "projection" not in name]
