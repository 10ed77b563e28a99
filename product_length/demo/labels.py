"""How a label comes about: the product's own length, or one of the slips that sellers make."""

import numpy as np
import numpy.typing as npt

from product_length.demo.departments import DEPARTMENTS
from product_length.demo.measurements import LENGTH, PACK_LENGTH, WIDTH
from product_length.demo.world import SIZE_SHARES, STEPS, TIERS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CHANNELS = ("own length", "package", "width", "ten times", "a tenth", "inch taken for cm",
            "cm taken for inch", "stub", "roll")  # fmt: skip
OWN, PACKAGE, SIDE, TEN_TIMES, TENTH, TIMES_INCH, BY_INCH, STUB, ROLL = range(9)

# Slips that are the same in every department; package and roll come from the department.
_SLIPS = np.array([0.0, 0.0, 0.05, 0.005, 0.0035, 0.012, 0.016, 0.006, 0.0])
_CARELESSNESS = (0.6, 1.0, 1.5)


def _channel_shares() -> Floats:
    shares = np.tile(_SLIPS, (len(DEPARTMENTS), TIERS, 1))
    for index, department in enumerate(DEPARTMENTS):
        shares[index, :, PACKAGE] = department.parcel
        shares[index, :, ROLL] = department.rolled
    shares *= np.array(_CARELESSNESS)[None, :, None]
    shares[:, :, OWN] = 1.0 - shares.sum(axis=2)
    return shares


CHANNEL_SHARES = _channel_shares()
"""float64 (departments, TIERS, channels)."""


def _step_shares() -> Floats:
    centres = np.array([0.7, 2.3, 3.7, 4.8])[None, :, None, None]
    shifts = np.array([-0.8, 0.0, 0.9])[None, None, :, None]
    widths = np.array([0.6, 0.9, 1.4])[:, None, None, None]
    distances = (np.arange(STEPS, dtype=np.float64) - centres - shifts) / widths
    weights: Floats = np.exp(-0.5 * distances**2)
    totals: Floats = weights.sum(axis=3, keepdims=True)
    return weights / totals


STEP_SHARES = _step_shares()
"""float64 (profiles, sizes, TIERS, STEPS)."""
STEP_SHARES_ANY_SIZE = np.einsum("s,pstj->ptj", SIZE_SHARES, STEP_SHARES)
"""float64 (profiles, TIERS, STEPS), where the text shows no size."""


def channel_lengths(sides: Floats, stubs: Floats) -> Floats:
    """The label that each channel gives, float64 (..., channels), 1/100 inch.

    `sides` float64 (..., 6) and `stubs` float64 (...) are in 1/100 inch.
    """
    if sides.shape[:-1] != stubs.shape:
        raise ValueError(f"sides {sides.shape} and stubs {stubs.shape} do not fit")
    own = sides[..., LENGTH]
    labels = np.empty((*stubs.shape, len(CHANNELS)))
    labels[..., OWN] = own
    labels[..., PACKAGE] = sides[..., PACK_LENGTH]
    labels[..., SIDE] = sides[..., WIDTH]
    labels[..., TEN_TIMES] = own * 10
    labels[..., TENTH] = own / 10
    labels[..., TIMES_INCH] = own * 2.54
    labels[..., BY_INCH] = own / 2.54
    labels[..., STUB] = stubs
    labels[..., ROLL] = np.maximum(np.rint(own * 0.04 / 10), 1.0) * 10
    # Two decimals make equal lengths equal bits, so that they can be merged into one atom.
    return np.asarray(np.round(np.maximum(labels, 1.0), 2), np.float64)


def sample_from(shares: Floats, uniforms: Floats) -> Ints:
    """Sample an index from each row of `shares` (rows, choices); `uniforms` (rows,) in [0, 1)."""
    running = np.cumsum(shares, axis=1)
    sampled = (uniforms[:, None] * running[:, -1:] >= running).sum(axis=1)
    return np.asarray(np.minimum(sampled, shares.shape[1] - 1))
