"""Both scales of the output: inverse, positivity, gradients, float32 under autocast."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from product_length.model.target import (
    MAX_LENGTH,
    MIN_LENGTH,
    LinearTarget,
    LogTarget,
    Target,
    target_from_state,
    target_state,
)

TARGETS: list[Target] = [LinearTarget(113.0), LinearTarget(1.0), LinearTarget(7e5), LogTarget()]
every_target = pytest.mark.parametrize("target", TARGETS, ids=str)
catalogue_lengths = st.floats(math.log(1e-3), math.log(2e9)).map(math.exp)


@every_target
@settings(max_examples=300, deadline=None)
@given(length=catalogue_lengths)
def test_round_trip(target: Target, length: float) -> None:
    z = target.from_length(length)
    exact = target.to_length(torch.tensor([z], dtype=torch.float64)).item()
    assert exact == pytest.approx(length, rel=1e-8)
    rounded = target.to_length(torch.tensor([z], dtype=torch.float32)).item()
    assert rounded == pytest.approx(length, rel=1e-4)


@every_target
@settings(max_examples=300, deadline=None)
@given(z=st.floats(-1e6, 1e30))
def test_every_output_is_a_positive_finite_length(target: Target, z: float) -> None:
    output = torch.tensor([z], dtype=torch.float32, requires_grad=True)
    length = target.to_length(output)
    length.backward()
    assert 0 < length.item() <= MAX_LENGTH * 1.0001
    assert output.grad is not None
    assert torch.isfinite(output.grad).all()


def test_scales_by_hand() -> None:
    z = torch.tensor([-1.0, 0.0, 2.5])
    softplus = np.log(1 + np.exp(z.numpy()))
    np.testing.assert_allclose(LinearTarget(100.0).to_length(z), 100 * softplus, rtol=1e-5)
    np.testing.assert_allclose(LogTarget().to_length(z), np.exp(softplus) - 1, rtol=1e-5)
    # Far from zero the log scale's output is the logarithm itself.
    assert LogTarget().to_length(torch.tensor([10.0])).item() == pytest.approx(
        math.exp(10) - 1, rel=1e-3
    )


@every_target
def test_rises_with_the_output_and_has_the_gradient_of_finite_differences(target: Target) -> None:
    z = torch.linspace(-5, 21, 400, dtype=torch.float64)
    assert (target.to_length(z).diff() > 0).all()
    some = torch.tensor([-3.0, 0.2, 6.5, 20.9, 21.47], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: target.to_length(x).log(), (some,))


def test_gradient_leads_back_from_beyond_the_bend() -> None:
    z = torch.tensor([24.0], requires_grad=True)
    length = LogTarget().to_length(z)
    length.log().backward()
    assert 3.9e9 < length.item() <= MAX_LENGTH * 1.0001
    assert z.grad is not None
    assert z.grad.item() > 1e-4


@every_target
@pytest.mark.parametrize("length", [0.0, -3.0, MIN_LENGTH, MAX_LENGTH, math.nan, math.inf])
def test_inverse_refuses_what_is_never_predicted(target: Target, length: float) -> None:
    with pytest.raises(ValueError, match="is not between"):
        target.from_length(length)


@every_target
def test_computes_in_float32_under_autocast(target: Target) -> None:
    z = torch.tensor([0.3, 6.53, 9.1])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under = target.to_length(z)
        halved = target.to_length(z.bfloat16())
    assert under.dtype == halved.dtype == torch.float32
    torch.testing.assert_close(under, target.to_length(z), rtol=0, atol=0)


@every_target
def test_state_round_trip(target: Target) -> None:
    assert target_from_state(target_state(target)) == target


def test_faults() -> None:
    with pytest.raises(ValueError, match="choose linear or log"):
        target_from_state({"name": "sqrt"})
    with pytest.raises(ValueError, match="positive and finite"):
        LinearTarget(0.0)
    with pytest.raises(ValueError, match=r"\(3, 1\)"):
        LogTarget().to_length(torch.zeros(3, 1))
