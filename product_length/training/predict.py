"""Outputs and lengths from a fitted network, with or without a training run around it."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from product_length.decision.config import DecisionOption
from product_length.model.network import Batch, LengthNetwork
from product_length.training.objective import Objective


def predict_raw(
    network: LengthNetwork, batches: Iterable[Batch], device: str | torch.device = "cpu"
) -> Tensor:
    """Raw outputs, float32 (rows, outputs), on the CPU, in the order of the batches.

    In full precision, with dropout off; the network is moved to `device` and left in evaluation
    mode.
    """
    network.to(device).eval()
    with torch.inference_mode():
        raw = [network(_moved(batch, device)).float().cpu() for batch in batches]
    return torch.cat(raw) if raw else torch.empty(0, network.head.out_features)


def decided(
    objective: Objective, raw: Tensor, decision: DecisionOption = "auto"
) -> NDArray[np.float32]:
    """Lengths, float32 (rows,), 1/100 inch, from raw outputs (rows, outputs).

    Raises ValueError as `Objective.lengths` does.
    """
    with torch.inference_mode():
        lengths: NDArray[np.float32] = objective.lengths(raw, decision).float().numpy()
    return lengths


def _moved(batch: Batch, device: str | torch.device) -> Batch:
    def there(block: Tensor | None) -> Tensor | None:
        return None if block is None else block.to(device)

    embeddings, types, neighbours, _, dimensions = batch
    moved = tuple(vectors.to(device) for vectors in embeddings)
    return Batch(moved, there(types), there(neighbours), None, there(dimensions))
