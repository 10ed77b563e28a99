"""Linear layers that start at zero: what they add to is at first as it is without them."""

from torch import nn


def zero_linear(inputs: int, outputs: int, *, bias: float = 0.0) -> nn.Linear:
    """A linear layer whose weights are 0 and whose biases are `bias`; it draws no random number."""
    layer: nn.Linear = nn.utils.skip_init(  # type: ignore[no-untyped-call]
        nn.Linear, inputs, outputs
    )
    nn.init.zeros_(layer.weight)
    nn.init.constant_(layer.bias, bias)
    return layer
