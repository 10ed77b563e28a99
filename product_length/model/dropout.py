"""Dropout that costs little on a CPU."""

import torch
from torch import Tensor, nn
from typing_extensions import override

_LEVELS = 1 << 16
"""In so many steps probabilities are told apart."""


class Dropout(nn.Dropout):
    """torch's dropout, on a CPU from 16 random bits for each number: several times as fast."""

    @override
    def forward(self, input: Tensor) -> Tensor:
        """The input, (…), with some numbers set to 0 and the others scaled up; as it is in use."""
        dropped = round(self.p * _LEVELS)
        if not self.training or input.device.type != "cpu" or not 0 < dropped < _LEVELS:
            return super().forward(input)
        words = torch.empty(-(-input.numel() // 4), dtype=torch.int64)
        words.random_(torch.iinfo(torch.int64).min, None)
        drawn = words.view(torch.int16)[: input.numel()].view(input.shape)
        kept = (drawn >= dropped - _LEVELS // 2).to(input.dtype)
        return input * kept.mul_(1 / (1 - self.p))
