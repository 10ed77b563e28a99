"""Outputs, lengths and ranks from a fitted network, with or without a training run around it."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from product_length.decision.config import DecisionOption
from product_length.decision.conformal import Coverage
from product_length.decision.distribution import Distribution
from product_length.features.columns import Batch
from product_length.model.network import LengthNetwork
from product_length.training.objective import Objective

_ROWS = 16384
"""Rows of distributions that are worked on at a time."""


def predict_raw(
    network: LengthNetwork, batches: Iterable[Batch], device: str | torch.device = "cpu"
) -> Tensor:
    """Raw outputs, float32 (rows, outputs), on the CPU, in the order of the batches.

    In full precision, with dropout off; the network is moved to `device` and left in evaluation
    mode.
    """
    network.to(device).eval()
    with torch.inference_mode():
        raw = [network(batch.to(device)).float().cpu() for batch in batches]
    return torch.cat(raw) if raw else torch.empty(0, network.head.out_features)


def expert_shares(
    network: LengthNetwork, batches: Iterable[Batch], device: str | torch.device = "cpu"
) -> dict[str, NDArray[np.float32]]:
    """The share of each expert in the mixture, float32 (rows,), by its feature's name.

    As `predict_raw`: in full precision, with dropout off; the network is moved to `device`. Empty
    without experts, or without rows.
    """
    network.to(device).eval()
    with torch.inference_mode():
        shares = [network.expert_shares(batch.to(device)) for batch in batches]
    names = shares[0] if shares else ()
    return {name: torch.cat([each[name] for each in shares]).cpu().numpy() for name in names}


def mean_expert_shares(
    network: LengthNetwork, batches: Iterable[Batch], device: str | torch.device = "cpu"
) -> dict[str, float]:
    """The mean share of each expert in the mixture, a fraction, by its feature's name."""
    shares = expert_shares(network, batches, device)
    return {name: float(each.mean(dtype=np.float64)) for name, each in shares.items()}


def decided(
    objective: Objective, raw: Tensor, decision: DecisionOption = "auto"
) -> NDArray[np.float32]:
    """Lengths, float32 (rows,), in the catalogue's unit, from raw outputs (rows, outputs).

    Raises ValueError as `Objective.lengths` does.
    """
    with torch.inference_mode():
        lengths: NDArray[np.float32] = objective.lengths(raw, decision).float().numpy()
    return lengths


def ranks(objective: Objective, raw: Tensor, lengths: NDArray[np.float32]) -> NDArray[np.float64]:
    """The predicted probability of at most each true length (PIT): float64 (rows,), 0 to 1.

    `raw`: (rows, outputs); `lengths`: float32 (rows,), in the catalogue's unit. Raises ValueError
    when the objective predicts no distribution.
    """
    truth = torch.split(torch.from_numpy(lengths), _ROWS)
    with torch.inference_mode():
        parts = zip(_distributions(objective, raw), truth, strict=True)
        return np.concatenate([some.cdf(lengths).numpy() for some, lengths in parts])


def intervals_of(objective: Objective, raw: Tensor, coverage: Coverage) -> NDArray[np.float32]:
    """Both ends of the intervals that hold `coverage`: float32 (rows, 2), in the catalogue's unit.

    `raw`: (rows, outputs). Raises ValueError when the objective predicts no distribution.
    """
    with torch.inference_mode():
        parts = _distributions(objective, raw)
        return np.concatenate([coverage.ends(some).float().numpy() for some in parts])


def _distributions(objective: Objective, raw: Tensor) -> Iterator[Distribution]:
    """In float64, some rows at a time: there are many cells."""
    for some in torch.split(raw, _ROWS):
        predicted = objective.distribution(some.double())
        if predicted is None:
            raise ValueError("a point loss predicts no distribution")
        yield predicted
