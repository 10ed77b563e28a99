"""Residual blocks of one width over all inputs side by side.

After the ResNet of Gorishniy et al. 2021, "Revisiting Deep Learning Models for Tabular Data",
with layer norm in place of batch norm.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from product_length.model.config import ResidualMlp
from product_length.model.dropout import Dropout


class ResidualTrunk(nn.Module):
    """A projection to one width, pre-normalised residual blocks, a last norm."""

    def __init__(self, options: ResidualMlp, block_widths: Sequence[int]) -> None:
        super().__init__()
        self.width = options.width
        self.project = nn.Linear(sum(block_widths), options.width)
        self.blocks = nn.ModuleList(_branch(options) for _ in range(options.blocks))
        self.norm = nn.LayerNorm(options.width)

    def forward(self, blocks: Sequence[Tensor]) -> Tensor:
        """(rows, width) from blocks, each (rows, block width)."""
        features: Tensor = self.project(torch.cat(list(blocks), dim=1))
        for branch in self.blocks:
            features = features + branch(features)
        normed: Tensor = self.norm(features)
        return normed.relu()


def _branch(options: ResidualMlp) -> nn.Sequential:
    inner = max(1, round(options.width * options.expansion))
    return nn.Sequential(
        nn.LayerNorm(options.width),
        nn.Linear(options.width, inner),
        nn.ReLU(),
        Dropout(options.dropout),
        nn.Linear(inner, options.width),
        Dropout(options.dropout),
    )
