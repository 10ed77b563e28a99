"""The plain trunk: fully connected layers over all inputs side by side."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from product_length.model.config import Mlp
from product_length.model.dropout import Dropout


class MlpTrunk(nn.Module):
    """Linear, batch norm, ReLU and dropout, once for each hidden width."""

    def __init__(self, options: Mlp, block_widths: Sequence[int]) -> None:
        super().__init__()
        self.width = options.hidden[-1]
        self.layers = hidden_layers(
            sum(block_widths), options.hidden, options.dropout, batch_norm=options.batch_norm
        )

    def forward(self, blocks: Sequence[Tensor]) -> Tensor:
        """(rows, width) from blocks, each (rows, block width)."""
        features: Tensor = self.layers(torch.cat(list(blocks), dim=1))
        return features


def hidden_layers(
    width: int, hidden: Sequence[int], dropout: float, *, batch_norm: bool
) -> nn.Sequential:
    """Fully connected layers from `width` inputs through every width of `hidden`."""
    layers: list[nn.Module] = []
    for size in hidden:
        layers.append(nn.Linear(width, size, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm1d(size))
        layers += [nn.ReLU(), Dropout(dropout)]
        width = size
    return nn.Sequential(*layers)
