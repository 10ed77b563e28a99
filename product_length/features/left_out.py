"""What a training row is not to see of itself, nor of others with the same text.

Rows with the same text fall in one split: a validation row never meets its own text among the
training rows, so a training row must not either. Else an expert that counts lengths knows the
answer of each text that is repeated, is believed for it, and misleads on new products.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from product_length.features.columns import Batch
from product_length.features.feature import Training
from product_length.loss.bin_grid import BinGrid


def repeated_texts(
    text_keys: NDArray[np.uint64], rows: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """A number from 1 on of each text that several of `rows` have, 0 for other rows: int64 (n,).

    text_keys: uint64 (n,); rows: int64 (m,). None where no text is repeated.
    """
    keys, inverse, counts = np.unique(text_keys[rows], return_inverse=True, return_counts=True)
    repeated = counts > 1
    if not repeated.any():
        return None
    numbers = np.zeros(len(keys), np.int64)
    numbers[repeated] = np.arange(1, repeated.sum() + 1)
    found = np.zeros(len(text_keys), np.int64)
    found[rows] = numbers[inverse]
    return found


class LeftOut(nn.Module):
    """How training rows of one text have been counted, by code: what each of them leaves out.

    It is made anew for each training, and no part of a checkpoint.
    """

    keys: Tensor
    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("keys", torch.zeros(0, dtype=torch.int64), persistent=False)
        self.register_buffer("counts", torch.zeros(0, 0), persistent=False)
        self.size = 1

    def fit(self, training: Training, rows: Tensor, codes: Tensor, bins: BinGrid) -> None:
        """Count the rows of each repeated text and code, in place.

        rows: int64 (n,), places among the training rows; codes: int64 (n,), what each is counted
        under.
        """
        if training.repeated_texts is None:
            return
        texts = torch.from_numpy(training.repeated_texts[training.rows])[rows]
        some = texts > 0
        self.size = int(codes.max()) + 1 if len(codes) else 1
        self.keys, places = torch.unique((texts * self.size + codes)[some], return_inverse=True)
        lengths = torch.from_numpy(training.lengths)[rows[some]]
        self.counts = bins.counted(places, lengths, len(self.keys))

    def forward(self, batch: Batch, codes: Tensor, bins: BinGrid) -> Tensor:
        """What rows in training leave out under each code: float32 (rows, …, bins).

        codes: int64 (rows, …). Where a text is not repeated it is the row itself.
        """
        assert batch.lengths is not None
        own = bins.smoothing[bins.bin_of(batch.lengths)]
        own = own.view(len(own), *[1] * (codes.ndim - 1), -1).expand(*codes.shape, -1)
        if batch.texts is None or not len(self.keys):
            return own
        texts = batch.texts.view(-1, *[1] * (codes.ndim - 1))
        sought = texts * self.size + codes
        places = torch.searchsorted(self.keys, sought).clamp(max=len(self.keys) - 1)
        found = (texts > 0) & (codes < self.size) & (self.keys[places] == sought)
        return torch.where(found[..., None], self.counts[places], own)
