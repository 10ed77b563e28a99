"""Learned vectors of hashed n-grams, of which a text is the mean.

Joulin et al. 2017, "Bag of Tricks for Efficient Text Classification" (fastText).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from product_length.embeddings.config import BagOptions
from product_length.features.encoder import Encoder

_SPREAD = 0.05


class NgramBag(Encoder):
    """A vector for each bucket; the gradient is sparse, of the batch's own buckets only."""

    is_text = True

    def __init__(self, options: BagOptions) -> None:
        super().__init__()
        self.width = options.dimensions
        self.dropout = options.dropout
        self.vectors = nn.Embedding(options.buckets + 1, options.dimensions, sparse=True)
        nn.init.normal_(self.vectors.weight, std=_SPREAD)

    def forward(self, ids: Tensor) -> Tensor:
        """Means float32 (rows, dimensions) of the vectors of ids, integers (rows, n); 0 is none.

        Zeros where a row has none. In training each id is left out with probability `dropout`.
        """
        if self.training and self.dropout:
            lost = torch.rand(ids.shape, device=ids.device) < self.dropout
            ids = ids.masked_fill(lost, 0)
        if torch.compiler.is_compiling():  # exported, as ONNX, which has no such operations
            known = (ids != 0)[:, :, None]
            total: Tensor = (self.vectors(ids) * known).sum(dim=1)
            return total / known.sum(dim=1).clamp(min=1)
        # The gradient of each used vector is added up densely, so that the sparse one is small and
        # has each bucket once. The 0 put in front is the first of the sorted, wanted or not.
        used, places = torch.unique(functional.pad(ids.flatten(), (1, 0)), return_inverse=True)
        return functional.embedding_bag(
            places[1:].view(ids.shape), self.vectors(used), mode="mean", padding_idx=0
        )

    def extra_repr(self) -> str:
        """What no submodule shows."""
        return f"dropout={self.dropout}"
