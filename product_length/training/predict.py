"""Lengths from a fitted network, with or without a training run around it."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from product_length.model.network import Batch, LengthNetwork
from product_length.training.objective import Objective


def predict_lengths(
    network: LengthNetwork,
    objective: Objective,
    batches: Iterable[Batch],
    device: str | torch.device = "cpu",
) -> NDArray[np.float32]:
    """Predicted lengths, float32 (rows,), 1/100 inch, in the order of the batches.

    In full precision, with dropout off; the network is moved to `device` and left in evaluation
    mode.
    """
    network.to(device).eval()
    lengths: list[Tensor] = []
    with torch.inference_mode():
        lengths += [objective.lengths(network(_moved(batch, device))).cpu() for batch in batches]
    if not lengths:
        return np.empty(0, dtype=np.float32)
    predicted: NDArray[np.float32] = torch.cat(lengths).float().numpy()
    return predicted


def _moved(batch: Batch, device: str | torch.device) -> Batch:
    def there(block: Tensor | None) -> Tensor | None:
        return None if block is None else block.to(device)

    embeddings, types, neighbours, _, dimensions = batch
    moved = tuple(vectors.to(device) for vectors in embeddings)
    return Batch(moved, there(types), there(neighbours), None, there(dimensions))
