"""Self-attention among the blocks of a row, each of them one token.

Vaswani et al. 2017, "Attention Is All You Need", with norms before the layers.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from product_length.model.config import Attention
from product_length.model.mlp import hidden_layers


class AttentionTrunk(nn.Module):
    """Every encoded feature projected to a token; their mean into an MLP.

    The bias of a block's own projection tells the tokens apart.
    """

    def __init__(self, options: Attention, block_widths: Sequence[int]) -> None:
        super().__init__()
        self.width = options.hidden[-1]
        self.projections = nn.ModuleList(nn.Linear(width, options.width) for width in block_widths)
        self.attention = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    options.width,
                    options.heads,
                    dim_feedforward=2 * options.width,
                    dropout=options.dropout,
                    activation="gelu",
                    batch_first=True,
                    norm_first=True,
                )
                for _ in range(options.layers)
            )
        )
        self.norm = nn.LayerNorm(options.width)
        self.layers = hidden_layers(options.width, options.hidden, options.dropout, batch_norm=True)

    def forward(self, blocks: Sequence[Tensor]) -> Tensor:
        """(rows, width) from blocks, each (rows, block width)."""
        pairs = zip(self.projections, blocks, strict=True)
        tokens = torch.stack([project(block) for project, block in pairs], dim=1)
        mixed: Tensor = self.norm(self.attention(tokens))
        features: Tensor = self.layers(mixed.mean(dim=1))
        return features
