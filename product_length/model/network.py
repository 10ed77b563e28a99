"""The network: an encoder for each feature, a trunk, a head, and a mixture with experts."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from product_length.features.columns import Batch
from product_length.features.encoder import Encoder
from product_length.features.expert import Expert
from product_length.features.feature import Feature, Training
from product_length.features.zero_linear import zero_linear
from product_length.loss.bin_grid import BinGrid
from product_length.model.config import ModelOptions
from product_length.model.dropout import Dropout
from product_length.model.mixture import Mixture
from product_length.model.trunk import build_trunk


class LengthNetwork(nn.Module):
    """Encoded features, a trunk and a linear head of `outputs` numbers.

    features: in the order in which experts are asked; the trunk sees readings of the text first.
    bins: what the outputs stand for, where they are a distribution; features' experts are then
        mixed with it. None for a point loss.
    initial_bias: float (outputs,); the first prediction of every row, since the head's weights
        start at zero: training departs from the best constant. Zeros when None.

    Raises ValueError when the trunk would see nothing, or the bias has another shape.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        options: ModelOptions,
        outputs: int,
        bins: BinGrid | None = None,
        initial_bias: Tensor | None = None,
    ) -> None:
        super().__init__()
        seen = [(each.name, each.encoder()) for each in features]
        found = [(name, encoder) for name, encoder in seen if encoder is not None]
        encoders: dict[str, Encoder] = dict(sorted(found, key=lambda pair: not pair[1].is_text))
        if not encoders:
            raise ValueError("the network needs a feature that it can see")
        self.widths = {name: each.width for name, each in encoders.items()}
        """Of what the trunk sees of each feature, by its name."""
        self.encoders = nn.ModuleList(encoders.values())  # a ModuleDict takes no `keys` or `type`
        self.input_dropout = Dropout(options.input_dropout)
        texts = sum(each.is_text for each in encoders.values())
        self.trunk = build_trunk(options, list(self.widths.values()), texts)
        self.head = zero_linear(self.trunk.width, outputs)
        if initial_bias is not None:
            if initial_bias.shape != (outputs,):
                raise ValueError(f"initial_bias {tuple(initial_bias.shape)} is not ({outputs},)")
            with torch.no_grad():
                self.head.bias.copy_(initial_bias)
        self.mixture: Mixture | None = None
        if bins is not None:
            experts: dict[str, Expert] = {
                each.name: expert
                for each in features
                if (expert := each.expert(bins, self.trunk.width)) is not None
            }
            self.mixture = Mixture(experts, bins, self.trunk.width) if experts else None

    def fit_experts(self, training: Training) -> None:
        """Have features' experts count the training rows, in place."""
        if self.mixture is not None:
            self.mixture.fit(training)

    def forward(self, batch: Batch) -> Tensor:
        """Raw outputs float32 (rows, outputs), under autocast too.

        Raises KeyError when the batch lacks a column.
        """
        own, mixed = self.own_and_mixed(batch)
        return own if mixed is None else mixed

    def own_and_mixed(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """What the head says by itself, and its mixture with the experts, None without any.

        Both float32 (rows, outputs). Training teaches the head by both: by its share in the mixture
        alone it learns next to nothing of rows that an expert explains.
        """
        hidden = self._hidden(batch)
        # Half precision in the last step would round an emitted logarithm to several per cent.
        with torch.autocast(hidden.device.type, enabled=False):
            own: Tensor = self.head(hidden)
            return own, None if self.mixture is None else self.mixture(own, hidden, batch)

    def expert_shares(self, batch: Batch) -> dict[str, Tensor]:
        """The share of each expert in the mixture, float32 (rows,), by its feature's name."""
        if self.mixture is None:
            return {}
        hidden = self._hidden(batch)
        return self.mixture.shares(self.head(hidden), hidden, batch)

    def _hidden(self, batch: Batch) -> Tensor:
        """What the trunk makes of a batch: float32 (rows, width)."""
        columns = zip(self.widths, self.encoders, strict=True)
        encoded = [encode(batch[name]) for name, encode in columns]
        hidden: Tensor = self.trunk([self.input_dropout(each) for each in encoded])
        return hidden.float()
