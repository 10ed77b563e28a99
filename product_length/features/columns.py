"""What features say of products, as named columns: arrays of a catalogue, tensors of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

Columns = Mapping[str, "NDArray[Any]"]
"""For each feature, by its name, an array (rows, …), raw: not standardised, NaN or 0 = missing."""


@dataclass(frozen=True)
class Batch:
    """Some rows as the network sees them.

    columns: for each feature, by its name, a tensor (rows, …). lengths: float32 (rows,), in
    the model's unit; None where they are to be predicted. texts: int64 (rows,), see
    `repeated_texts`; None outside of training, and where no text is repeated.
    """

    columns: Mapping[str, Tensor]
    lengths: Tensor | None
    texts: Tensor | None = None

    def __getitem__(self, name: str) -> Tensor:
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """The same with each tensor changed."""
        lengths = None if self.lengths is None else change(self.lengths)
        texts = None if self.texts is None else change(self.texts)
        columns = {name: change(column) for name, column in self.columns.items()}
        return Batch(columns, lengths, texts)

    def to(self, device: str | torch.device) -> Batch:
        """The same on another device."""
        return self.map(lambda tensor: tensor.to(device))
