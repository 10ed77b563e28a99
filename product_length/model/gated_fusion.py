"""Encoders brought to one width and mixed by a gate that looks at the row.

After the gating of a mixture of experts (Jacobs et al. 1991): the encoders are the experts.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from product_length.model.config import GatedFusion
from product_length.model.mlp import hidden_layers


class GatedFusionTrunk(nn.Module):
    """Softmax-weighted mean of the projected encoders, beside the other blocks, then an MLP.

    The first `encoders` blocks, of text encoders, are mixed; those of other features are appended
    as they are. All blocks together decide the gate.
    """

    def __init__(self, options: GatedFusion, block_widths: Sequence[int], encoders: int) -> None:
        super().__init__()
        self.width = options.hidden[-1]
        self.encoders = encoders
        self.projections = nn.ModuleList(
            nn.Sequential(nn.Linear(width, options.width), nn.LayerNorm(options.width), nn.GELU())
            for width in block_widths[:encoders]
        )
        self.gate = nn.Linear(sum(block_widths), encoders) if encoders > 1 else None
        mixed = options.width if encoders else 0
        self.layers = hidden_layers(
            mixed + sum(block_widths[encoders:]), options.hidden, options.dropout, batch_norm=True
        )

    def forward(self, blocks: Sequence[Tensor]) -> Tensor:
        """(rows, width) from blocks, each (rows, block width), encoders first."""
        others = list(blocks[self.encoders :])
        if self.encoders:
            pairs = zip(self.projections, blocks, strict=False)
            projected = torch.stack([project(block) for project, block in pairs], dim=1)
            others.insert(0, (self.weights(blocks).unsqueeze(2) * projected).sum(1))
        features: Tensor = self.layers(torch.cat(others, dim=1))
        return features

    def weights(self, blocks: Sequence[Tensor]) -> Tensor:
        """The gate: share of each encoder, (rows, encoders), which sum to 1 in every row."""
        if self.gate is None:
            return blocks[0].new_ones(len(blocks[0]), 1)
        scores: Tensor = self.gate(torch.cat(list(blocks), dim=1))
        return scores.softmax(dim=1)
